/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how verbs and options are found in what was typed, for every program here; leaves which
 * verbs there are to the program. */
#include "ctl/program.h"

#include <fcntl.h>
#include <getopt.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>

#include "base/text.h"
#include "ctl/client/client-call.h"
#include "ctl/help.h"
#include "ctl/parse.h"
#include "ctl/show/pager.h"
#include "ctl/show/terminal.h"
#include "ctl/suggest.h"
#include "ctl/system-program.h"
#include "version.h"

/* How many words of argv name the verb: 0, 1 or 2. A first word of two alone stands for the first
 * of its verbs. */
static size_t match(const Verb *v, char **argv, bool alone) {
        size_t n = strcspn(v->name, " ");

        if (!v->name[n])
                return streq(v->name, argv[0]);
        if (strlen(argv[0]) != n || strncmp(v->name, argv[0], n) != 0)
                return 0;
        if (alone)
                return 1;
        return argv[1] && streq(v->name + n + 1, argv[1]) ? 2 : 0;
}

const Verb *program_find_verb(const Program *p, char **argv, size_t *ret_words) {
        bool alone = !argv[1] || argv[1][0] == '-';

        for (size_t i = 0; i < p->n_groups; i++)
                for (const Verb *v = p->groups[i].verbs; v->name; v++)
                        if ((*ret_words = match(v, argv, alone)) > 0)
                                return v;
        return NULL;
}

/* A first word that is right deserves to be told what may follow it, "a|b|c"; NULL: it is none of
 * two. */
static char *second_words(const Program *p, char **argv) {
        char *words = NULL;

        for (size_t i = 0; i < p->n_groups; i++)
                for (const Verb *v = p->groups[i].verbs; v->name; v++) {
                        _cleanup_free_ char *before = NULL;

                        if (match(v, argv, true) == 0)
                                continue;
                        before = TAKE_PTR(words);
                        if (asprintf(&words, "%s%s%s", before ?: "", before ? "|" : "",
                                     strchr(v->name, ' ') + 1) < 0)
                                return NULL;
                }
        return words;
}

static int fail_verb(Ctl *ctl, char **argv) {
        _cleanup_free_ char *words = second_words(ctl->program, argv);
        const Program *p = ctl->program;
        Suggestion s = { .typed = argv[0] };
        char first[NAME_SIZE];

        if (words)
                return ctl_fail_choice(ctl, argv[0], argv[1], words);
        for (size_t i = 0; i < p->n_groups; i++)
                for (const Verb *v = p->groups[i].verbs; v->name; v++) {
                        const char *before = s.best;

                        if (!v->help)
                                continue;
                        snprintf(first, sizeof(first), "%.*s", (int) strcspn(v->name, " "),
                                 v->name);
                        suggest(&s, first);
                        if (s.best != before)
                                s.best = v->name;
                }
        if (s.best)
                return client_fail_as(
                        ctl, "BadRequest", EXIT_USAGE,
                        _("There is no verb %s; did you mean %.*s? %s --help lists them"), argv[0],
                        (int) strcspn(s.best, " "), s.best, p->name);
        return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                              _("There is no verb %s; %s --help lists them"), argv[0], p->name);
}

static int run_verb(Ctl *ctl, int argc, char **argv) {
        size_t n_words;

        for (char **a = argv; *a; a++)
                if (!text_is_valid(*a, strlen(*a), true))
                        return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                              _("An argument is not UTF-8, or holds control "
                                                "characters"));
        ctl->verb = program_find_verb(ctl->program, argv, &n_words);
        if (!ctl->verb)
                return fail_verb(ctl, argv);
        return ctl->verb->run(ctl, argc - (int) (n_words - 1), argv + n_words - 1);
}

/* "help user list" is "user list --help". */
static int run_help(Ctl *ctl, int argc, char **argv) {
        static char option[] = "--help";
        _cleanup_free_ char **words = new0(char *, (size_t) argc + 2);
        bool is_all = true;
        int n = 0;

        if (!words)
                return client_fail(ctl, NULL, -ENOMEM);
        for (char **a = argv + 1; *a; a++) {
                if (streq(*a, "help"))
                        continue;
                words[n++] = *a;
                if (**a != '-')
                        is_all = false;
                else if (streq(*a, "--no-pager"))
                        ctl->no_pager = true;
        }
        if (is_all)
                return help_program(ctl);
        words[n++] = option;
        return run_verb(ctl, n, words);
}

/* Whoever starts us without one of the three would have the bus's socket take its number: our own
 * words would go there. There is nothing to read then, and writing fails. */
static int open_standard(void) {
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
                        return -EBADF;
        return 0;
}

int program_run(const Program *program, int argc, char **argv) {
        struct option longs[] = {
                { "json", optional_argument, NULL, 'J' },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'V' },
                { "no-pager", no_argument, NULL, 'P' },
                { program->is_system ? "no-ask-password" : "system", no_argument, NULL,
                  program->is_system ? 'N' : 'S' },
                { "in-chat", no_argument, NULL, 'C' }, /* a chat's own, see chat/verbs.c */
                {},
        };
        static char status[] = "status";
        static char *status_argv[] = { status, NULL };
        Ctl ctl = {
                .tty = isatty(STDOUT_FILENO) > 0,
                .program = program,
                .columns = terminal_width(STDOUT_FILENO),
        };
        int c, r;

        if (open_standard() < 0)
                return EXIT_FAILED;
        /* What we get is UTF-8, and so is what we write, whatever the terminal says. */
        setlocale(LC_ALL, "");
        if (!streq(nl_langinfo(CODESET), "UTF-8"))
                setlocale(LC_CTYPE, "C.UTF-8");
        (void) bindtextdomain(P2PCHAT_GETTEXT_DOMAIN, P2PCHAT_LOCALE_DIR);
        (void) textdomain(P2PCHAT_GETTEXT_DOMAIN);
        parse_find_json_mode(&ctl, argv);
        opterr = 0;
        while ((c = getopt_long(argc, argv, "+:jh", longs, NULL)) >= 0)
                switch (c) {
                case 'j':
                case 'J':
                        r = parse_json_mode(&ctl, c == 'j' ? NULL : optarg);
                        if (r != EXIT_OK)
                                return r;
                        break;
                case 'h':
                        r = help_program(&ctl);
                        pager_close(&ctl);
                        return r;
                case 'P':
                        ctl.no_pager = true;
                        break;
                case 'C':
                        ctl.in_chat = true;
                        break;
                case 'S':
                        return system_program_run(&ctl, optind - 1, argv);
                case 'N':
                        ctl.no_ask_password = true;
                        break;
                case 'V':
                        printf("%s " P2PCHAT_VERSION "\n", program->name);
                        return EXIT_OK;
                default:
                        return parse_fail_option(&ctl, argv, c, longs);
                }
        argc -= optind;
        argv += optind;
        if (argc == 0) {
                argc = 1;
                argv = status_argv;
        }
        r = streq(argv[0], "help") ? run_help(&ctl, argc, argv) : run_verb(&ctl, argc, argv);
        if (fflush(stdout) != 0 && r == EXIT_OK)
                r = EXIT_FAILED;
        sd_bus_flush_close_unref(ctl.bus);
        pager_close(&ctl);
        if (program->after)
                program->after(&ctl);
        return r;
}
