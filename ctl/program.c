/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how verbs and options are found in what was typed, for every program here; leaves which
 * verbs there are to the program. */
#include "ctl/program.h"

#include <ctype.h>
#include <getopt.h>
#include <limits.h>
#include <locale.h>

#include "base/text.h"
#include "ctl/client-call.h"
#include "version.h"

static void help(const Program *p) {
        printf("%s [--json=short|pretty|off] [VERB] [ARGUMENTS…]\n\n%s Without a verb: status.\n\n",
               p->name, p->about);
        for (size_t i = 0; i < p->n_groups; i++)
                for (const Verb *v = p->groups[i]; v->name; v++) {
                        int n = printf("  %s %s", v->name, v->arguments);

                        printf("%*s%s\n", n < 38 ? 38 - n : 1, "", v->help);
                }
        puts("\n  -j, --json=short|pretty|off         what programs read (-j = short)");
        if (p->is_system)
                puts("  --no-ask-password                   ask nobody for a password");
        printf("  --help, --version\n\n"
               "Exit: 0 ok, 1 failed, 2 usage, 3 %s missing, 4 no such thing, 5 denied,\n"
               "6 timed out%s, 7 refused by %s. See %s.\n",
               p->is_system ? "tracker" : "daemon or sign-in",
               p->is_system ? "" : " or still queued",
               p->is_system ? "the tracker" : "the other side", p->manual);
}

static int verb_help(Ctl *ctl, const Verb *v, const Option *options) {
        printf("%s %s", ctl->program->name, v->name);
        for (const Option *o = options; o && o->name; o++) {
                printf(" [");
                if (o->letter)
                        printf("-%c|", o->letter);
                printf("--%s%s]", o->name,
                       o->kind == OPTION_FLAG   ? ""
                       : o->kind == OPTION_UINT ? "=N"
                                                : "=…");
        }
        printf(" %s\n\n%c%s\n", v->arguments, toupper((unsigned char) *v->help), v->help + 1);
        return EXIT_OK;
}

static int parse_json_mode(Ctl *ctl, const char *s) {
        if (!s || streq(s, "short"))
                ctl->json = JSON_SHORT;
        else if (streq(s, "pretty"))
                ctl->json = JSON_PRETTY;
        else if (streq(s, "off"))
                ctl->json = JSON_OFF;
        else
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      "--json takes short, pretty or off, not %s", s);
        return EXIT_OK;
}

/* What is wrong is told in the form that was asked for, wherever in the line that stands. */
static void find_json_mode(Ctl *ctl, char **argv) {
        for (char **a = argv + 1; *a && !streq(*a, "--"); a++)
                if (streq(*a, "-j") || streq(*a, "--json") || streq(*a, "--json=short"))
                        ctl->json = JSON_SHORT;
                else if (streq(*a, "--json=pretty"))
                        ctl->json = JSON_PRETTY;
                else if (streq(*a, "--json=off"))
                        ctl->json = JSON_OFF;
}

/* c is what getopt_long() said of the option: ':' or '?'. */
static int fail_option(Ctl *ctl, char **argv, int c) {
        const char letter[] = { '-', (char) optopt, 0 };
        const char *option = optopt > 0 && optopt < 256 ? letter : argv[optind - 1];

        return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                              c == ':' ? "%s takes a value" : "There is no option %s here", option);
}

static int parse_value(Ctl *ctl, const Option *o, const char *value) {
        char *end;

        switch (o->kind) {
        case OPTION_FLAG:
                *(bool *) o->target = true;
                return EXIT_OK;
        case OPTION_STRING:
                *(const char **) o->target = value;
                return EXIT_OK;
        case OPTION_UINT:
                errno = 0;
                *(uint64_t *) o->target = strtoull(value, &end, 10);
                if (errno != 0 || !isdigit((unsigned char) *value) || *end)
                        return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                              "--%s takes a number, not %s", o->name, value);
                return EXIT_OK;
        }
        return EXIT_USAGE;
}

#define VERB_OPTIONS_MAX 16
enum { KEY_JSON = 256, KEY_HELP, KEY_NO_ASK, KEY_FIRST };

