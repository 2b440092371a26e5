/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how options and arguments are read by a verb's table, and what is said of those that are
 * wrong; leaves which there are to the verbs. */
#include "ctl/parse.h"

#include <ctype.h>
#include <getopt.h>

#include "ctl/client/client-call.h"
#include "ctl/help.h"
#include "ctl/program.h"
#include "ctl/suggest.h"

int parse_json_mode(Ctl *ctl, const char *s) {
        if (!s || streq(s, "short"))
                ctl->json = JSON_SHORT;
        else if (streq(s, "pretty"))
                ctl->json = JSON_PRETTY;
        else if (streq(s, "off"))
                ctl->json = JSON_OFF;
        else
                return ctl_fail_choice(ctl, "--json", s, "short|pretty|off");
        return EXIT_OK;
}

void parse_find_json_mode(Ctl *ctl, char **argv) {
        for (char **a = argv + 1; *a && !streq(*a, "--"); a++)
                if (streq(*a, "-j") || streq(*a, "--json") || streq(*a, "--json=short"))
                        ctl->json = JSON_SHORT;
                else if (streq(*a, "--json=pretty"))
                        ctl->json = JSON_PRETTY;
                else if (streq(*a, "--json=off"))
                        ctl->json = JSON_OFF;
}

int parse_fail_option(Ctl *ctl, char **argv, int c, const struct option *longs) {
        const char letter[] = { '-', (char) optopt, 0 };
        bool is_letter = optopt > 0 && optopt < 256;
        _cleanup_free_ char *typed = strdup(is_letter ? letter : argv[optind - 1]), *where = NULL;
        Suggestion s = {};

        if (!typed || asprintf(&where, "%s%s%s", ctl->program->name, ctl->verb ? " " : "",
                               ctl->verb ? ctl->verb->name : "") < 0) {
                where = NULL;
                return EXIT_FAILED;
        }
        if (c == ':')
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("%s takes a value; %s --help says which"), typed, where);
        *strchrnul(typed, '=') = '\0';
        if (!is_letter) {
                s.typed = typed + strspn(typed, "-");
                for (const struct option *o = longs; o->name; o++) {
                        if (streq(o->name, s.typed))
                                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                                      _("%s takes no value"), typed);
                        suggest(&s, o->name);
                }
        }
        if (s.best)
                return client_fail_as(
                        ctl, "BadRequest", EXIT_USAGE,
                        _("There is no option %s here; did you mean --%s? %s --help lists them"),
                        typed, s.best, where);
        return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                              _("There is no option %s here; %s --help lists them"), typed, where);
}

/* "a|b|c" → "a, b or c", and its words are put to the suggestion; *buffer is theirs. */
static char *choices_text(char *buffer, Suggestion *s) {
        char *text = NULL, *rest;

        for (char *word = strtok_r(buffer, "|", &rest); word;) {
                char *next = strtok_r(NULL, "|", &rest);
                _cleanup_free_ char *before = TAKE_PTR(text);

                suggest(s, word);
                if (asprintf(&text, "%s%s%s", before ?: "",
                             !before ? ""
                             : next  ? ", "
                                     : _(" or "),
                             word) < 0)
                        return NULL;
                word = next;
        }
        return text;
}

int ctl_fail_choice(Ctl *ctl, const char *what, const char *given, const char *choices) {
        _cleanup_free_ char *copy = strdup(choices), *text = NULL;
        Suggestion s = { .typed = given };

        text = copy ? choices_text(copy, &s) : NULL;
        if (!text)
                return EXIT_FAILED;
        if (s.best)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("%s takes %s, not %s; did you mean %s?"), what, text, given,
                                      s.best);
        return client_fail_as(ctl, "BadRequest", EXIT_USAGE, _("%s takes %s, not %s"), what, text,
                              given);
}

bool ctl_is_choice(const char *word, const char *choices) {
        size_t n = strlen(word);

        for (const char *p = choices;; p++) {
                size_t k = strcspn(p, "|");

                if (k == n && strncmp(p, word, n) == 0)
                        return true;
                p += k;
                if (!*p)
                        return false;
        }
}

