/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which verb was asked for and how options are read; leaves each verb to its file. */
#include <ctype.h>
#include <getopt.h>
#include <limits.h>
#include <locale.h>

#include "base/text.h"
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "version.h"

static const Verb *const verb_groups[] = {
        verbs_status, verbs_identity, verbs_account,  verbs_channel, verbs_send,
        verbs_log,    verbs_search,   verbs_outbox,   verbs_info,    verbs_access,
        verbs_rules,  verbs_rate,     verbs_sanction, verbs_debug,   verbs_removal,
        verbs_ignore, verbs_presence, verbs_backup,   verbs_export,  verbs_chat,
};

static void help(void) {
        puts("p2pchatctl [--json=short|pretty|off] [VERB] [ARGUMENTS…]\n\n"
             "Speaks to your p2pchatd over D-Bus. Without a verb: status.\n");
        for (size_t i = 0; i < ELEMENTSOF(verb_groups); i++)
                for (const Verb *v = verb_groups[i]; v->name; v++) {
                        int n = printf("  %s %s", v->name, v->arguments);

                        printf("%*s%s\n", n < 38 ? 38 - n : 1, "", v->help);
                }
        puts("\n  -j, --json=short|pretty|off         what programs read (-j = short)\n"
             "  --help, --version\n\n"
             "Exit: 0 ok, 1 failed, 2 usage, 3 daemon or sign-in missing, 4 no such thing, 5 "
             "denied,\n"
             "6 timed out or still queued, 7 refused by the other side. See p2pchatctl(1).");
}

static int verb_help(Ctl *ctl, const Verb *v, const Option *options) {
        printf("p2pchatctl %s", v->name);
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
enum { KEY_JSON = 256, KEY_HELP, KEY_FIRST };

int ctl_parse(Ctl *ctl, int argc, char **argv, const Option *options, char ***ret_args,
              int *ret_n_args, int *ret_exit) {
        struct option longs[VERB_OPTIONS_MAX + 3] = {
                { "json", optional_argument, NULL, KEY_JSON },
                { "help", no_argument, NULL, KEY_HELP },
        };
        char shorts[2 * VERB_OPTIONS_MAX + 4] = ":jh";
        size_t n = 0, n_shorts = 3;
        int c, r;

        for (const Option *o = options; o && o->name; o++, n++) {
                int has = o->kind == OPTION_FLAG ? no_argument : required_argument;

                assert(n < VERB_OPTIONS_MAX);
                longs[n + 2] = (struct option){ o->name, has, NULL, KEY_FIRST + (int) n };
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
                *ret_exit = client_fail_as(ctl, "BadRequest", EXIT_USAGE, "Usage: p2pchatctl %s %s",
                                           ctl->verb->name, ctl->verb->arguments);
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

const Verb *ctl_find_verb(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(verb_groups); i++)
                for (const Verb *v = verb_groups[i]; v->name; v++)
                        if (streq(v->name, name))
                                return v;
        return NULL;
}

int main(int argc, char **argv) {
        static const struct option longs[] = {
                { "json", optional_argument, NULL, 'J' },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'V' },
                {},
        };
        static char status[] = "status";
        static char *status_argv[] = { status, NULL };
        Ctl ctl = { .tty = isatty(STDOUT_FILENO) > 0 };
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
                        help();
                        return EXIT_OK;
                case 'V':
                        puts("p2pchatctl " P2PCHAT_VERSION);
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
                help();
                return EXIT_OK;
        }
        for (char **a = argv; *a; a++)
                if (!text_is_valid(*a, strlen(*a), true))
                        return client_fail_as(&ctl, "BadRequest", EXIT_USAGE,
                                              "An argument is not UTF-8, or holds control "
                                              "characters");
        ctl.verb = ctl_find_verb(argv[0]);
        if (!ctl.verb)
                return client_fail_as(&ctl, "BadRequest", EXIT_USAGE,
                                      "There is no verb %s; p2pchatctl --help lists them", argv[0]);
        r = ctl.verb->run(&ctl, argc, argv);
        if (fflush(stdout) != 0 && r == EXIT_OK)
                r = EXIT_FAILED;
        sd_bus_flush_close_unref(ctl.bus);
        return r;
}
