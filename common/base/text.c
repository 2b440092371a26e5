/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows UTF-8 and the code points that protocol §2 forbids; leaves their meaning to others. */
#include "base/text.h"

#include "base/cleanup.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

size_t text_decode(const char *text, size_t n, uint32_t *ret) {
        const unsigned char *s = (const unsigned char *) text;
        unsigned char low = 0x80, high = 0xbf; /* of the second byte */
        size_t length;
        uint32_t c;

        if (s[0] < 0x80) {
                *ret = s[0];
                return 1;
        }
        if (s[0] >= 0xc2 && s[0] <= 0xdf) {
                length = 2;
                c = s[0] & 0x1f;
        } else if (s[0] >= 0xe0 && s[0] <= 0xef) {
                length = 3;
                c = s[0] & 0x0f;
                if (s[0] == 0xe0)
                        low = 0xa0; /* shorter forms exist */
                if (s[0] == 0xed)
                        high = 0x9f; /* surrogates */
        } else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
                length = 4;
                c = s[0] & 0x07;
                if (s[0] == 0xf0)
                        low = 0x90;
                if (s[0] == 0xf4)
                        high = 0x8f; /* beyond U+10FFFF */
        } else
                return 0;

        if (n < length)
                return 0;
        for (size_t i = 1; i < length; i++) {
                if (s[i] < low || s[i] > high)
                        return 0;
                c = c << 6 | (s[i] & 0x3f);
                low = 0x80;
                high = 0xbf;
        }
        *ret = c;
        return length;
}

static bool is_allowed(uint32_t c, bool multiline) {
        if (c == '\t' || c == '\n')
                return multiline;
        return c >= 0x20 && !(c >= 0x7f && c <= 0x9f) && !(c >= 0xfdd0 && c <= 0xfdef) &&
               (c & 0xfffe) != 0xfffe;
}

bool text_is_valid(const char *s, size_t n, bool multiline) {
        uint32_t c;

        for (size_t i = 0, length; i < n; i += length) {
                length = text_decode(s + i, n - i, &c);
                if (length == 0 || !is_allowed(c, multiline))
                        return false;
        }
        return true;
}

int text_sanitize(const char *s, size_t n, bool multiline, char **ret, size_t *ret_n) {
        size_t n_clean = 0;
        char *clean;

        if (n > (SIZE_MAX - 1) / strlen(REPLACEMENT))
                return -ENOMEM;
        clean = malloc(n * strlen(REPLACEMENT) + 1);
        if (!clean)
                return -ENOMEM;
        for (size_t i = 0, length; i < n; i += length) {
                uint32_t c;

                length = text_decode(s + i, n - i, &c);
                if (length > 0 && is_allowed(c, multiline)) {
                        memcpy(clean + n_clean, s + i, length);
                        n_clean += length;
                } else {
                        memcpy(clean + n_clean, REPLACEMENT, strlen(REPLACEMENT));
                        n_clean += strlen(REPLACEMENT);
                        length = MAX(length, (size_t) 1);
                }
        }
        clean[n_clean] = '\0';
        *ret = clean;
        if (ret_n)
                *ret_n = n_clean;
        return 0;
}
