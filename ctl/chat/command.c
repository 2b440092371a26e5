/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the commands of a talk, the other spellings of verbs, and what was meant by one that there
 * is not. Leaves verbs to the program. */
#include <ctype.h>

#include "base/text.h"
#include "ctl/chat/chat.h"
#include "ctl/program.h"
#include "ctl/suggest.h"

#define WORDS_MAX 48

typedef struct Command {
        const char *name, *arguments;
        void (*run)(Chat *c, const char *rest); /* what stands behind its name */
        const char *help;
} Command;

/* How others spell a verb. */
static const struct Alias {
        const char *name, *verb;
} aliases[] = {
        { "connected", "members" },
        { "author", "authorize" },
        { "client", "debug" },
};

static void run_exit(Chat *c, const char *rest) {
        c->has_left = true;
}

static void run_to(Chat *c, const char *rest) {
        Room *r =
                isdigit((unsigned char) *rest) ? rooms_find_number(c, (unsigned) atoi(rest)) : NULL;

        if (!*rest)
                rooms_list(c);
        else if (r && !rooms_find(c, rest))
                talk_focus(c, r);
        else
                (void) talk_focus_name(c, rest);
}

static void run_beside(Chat *c, bool forwards) {
        Room *r = rooms_beside(c, forwards);

        if (r)
                talk_focus(c, r);
        else
                chat_say(c, _("There is no other channel; /join NAME, or /list"));
}

static void run_next(Chat *c, const char *rest) {
        run_beside(c, true);
}

static void run_previous(Chat *c, const char *rest) {
        run_beside(c, false);
}

static void run_retrieve(Chat *c, const char *rest) {
        if (*rest && !talk_focus_name(c, rest))
                return;
        talk_show_older(c);
}

static void run_send(Chat *c, const char *rest) {
        _cleanup_free_ char *first = strndup(rest, strcspn(rest, " "));
        Room *r = first && *first ? rooms_find(c, first) : NULL;
        const char *text = r ? words_rest(rest, 1) : rest;

        if (!*text)
                chat_fail(c, _("Usage: /send [CHANNEL] TEXT"));
        else
                talk_send(c, r ?: c->focus, text);
}

static void run_verb(Chat *c, const char *line);

static void run_refresh(Chat *c, const char *rest) {
        if (rooms_update(c) == EXIT_OK) {
                run_verb(c, "list");
                rooms_list(c);
        }
}

static void run_rooms(Chat *c, const char *rest) {
        if (rooms_update(c) == EXIT_OK)
                rooms_list(c);
}

static void run_help(Chat *c, const char *rest);

static const Command commands[] = {
        { "to", "[CHANNEL|N]", run_to, N_("talk there; Alt-1 to Alt-9 and /N do the same") },
        { "next", "", run_next, N_("the next of your channels (Alt-N)") },
        { "prev", "", run_previous, N_("the one before (Alt-P)") },
        { "rooms", "", run_rooms, N_("your channels here, and what is new in them") },
        { "send", "[CHANNEL] TEXT", run_send, N_("say it there, or here") },
        { "retrieve", "[CHANNEL]", run_retrieve, N_("older messages, a page each time") },
        { "refresh", "", run_refresh, N_("read anew what there is, and list it") },
        { "help", "[COMMAND]", run_help, N_("this, or what one command does") },
        { "exit", "", run_exit, N_("leave; your daemon goes on (Ctrl-D)") },
        { "quit", "", run_exit, N_("the same") },
};

static const Command *find_command(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(commands); i++)
                if (streq(commands[i].name, name))
                        return commands + i;
        return NULL;
}

const char *command_name(const Ctl *ctl, size_t i) {
        if (i < ELEMENTSOF(commands))
                return commands[i].name;
        i -= ELEMENTSOF(commands);
        if (i < ELEMENTSOF(aliases))
                return aliases[i].name;
        i -= ELEMENTSOF(aliases);
        for (size_t g = 0; g < ctl->program->n_groups; g++)
                for (const Verb *v = ctl->program->groups[g].verbs;
                     v->name && ctl->program->groups[g].heading; v++)
                        if (i-- == 0)
                                return v->name;
        return NULL;
}

static const char *alias_of(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(aliases); i++)
                if (streq(aliases[i].name, name))
                        return aliases[i].verb;
        return name;
}

static void help_of_verb(Chat *c, const Verb *v) {
        char *words[] = { (char *) v->name, (char *) "--help", NULL };

        (void) verb_run(c, v, words, 2);
}

/* Their names alone: a screen full of them is not read. */
static void list_verbs(Chat *c) {
        char row[72] = "";

        for (size_t g = 0; g < c->ctl->program->n_groups; g++)
                for (const Verb *v = c->ctl->program->groups[g].verbs;
                     v->name && c->ctl->program->groups[g].heading; v++) {
                        size_t n = strlen(row);

                        if (find_command(v->name) || !verb_find(c, v->name))
                                continue;
                        if (n + strlen(v->name) + 2 >= sizeof(row)) {
                                chat_say(c, "   %s", row);
                                n = 0;
                        }
                        snprintf(row + n, sizeof(row) - n, " /%s", v->name);
                }
        if (row[0])
                chat_say(c, "   %s", row);
}