int ctl_parse(Ctl *ctl, int argc, char **argv, const Option *options, char ***ret_args,
              int *ret_n_args, int *ret_exit) {
        struct option longs[VERB_OPTIONS_MAX + 4] = {
                { "json", optional_argument, NULL, KEY_JSON },
                { "help", no_argument, NULL, KEY_HELP },
        };
        char shorts[2 * VERB_OPTIONS_MAX + 4] = ":jh";
        size_t n = 0, n_shorts = 3, n_longs = 2;
        int c, r;

        if (ctl->program->is_system)
                longs[n_longs++] =
                        (struct option){ "no-ask-password", no_argument, NULL, KEY_NO_ASK };
        for (const Option *o = options; o && o->name; o++, n++) {
                int has = o->kind == OPTION_FLAG ? no_argument : required_argument;

                assert(n < VERB_OPTIONS_MAX);
                longs[n_longs++] = (struct option){ o->name, has, NULL, KEY_FIRST + (int) n };
                if (o->letter) {
                        shorts[n_shorts++] = o->letter;
                        if (has == required_argument)
                                shorts[n_shorts++] = ':';
                }
        }
        optind = 0; /* glibc: begin anew, main has read options already */
        while ((c = getopt_long(argc, argv, shorts, longs, NULL)) >= 0) {
                const Option *o = NULL;

                if (c == 'j' || c == KEY_JSON) {
                        r = parse_json_mode(ctl, c == 'j' ? NULL : optarg);
                        if (r != EXIT_OK) {
                                *ret_exit = r;
                                return -1;
                        }
                        continue;
                }
                if (c == KEY_NO_ASK) {
                        ctl->no_ask_password = true;
                        continue;
                }
                if (c == 'h' || c == KEY_HELP) {
                        *ret_exit = verb_help(ctl, ctl->verb, options);
                        return -1;
                }
                if (c >= KEY_FIRST)
                        o = options + (c - KEY_FIRST);
                else
                        for (const Option *p = options; p && p->name && !o; p++)
                                if (p->letter == c)
                                        o = p;
                r = o ? parse_value(ctl, o, optarg) : fail_option(ctl, argv, c);
                if (r != EXIT_OK) {
                        *ret_exit = r;
                        return -1;
                }
        }
        *ret_args = argv + optind;
        *ret_n_args = argc - optind;
        if ((unsigned) *ret_n_args < ctl->verb->min_args ||
            (unsigned) *ret_n_args > ctl->verb->max_args) {
                *ret_exit =
                        client_fail_as(ctl, "BadRequest", EXIT_USAGE, "Usage: %s %s %s",
                                       ctl->program->name, ctl->verb->name, ctl->verb->arguments);
                return -1;
        }
        return 0;
}

int ctl_parse_number(Ctl *ctl, const char *what, const char *text, uint64_t max, uint64_t *ret) {
        char *end;

        errno = 0;
        *ret = strtoull(text, &end, 10);
        if (errno != 0 || !isdigit((unsigned char) *text) || *end || *ret > max)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE, "%s is a number, not %s", what,
                                      text);
        return EXIT_OK;
}

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
                for (const Verb *v = p->groups[i]; v->name; v++)
                        if ((*ret_words = match(v, argv, alone)) > 0)
                                return v;
        return NULL;
}

/* A first word that is right deserves to be told what may follow it. */
static int fail_verb(Ctl *ctl, char **argv) {
        const Program *p = ctl->program;
        _cleanup_free_ char *words = NULL;

        for (size_t i = 0; i < p->n_groups; i++)
                for (const Verb *v = p->groups[i]; v->name; v++) {
                        _cleanup_free_ char *before = TAKE_PTR(words);

                        if (match(v, argv, true) == 0)
                                words = TAKE_PTR(before);
                        else if (asprintf(&words, "%s%s%s", before ?: "", before ? ", " : "",
                                          strchr(v->name, ' ') + 1) < 0)
                                return EXIT_FAILED;
                }
        if (words)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE, "%s takes one of %s, not %s",
                                      argv[0], words, argv[1]);
        return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                              "There is no verb %s; %s --help lists them", argv[0], p->name);
}

static int run_verb(Ctl *ctl, int argc, char **argv) {
        size_t n_words;

        for (char **a = argv; *a; a++)
                if (!text_is_valid(*a, strlen(*a), true))
                        return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                              "An argument is not UTF-8, or holds control "
                                              "characters");
        ctl->verb = program_find_verb(ctl->program, argv, &n_words);
        if (!ctl->verb)
                return fail_verb(ctl, argv);
        return ctl->verb->run(ctl, argc - (int) (n_words - 1), argv + n_words - 1);
}

int program_run(const Program *program, int argc, char **argv) {
        struct option longs[] = {
                { "json", optional_argument, NULL, 'J' },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'V' },
                { program->is_system ? "no-ask-password" : NULL, no_argument, NULL, 'N' },
                {},
        };
        static char status[] = "status";
        static char *status_argv[] = { status, NULL };
        Ctl ctl = { .tty = isatty(STDOUT_FILENO) > 0, .program = program };
        int c, r;

        setlocale(LC_ALL, "");
        find_json_mode(&ctl, argv);
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
                        help(program);
                        return EXIT_OK;
                case 'N':
                        ctl.no_ask_password = true;
                        break;
                case 'V':
                        printf("%s " P2PCHAT_VERSION "\n", program->name);
                        return EXIT_OK;
                default:
                        return fail_option(&ctl, argv, c);
                }
        argc -= optind;
        argv += optind;
        if (argc == 0) {
                argc = 1;
                argv = status_argv;
        }
        if (streq(argv[0], "help")) {
                help(program);
                return EXIT_OK;
        }
        r = run_verb(&ctl, argc, argv);
        if (fflush(stdout) != 0 && r == EXIT_OK)
                r = EXIT_FAILED;
        sd_bus_flush_close_unref(ctl.bus);
        if (program->after)
                program->after(&ctl);
        return r;
}
