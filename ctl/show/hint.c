/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which words of a hint are a command, and how a chat has it; leaves what is told to who
 * tells it. */
#include "ctl/show/hint.h"

#include <stdarg.h>

#include "ctl/program.h"
#include "ctl/show/wrap.h"

/* "p2pchatctl log", not "p2pchatctl --help" nor a sentence about it. */
static bool is_command(const Ctl *ctl, const char *after) {
        size_t n = strspn(after, "abcdefghijklmnopqrstuvwxyz-"), n_words;
        char verb[32];
        char *words[] = { verb, NULL };

        if (n == 0 || n >= sizeof(verb))
                return false;
        snprintf(verb, sizeof(verb), "%.*s", (int) n, after);
        return program_find_verb(ctl->program, words, &n_words);
}

char *hint_text(const Ctl *ctl, const char *text) {
        size_t length = strlen(ctl->program->name);
        char *copy = strdup(text), *to = copy;

        if (!copy || !ctl->in_chat)
                return copy;
        while (*text)
                if (strncmp(text, ctl->program->name, length) == 0 && text[length] == ' ' &&
                    is_command(ctl, text + length + 1)) {
                        *to++ = '/';
                        text += length + 1;
                } else
                        *to++ = *text++;
        *to = '\0';
        return copy;
}

void hint_print(const Ctl *ctl, FILE *f, const char *format, ...) {
        _cleanup_free_ char *text = NULL, *hint = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0) {
                text = NULL;
                return;
        }
        hint = hint_text(ctl, text);
        wrap_print(f, hint ?: text, wrap_columns(ctl, fileno(f)));
}
