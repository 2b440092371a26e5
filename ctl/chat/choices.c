/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what may stand where somebody types: commands, channels, people. Never waits long. */
#include <ctype.h>

#include "ctl/chat/chat.h"
#include "ctl/program.h"
#include "ctl/show/terminal.h"

#include "base/names.h"

#include <readline/readline.h>

#define CHOICES_MAX 400
#define PATIENCE_USEC (200 * USEC_PER_MSEC)

typedef struct Choices {
        const char *begin;           /* what is typed of it */
        const char *before, *behind; /* around each: "/", ": " */
        char **list;                 /* [0] is left for what is common */
        size_t n;
} Choices;

static void add(Choices *s, const char *name) {
        size_t n_before = strlen(s->before);
        char *text;

        if (s->n >= CHOICES_MAX || strncmp(s->begin, s->before, n_before) != 0 ||
            strncasecmp(name, s->begin + n_before, strlen(s->begin + n_before)) != 0)
                return;
        if (asprintf(&text, "%s%s%s", s->before, name, s->behind) < 0)
                return;
        for (size_t i = 1; i <= s->n; i++)
                if (streq(s->list[i], text)) {
                        free(text);
                        return;
                }
        s->list[++s->n] = text;
}

/* What others made up is offered only if it is a name by its form. */
static void add_name(const char *name, void *userdata) {
        if (name_is_valid(name))
                add(userdata, name);
}

static void add_commands(Choices *s, const Chat *c) {
        const char *name;

        for (size_t i = 0; (name = command_name(c->ctl, i)); i++)
                if (!streq(name, "chat") && !strchr(name, ' '))
                        add(s, name);
}

static void add_channels(Choices *s, const Chat *c) {
        for (const Room *r = c->rooms; r; r = r->next)
                if (r->is_present)
                        add(s, r->name);
}

static void add_people(Choices *s, Chat *c) {
        if (!c->people.is_known)
                people_update(c);
        for (size_t i = 0; i < c->people.n; i++)
                add_name(c->people.people[i].name, s);
}

/* The words of "cancel|retry" or "public|restricted", without brackets. */
static void add_words(Choices *s, const char *arguments) {
        _cleanup_free_ char *copy = strdup(arguments);
        char *save = NULL;

        if (!copy || !strchr(copy, '|'))
                return;
        for (char *w = strtok_r(copy, "[]| …", &save); w; w = strtok_r(NULL, "[]| …", &save))
                if (islower((unsigned char) *w))
                        add(s, w);
}

static void add_arguments(Choices *s, Chat *c, const char *name, size_t n_words) {
        const Verb *v = verb_find(c, streq(name, "connected") ? "members"
                                     : streq(name, "author")  ? "authorize"
                                                              : name);

        if (streq(name, "help")) {
                add_commands(s, c);
                return;
        }
        if (streq(name, "join"))
                (void) client_try_directory(c->ctl, s->begin, PATIENCE_USEC, add_name, s);
        if (streq(name, "to") || streq(name, "send") || streq(name, "retrieve") ||
            streq(name, "leave") || streq(name, "unhost") ||
            (v && strstr(v->arguments, "CHANNEL") && n_words == 1))
                add_channels(s, c);
        if (v && strstr(v->arguments, "USER"))
                add_people(s, c);
        if (v)
                add_words(s, v->arguments);
}

/* What all begin with, which readline puts there; of one alone, all of it. */
static char *common(const Choices *s) {
        size_t n = strlen(s->list[1]);

        for (size_t i = 2; i <= s->n; i++) {
                size_t k = 0;

                while (k < n && s->list[i][k] == s->list[1][k])
                        k++;
                n = k;
        }
        return strndup(s->list[1], n);
}

char **choices_find(const char *line, size_t start, size_t end, void *chat) {
        _cleanup_free_ char *text = strndup(line + start, end - start), *name = NULL;
        Choices s = { .begin = text, .before = "", .behind = "" };
        Chat *c = chat;
        size_t n_words = 0;

        if (!text || !(s.list = new0(char *, CHOICES_MAX + 2)))
                return NULL;
        for (size_t i = 0; i < start; i++)
                n_words += line[i] != ' ' && (i + 1 == start || line[i + 1] == ' ');
        rl_completion_append_character = ' ';
        if (start == 0 && *text == '/' && text[1] != '/') {
                s.before = "/";
                add_commands(&s, c);
        } else if (line[0] == '/' && line[1] != '/' && start > 0) {
                name = strndup(line + 1, strcspn(line + 1, " "));
                if (name)
                        add_arguments(&s, c, name, n_words);
        } else {
                s.before = *text == '@' ? "@" : "";
                s.behind = start == 0 ? ":" : "";
                add_people(&s, c);
        }
        if (s.n == 0 || !(s.list[0] = common(&s))) {
                for (size_t i = 1; i <= s.n; i++)
                        free(s.list[i]);
                free(s.list);
                return NULL;
        }
        if (s.n == 1) { /* as readline wants it */
                free(s.list[1]);
                s.list[1] = NULL;
        }
        return s.list;
}

void choices_show(char **matches, size_t n, void *chat) {
        unsigned columns = terminal_width(STDOUT_FILENO), x = 0;
        _cleanup_free_ char *text = NULL;
        size_t size, width = 0;
        Chat *c = chat;
        FILE *f;

        f = open_memstream(&text, &size);
        if (!f)
                return;
        for (size_t i = 1; i <= n && matches[i]; i++)
                width = MAX(width, text_width(matches[i]) + 2);
        for (size_t i = 1; i <= n && matches[i]; i++) {
                if (x > 0 && x + width > columns) {
                        fputc('\n', f);
                        x = 0;
                }
                fprintf(f, "%s%*s", matches[i], (int) (width - text_width(matches[i])), "");
                x += (unsigned) width;
        }
        fputc('\n', f);
        if (fclose(f) == 0)
                chat_print(c, text);
}