static void run_help(Chat *c, const char *rest) {
        const char *name = *rest == '/' ? rest + 1 : rest;
        const Command *one = *name ? find_command(name) : NULL;
        const Verb *v = *name && !one ? verb_find(c, alias_of(name)) : NULL;

        if (one) {
                chat_say(c, "/%s %s  %s", one->name, one->arguments, _(one->help));
                return;
        }
        if (v) {
                help_of_verb(c, v);
                return;
        }
        for (size_t i = 0; i < ELEMENTSOF(commands); i++)
                chat_say(c, "/%-9s %-15s %s", commands[i].name, commands[i].arguments,
                         _(commands[i].help));
        chat_say(c, _("Verbs of p2pchatctl, about this channel unless you name one; /help VERB "
                      "tells of one:"));
        list_verbs(c);
        for (size_t i = 0; i < ELEMENTSOF(aliases); i++)
                chat_say(c, _("/%s is /%s"), aliases[i].name, aliases[i].verb);
        chat_say(c, _("//text is a text that begins with a slash; \"two words\" are one word"));
        chat_say(c,
                 _("Tab completes; Alt-Enter begins another line of a message; what is pasted is "
                   "one message; Ctrl-C clears, twice it leaves"));
}

static void tell_unknown(Chat *c, const char *name) {
        Suggestion s = { .typed = name };
        const char *other;

        for (size_t i = 0; (other = command_name(c->ctl, i)); i++)
                suggest(&s, other);
        if (s.best)
                chat_fail(c, _("There is no command /%s; did you mean /%s? /help lists them"), name,
                          s.best);
        else
                chat_fail(c, _("There is no command /%s; /help lists them"), name);
}

/* A text of several words is one argument where a verb ends with one. */
static void join_tail(const Verb *v, char **words, size_t *n, char **ret_text) {
        size_t length = strlen(v->arguments), max = v->max_args;
        const char *end = v->arguments + length - (length > 0 && v->arguments[length - 1] == ']');
        size_t size;
        FILE *f;

        if (*n <= max + 1 || max == 0 || end - v->arguments < 4 || strncmp(end - 4, "TEXT", 4) != 0)
                return;
        f = open_memstream(ret_text, &size);
        if (!f)
                return;
        for (size_t i = max; i < *n; i++)
                fprintf(f, "%s%s", i > max ? " " : "", words[i]);
        if (fclose(f) != 0)
                return;
        words[max] = *ret_text;
        words[max + 1] = NULL;
        *n = max + 1;
}

static void run_verb(Chat *c, const char *line) {
        _cleanup_free_ char *copy = NULL, *text = NULL;
        char *words[WORDS_MAX + 2] = {};
        const Verb *v = NULL;
        size_t n;
        int r;

        r = words_split(line, words, WORDS_MAX, &copy);
        if (r <= 0) {
                chat_fail(c, r == -EINVAL ? _("A quote has no end")
                                          : _("There is no command /; "
                                              "/help lists them"));
                return;
        }
        n = (size_t) r;
        v = verb_find(c, alias_of(words[0]));
        if (!v) {
                tell_unknown(c, words[0]);
                return;
        }
        words[0] = (char *) v->name;
        verb_complete(c, v, words, &n);
        join_tail(v, words, &n, &text);
        for (size_t i = 1; i < n; i++)
                if (streq(v->name, "log") &&
                    (streq(words[i], "-f") || streq(words[i], "--follow"))) {
                        chat_fail(c,
                                  _("What is said is shown here anyway; /to CHANNEL goes there"));
                        return;
                }
        r = verb_run(c, v, words, n);
        if (r < 0)
                chat_fail(c, _("! /%s did not run: %s"), v->name, strerror(-r));
        c->has_objects = true;
        /* The talk is there now. An invitation is joined by a name that the daemon knows. */
        if (r == EXIT_OK && n == 2 && words[1][0] != '-' &&
            (streq(v->name, "join") || streq(v->name, "host"))) {
                if (rooms_update(c) == EXIT_OK && rooms_find(c, words[1]))
                        talk_focus(c, rooms_find(c, words[1]));
        }
}

static bool is_number(const char *s) {
        return *s && strspn(s, "0123456789") == strlen(s) && strlen(s) < 9;
}

static void run_command(Chat *c, const char *line) {
        _cleanup_free_ char *name = strndup(line, strcspn(line, " \n"));
        const Command *command = name ? find_command(name) : NULL;
        Room *r;

        if (!name)
                return;
        if (is_number(name)) {
                r = rooms_find_number(c, (unsigned) atoi(name));
                if (r)
                        talk_focus(c, r);
                else
                        chat_fail(c, _("There is no channel /%s; /rooms lists them"), name);
        } else if (command && streq(words_rest(line, 1), "--help") && verb_find(c, name))
                help_of_verb(c, verb_find(c, name));
        else if (command && streq(words_rest(line, 1), "--help"))
                run_help(c, name);
        else if (command)
                command->run(c, words_rest(line, 1));
        else
                run_verb(c, line);
}

bool command_is_secret(const char *line) {
        static const char *const verbs[] = { "signup", "signin",         "recover",
                                             "passwd", "delete-account", "guest" };

        if (*line == ' ')
                return true;
        if (*line++ != '/')
                return false;
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (strncmp(line, verbs[i], strlen(verbs[i])) == 0)
                        return true;
        return false;
}

/* Behind a word that was completed stands a blank. */
static void run_typed_command(Chat *c, const char *line) {
        _cleanup_free_ char *copy = strdup(line);
        size_t n = copy ? strlen(copy) : 0;

        while (n > 0 && isspace((unsigned char) copy[n - 1]))
                copy[--n] = '\0';
        if (copy)
                run_command(c, copy);
}

void command_line(Chat *c, const char *line) {
        if (!*line)
                return;
        if (!text_is_valid(line, strlen(line), true)) {
                chat_fail(c, _("The text is not UTF-8, or holds control characters; nothing was "
                               "sent"));
                return;
        }
        if (line[0] != '/')
                talk_send(c, c->focus, line);
        else if (line[1] == '/') /* a text that begins with a slash */
                talk_send(c, c->focus, line + 1);
        else
                run_typed_command(c, line + 1);
}