/* A value of the table that says which words there are: "public|restricted", not "N" or "TIME". */
static bool is_choices(const char *value) {
        return value && strchr(value, '|') &&
               value[strspn(value, "abcdefghijklmnopqrstuvwxyz-|")] == '\0';
}

static int parse_value(Ctl *ctl, const Option *o, const char *value) {
        char *end;

        switch (o->kind) {
        case OPTION_FLAG:
                *(bool *) o->target = true;
                return EXIT_OK;
        case OPTION_STRING:
                if (is_choices(o->value) && !ctl_is_choice(value, o->value)) {
                        char what[64];

                        snprintf(what, sizeof(what), "--%s", o->name);
                        return ctl_fail_choice(ctl, what, value, o->value);
                }
                *(const char **) o->target = value;
                return EXIT_OK;
        case OPTION_UINT:
                errno = 0;
                *(uint64_t *) o->target = strtoull(value, &end, 10);
                if (errno != 0 || !isdigit((unsigned char) *value) || *end)
                        return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                              _("--%s takes a number, not %s"), o->name, value);
                return EXIT_OK;
        }
        return EXIT_USAGE;
}

#define VERB_OPTIONS_MAX 16
enum { KEY_JSON = 256, KEY_HELP, KEY_NO_PAGER, KEY_NO_ASK, KEY_FIRST };

int ctl_parse(Ctl *ctl, int argc, char **argv, const Option *options, char ***ret_args,
              int *ret_n_args, int *ret_exit) {
        struct option longs[VERB_OPTIONS_MAX + 5] = {
                { "json", optional_argument, NULL, KEY_JSON },
                { "help", no_argument, NULL, KEY_HELP },
                { "no-pager", no_argument, NULL, KEY_NO_PAGER },
        };
        char shorts[2 * VERB_OPTIONS_MAX + 4] = ":jh";
        size_t n = 0, n_shorts = 3, n_longs = 3;
        int c, r;

        if (ctl->on_options) {
                ctl->on_options(options, ctl->on_options_userdata);
                *ret_exit = EXIT_OK;
                return -1;
        }
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
                if (c == KEY_NO_PAGER) {
                        ctl->no_pager = true;
                        continue;
                }
                if (c == KEY_NO_ASK) {
                        ctl->no_ask_password = true;
                        continue;
                }
                if (c == 'h' || c == KEY_HELP) {
                        *ret_exit = help_verb(ctl, ctl->verb, options);
                        return -1;
                }
                if (c >= KEY_FIRST)
                        o = options + (c - KEY_FIRST);
                else
                        for (const Option *p = options; p && p->name && !o; p++)
                                if (p->letter == c)
                                        o = p;
                r = o ? parse_value(ctl, o, optarg) : parse_fail_option(ctl, argv, c, longs);
                if (r != EXIT_OK) {
                        *ret_exit = r;
                        return -1;
                }
        }
        *ret_args = argv + optind;
        *ret_n_args = argc - optind;
        if ((unsigned) *ret_n_args < ctl->verb->min_args ||
            (unsigned) *ret_n_args > ctl->verb->max_args) {
                *ret_exit = client_fail_as(
                        ctl, "BadRequest", EXIT_USAGE, _("Usage: %s %s %s; %s %s --help says more"),
                        ctl->program->name, ctl->verb->name, ctl->verb->arguments,
                        ctl->program->name, ctl->verb->name);
                return -1;
        }
        return 0;
}

int ctl_parse_number(Ctl *ctl, const char *what, const char *text, uint64_t max, uint64_t *ret) {
        char *end;

        errno = 0;
        *ret = strtoull(text, &end, 10);
        if (errno != 0 || !isdigit((unsigned char) *text) || *end || *ret > max)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE, _("%s is a number, not %s"),
                                      what, text);
        return EXIT_OK;
}
