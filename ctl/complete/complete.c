/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the line that a shell is at goes on, by the tables of verbs and options; leaves names
 * to complete-names.c and the shells' own ways to their scripts.
 *
 * `complete -- WORD… CURRENT` prints `word TAB description` lines, or `:file` where a path stands.
 * A person waits for it with a key pressed: it is silent whatever is wrong, starts no daemon, and
 * after LIMIT_USEC what is there by then is all. */
#include "ctl/complete/complete.h"

#include <limits.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/names.h"
#include "ctl/program.h"
#include "ctl/show/escape.h"

#define FILE_MARK ":file" /* read by the scripts */
#define LIMIT_USEC (200 * USEC_PER_MSEC)

static void on_alarm(int number) {
        _exit(EXIT_OK);
}

static bool begin_limit(void) {
        static const struct itimerval limit = { .it_value.tv_usec = LIMIT_USEC };
        static const struct sigaction action = { .sa_handler = on_alarm };

        return sigaction(SIGALRM, &action, NULL) >= 0 && setitimer(ITIMER_REAL, &limit, NULL) >= 0;
}

void complete_offer(const Completion *c, const char *word, const char *description) {
        static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789._-=";

        if (strncmp(word, c->current, strlen(c->current)) != 0 || word[strspn(word, plain)])
                return;
        printf("%.*s%s\t", (int) c->n_before, c->before ?: "", word);
        print_escaped(stdout, description ?: "", false); /* a line more would be a word more */
        fputc('\n', stdout);
}

static void offer_option(const Completion *c, const Option *o) {
        char word[64];

        snprintf(word, sizeof(word), "--%s%s", o->name, o->kind == OPTION_FLAG ? "" : "=");
        complete_offer(c, word, o->help ? _(o->help) : NULL);
}

/* "public|restricted" is these words, "CHANNEL" what the daemon has, "NAME|LINK" either. */
static void offer_kind(const Completion *c, const char *kind) {
        char word[64];

        for (const char *p = kind ?: ""; *p; p += *p == '|') {
                size_t n = strcspn(p, "|");

                snprintf(word, sizeof(word), "%.*s", (int) MIN(n, sizeof(word) - 1), p);
                p += n;
                if (streq(word, "FILE"))
                        puts(FILE_MARK);
                else if (streq(word, "LEVEL"))
                        offer_kind(c, "emerg|alert|crit|err|warning|notice|info|debug");
                else if (word[0] >= 'A' && word[0] <= 'Z')
                        complete_names(c, word);
                else
                        complete_offer(c, word, NULL);
        }
}

static const Option *find_option(const Option *options, const char *word, size_t n) {
        for (const Option *o = options; o && o->name; o++)
                if (word[1] == '-'
                            ? strlen(o->name) == n - 2 && strncmp(o->name, word + 2, n - 2) == 0
                            : n == 2 && o->letter == word[1])
                        return o;
        return NULL;
}

/* The kind of the n-th word behind a verb: of "CHANNEL [USER]" the second is USER; of
 * "CHANNEL [TEXT…]" all from the second on are TEXT. */
static void word_kind(const char *arguments, size_t n, char ret[static 64]) {
        ret[0] = '\0';
        for (const char *p = arguments; *p;) {
                size_t k;

                p += strspn(p, " [");
                k = strcspn(p, " ]");
                if (n == 0 || strncmp(p + k - MIN(k, strlen("…")), "…", strlen("…")) == 0) {
                        snprintf(ret, 64, "%.*s", (int) MIN(strcspn(p, " ].…"), (size_t) 63), p);
                        return;
                }
                n--;
                p += k;
                p += strspn(p, " ]");
        }
}

static const Option global_options[] = {
        { "json", 'j', OPTION_STRING, NULL, "short|pretty|off", N_("what programs read") },
        { "no-pager", 0, OPTION_FLAG, NULL, NULL, N_("show it all at once") },
        { "help", 'h', OPTION_FLAG, NULL, NULL, N_("what there is") },
        {},
};

