/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows where in the bytes of a terminal a paste begins and ends, and where a character is whole.
 * Leaves what the keys mean to the editor. */
#include "ctl/chat/typed.h"

#include "base/cleanup.h"
#include "base/text.h"

#define BEGIN "\033[200~"
#define END "\033[201~"
#define MARK_SIZE (sizeof(BEGIN) - 1)

/* How many bytes a character with that first one has; of what is none, one. */
static size_t character_size(unsigned char first) {
        return first >= 0xf0 && first < 0xf8 ? 4
               : first >= 0xe0               ? first < 0xf8 ? 3 : 1
               : first >= 0xc2               ? 2
                                             : 1;
}

static TypedKind next_paste(const char *s, size_t n, size_t *ret_n) {
        const char *end = memmem(s, n, END, MARK_SIZE);

        if (end)
                *ret_n = (size_t) (end - s) + MARK_SIZE;
        else if (n >= PASTE_BYTES_MAX)
                *ret_n = n;
        else
                return TYPED_NOTHING;
        return TYPED_PASTE;
}

TypedKind typed_next(const char *s, size_t n, size_t *ret_n) {
        size_t k = 0;

        *ret_n = 0;
        while (k < n) {
                size_t rest = n - k, size = character_size((unsigned char) s[k]);

                if (memcmp(s + k, BEGIN, MIN(rest, MARK_SIZE)) == 0) {
                        if (k > 0)
                                break;
                        if (rest >= MARK_SIZE)
                                return next_paste(s, n, ret_n);
                        *ret_n = rest;
                        return TYPED_PARTIAL;
                }
                if (size > rest)
                        break;
                k += size;
        }
        *ret_n = k;
        return k > 0 ? TYPED_KEYS : TYPED_NOTHING;
}

int typed_paste(const char *s, size_t n, char **ret) {
        const char *end = s + n;
        char *text, *p;

        s += MARK_SIZE;
        if ((size_t) (end - s) >= MARK_SIZE && memcmp(end - MARK_SIZE, END, MARK_SIZE) == 0)
                end -= MARK_SIZE;
        p = text = malloc((size_t) (end - s) + 1);
        if (!text)
                return -ENOMEM;
        while (s < end) {
                uint32_t c;
                size_t k = text_decode(s, (size_t) (end - s), &c);

                if (k == 0) {
                        s++;
                        continue;
                }
                if (c == '\r' || c == '\n') {
                        *p++ = '\n';
                        s += c == '\r' && s + 1 < end && s[1] == '\n';
                } else if (c == '\t') {
                        *p++ = ' ';
                } else if (c >= 0x20 && (c < 0x7f || c > 0x9f)) {
                        memcpy(p, s, k);
                        p += k;
                }
                s += k;
        }
        while (p > text && p[-1] == '\n') /* a line is pasted as often as a part of one */
                p--;
        *p = 0;
        *ret = text;
        return 0;
}
