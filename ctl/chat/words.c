/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a command that was typed falls into words. */
#include "ctl/chat/chat.h"

int words_split(const char *line, char **words, size_t max, char **ret_copy) {
        _cleanup_free_ char *copy = strdup(line);
        size_t n = 0;

        if (!copy)
                return -ENOMEM;
        for (char *p = copy; n < max;) {
                char quote = 0, *to;

                p += strspn(p, " \n");
                if (!*p)
                        break;
                words[n++] = to = p;
                for (; *p && (quote || (*p != ' ' && *p != '\n')); p++)
                        if (*p == quote)
                                quote = 0;
                        else if (!quote && (*p == '"' || *p == '\''))
                                quote = *p;
                        else
                                *to++ = *p;
                if (quote)
                        return -EINVAL;
                bool is_last = !*p;
                *to = 0;
                if (is_last)
                        break;
                p++;
        }
        *ret_copy = TAKE_PTR(copy);
        return (int) n;
}

const char *words_rest(const char *line, size_t n) {
        line += strspn(line, " ");
        while (n-- > 0) {
                line += strcspn(line, " ");
                line += strspn(line, " ");
        }
        return line;
}