/* ctl_parse() calls it with the options that the verb has. */
static void on_options(const Option *options, void *userdata) {
        Completion *c = userdata;
        const Option *value_of = NULL;
        const char *equals = strchr(c->current, '=');
        size_t n_named = 0;
        char kind[64];

        for (size_t i = 0; i < c->n_words; i++) {
                const char *word = c->words[i];
                const Option *o;

                if (word[0] == '-' && word[1]) {
                        o = find_option(options, word, strcspn(word, "="));
                        if (o && o->kind != OPTION_FLAG && !strchr(word, '=')) {
                                value_of = i + 1 == c->n_words ? o : NULL;
                                i++;
                        }
                        continue;
                }
                if (n_named++ == 0 && strncmp(c->verb->arguments + strspn(c->verb->arguments, "["),
                                              "CHANNEL", strlen("CHANNEL")) == 0)
                        c->channel = word;
        }
        if (value_of) {
                offer_kind(c, value_of->value);
                return;
        }
        if (strncmp(c->current, "--", 2) == 0 && equals) {
                const char *typed = c->current;
                size_t n = (size_t) (equals - typed);

                value_of = find_option(options, typed, n) ?: find_option(global_options, typed, n);
                c->before = typed;
                c->n_before = n + 1;
                c->current = equals + 1;
                if (value_of)
                        offer_kind(c, value_of->value);
                return;
        }
        if (c->current[0] == '-') {
                for (const Option *o = options; o && o->name; o++)
                        offer_option(c, o);
                for (const Option *o = global_options; o->name; o++)
                        offer_option(c, o);
                return;
        }
        word_kind(c->verb->arguments, n_named, kind);
        offer_kind(c, kind);
}

static void offer_verbs(const Completion *c) {
        const Program *p = c->ctl->program;
        char word[NAME_SIZE];

        for (size_t i = 0; i < p->n_groups; i++)
                for (const Verb *v = p->groups[i].verbs; v->name; v++) {
                        if (!v->help)
                                continue;
                        snprintf(word, sizeof(word), "%.*s", (int) strcspn(v->name, " "), v->name);
                        complete_offer(c, word, _(v->help));
                }
        complete_offer(c, "help", _("what there is"));
}

/* Of a verb of two words the second. → whether there is one with that first word. */
static bool offer_second_words(const Completion *c, const char *first) {
        const Program *p = c->ctl->program;
        size_t n = strlen(first);
        bool found = false;

        for (size_t i = 0; i < p->n_groups; i++)
                for (const Verb *v = p->groups[i].verbs; v->name; v++)
                        if (strncmp(v->name, first, n) == 0 && v->name[n] == ' ') {
                                found = true;
                                if (v->help)
                                        complete_offer(c, v->name + n + 1, _(v->help));
                        }
        return found;
}

/* words ends with NULL in place of the one that is completed. */
static void complete(Completion *c, char **words, size_t n) {
        Ctl *ctl = c->ctl;
        size_t n_verb;

        for (; n > 0 && words[0][0] == '-'; n--)
                words++;
        if (n > 0 && streq(words[0], "help")) {
                words++;
                n--;
                if (n == 0 || !offer_second_words(c, words[0]))
                        offer_verbs(c);
                return;
        }
        if (n == 0 && c->current[0] == '-') {
                static const Verb none = { .arguments = "" };

                c->verb = &none;
                on_options(NULL, c);
                complete_offer(c, "--version", NULL);
                return;
        }
        if (n == 0) {
                offer_verbs(c);
                return;
        }
        if (n == 1 && offer_second_words(c, words[0]))
                return;
        c->verb = program_find_verb(ctl->program, words, &n_verb);
        if (!c->verb)
                return;
        c->words = words + n_verb;
        c->n_words = n - n_verb;
        ctl->verb = c->verb;
        ctl->on_options = on_options;
        ctl->on_options_userdata = c;
        (void) c->verb->run(ctl, (int) c->n_words + 1, words + n_verb - 1);
}

static int verb_complete(Ctl *ctl, int argc, char **argv) {
        Completion c = { .ctl = ctl };

        if (argc < 3 || !streq(argv[1], "--") || !freopen("/dev/null", "w", stderr) ||
            setvbuf(stdout, NULL, _IOLBF, 0) != 0 || !begin_limit())
                return EXIT_USAGE;
        ctl->json = JSON_OFF;
        ctl->no_start = true;
        c.current = argv[argc - 1];
        argv[argc - 1] = NULL;
        complete(&c, argv + 2, (size_t) argc - 3);
        return EXIT_OK;
}

const Verb verbs_complete[] = {
        { "complete", "", 0, UINT_MAX, verb_complete, NULL },
        {},
};
