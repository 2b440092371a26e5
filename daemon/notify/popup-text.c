/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what of strangers' words a desktop may be shown; leaves when to who asks. */
#include "daemon/notify/popup-text.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

static bool is_space(uint32_t c) {
        return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xa0 || c == 0x2028 ||
               c == 0x2029 || c == 0x3000;
}

static bool is_unseen(uint32_t c) {
        return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xad || c == 0x61c ||
               (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
               (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
               (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe ||
               (c >= 0xe0000 && c <= 0xe0fff);
}

int popup_text_clean(const char *text, size_t n, char **ret) {
        static const char instead[] = "\xef\xbf\xbd", more[] = "\xe2\x80\xa6";
        char *clean = malloc(4 * POPUP_TEXT_CHARACTERS + sizeof(more));
        size_t n_clean = 0, n_characters = 0, length;
        bool owes_space = false;
        uint32_t c;

        if (!clean)
                return -ENOMEM;
        for (size_t i = 0; i < n; i += length) {
                const char *piece = text + i;
                size_t n_piece;

                length = n_piece = text_decode(piece, n - i, &c);
                if (length == 0) {
                        length = 1;
                        piece = instead;
                        n_piece = strlen(instead);
                } else if (is_space(c)) {
                        owes_space = n_characters > 0;
                        continue;
                } else if (is_unseen(c))
                        continue;
                if (n_characters + owes_space >= POPUP_TEXT_CHARACTERS) {
                        memcpy(clean + n_clean, more, strlen(more));
                        n_clean += strlen(more);
                        break;
                }
                if (owes_space) {
                        clean[n_clean++] = ' ';
                        n_characters++;
                        owes_space = false;
                }
                memcpy(clean + n_clean, piece, n_piece);
                n_clean += n_piece;
                n_characters++;
        }
        clean[n_clean] = '\0';
        *ret = clean;
        return 0;
}

static const char *markup_of(char c) {
        switch (c) {
        case '&':
                return "&amp;";
        case '<':
                return "&lt;";
        case '>':
                return "&gt;";
        case '"':
                return "&quot;";
        case '\'':
                return "&#39;";
        default:
                return NULL;
        }
}

int popup_text_escape(const char *text, char **ret) {
        char *markup = malloc(6 * strlen(text) + 1), *end = markup;

        if (!markup)
                return -ENOMEM;
        for (; *text; text++) {
                const char *word = markup_of(*text);

                if (word)
                        end = stpcpy(end, word);
                else
                        *end++ = *text;
        }
        *end = '\0';
        *ret = markup;
        return 0;
}
