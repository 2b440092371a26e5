/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what of an entry is searched, and the tokens that stand for it in the index; leaves the
 * spelling to store-fold.c. */
#include "daemon/store/store-fold.h"
#include "wire/fields.h"

#define WITHOUT_SPACES                                                                             \
        0x0e00 /* Thai, and what comes behind it: Lao, Khmer, kana, Han, pictures                  \
                */

int fold_entry(Fold *f, const char *extra, size_t n_extra, const char **ret, size_t *ret_n) {
        _cleanup_(value_unrefp) Value *tree = NULL;
        const char *text;
        size_t n;
        int r;

        if (value_parse(extra, n_extra, &tree) < 0 || value_kind(tree) != VALUE_OBJECT ||
            value_get(tree, "redacted"))
                return 0;
        text = value_string(value_get(tree, "message_content"), &n);
        if (!text)
                return 0;
        r = fold_text(f, text, n, ret, ret_n);
        return r < 0 ? r : 1;
}

void grams_done(Grams *g) {
        free(g->tokens);
        *g = (Grams){};
}

/* One byte that is no UTF-8 is a character of its own. */
static uint32_t next_character(const char *s, size_t n, size_t *i) {
        uint8_t first = (uint8_t) s[(*i)++];
        size_t n_more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
        uint32_t c = n_more > 0 ? first & (0x3fU >> n_more) : first;

        for (; n_more > 0 && *i < n && ((uint8_t) s[*i] & 0xc0) == 0x80; n_more--)
                c = c << 6 | ((uint8_t) s[(*i)++] & 0x3f);
        return c;
}

static int add_one(Grams *g, const uint32_t *characters, size_t n) {
        static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
        uint64_t hash = n;

        if (g->n_allocated - g->n <= GRAM_SIZE) {
                size_t size = MAX(2 * g->n_allocated, (size_t) 1024);
                char *tokens = realloc(g->tokens, size);

                if (!tokens)
                        return -ENOMEM;
                g->tokens = tokens;
                g->n_allocated = size;
        }
        for (size_t i = 0; i < n; i++) {
                hash = (hash ^ characters[i]) * UINT64_C(0x9e3779b97f4a7c15);
                hash ^= hash >> 32;
        }
        for (size_t i = 0; i < GRAM_SIZE - 1; i++, hash >>= 5)
                g->tokens[g->n++] = letters[hash & 31];
        g->tokens[g->n++] = ' ';
        g->tokens[g->n] = '\0';
        return 0;
}

int grams_add(Grams *g, const char *folded, size_t n, size_t n_max) {
        uint32_t last[3] = {};
        size_t n_last = 0; /* characters since the last space */

        for (size_t i = 0; i < n;) {
                uint32_t c = next_character(folded, n, &i);

                last[0] = last[1];
                last[1] = last[2];
                last[2] = c;
                n_last = c == ' ' ? 0 : n_last + 1;
                for (size_t k = 1; k <= MIN(n_last, (size_t) 3); k++) {
                        if (k < 3 && (c < WITHOUT_SPACES || last[3 - k] < WITHOUT_SPACES))
                                continue;
                        if (g->n / GRAM_SIZE >= n_max)
                                return 0;
                        if (add_one(g, last + 3 - k, k) < 0)
                                return -ENOMEM;
                }
        }
        return 0;
}
