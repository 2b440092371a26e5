/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which characters of strangers drive a terminal or deceive who reads; leaves what is shown
 * to print.c. */
#include "ctl/show/escape.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "base/text.h"

static bool is_deceiving(uint32_t c) {
        return c == 0x061c || c == 0x200e || c == 0x200f || /* marks of direction */
               (c >= 0x202a && c <= 0x202e) ||              /* embeddings, overrides */
               (c >= 0x2066 && c <= 0x206f) ||              /* isolates, and what is deprecated */
               c == 0x2028 || c == 0x2029 ||                /* ends of lines */
               c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xfdd0 && c <= 0xfdef) ||
               (c & 0xfffe) == 0xfffe;
}

void print_escaped(FILE *f, const char *s, bool multiline) {
        size_t n = strlen(s), length;
        uint32_t c;

        for (size_t i = 0; i < n; i += length) {
                length = text_decode(s + i, n - i, &c);
                if (length == 0) {
                        fprintf(f, "\\x%02x", (unsigned char) s[i]);
                        length = 1;
                } else if (c == '\t') {
                        fputc(' ', f);
                } else if ((c < 0x20 && !(multiline && c == '\n')) || (c >= 0x7f && c <= 0x9f)) {
                        fprintf(f, "\\x%02" PRIx32, c);
                } else if (is_deceiving(c)) {
                        fprintf(f, "\\u%04" PRIx32, c);
                } else {
                        fwrite(s + i, 1, length, f);
                }
        }
}

void print_json_part(FILE *f, const char *s, size_t n) {
        size_t length;
        uint32_t c;

        for (size_t i = 0; i < n; i += MAX(length, (size_t) 1)) {
                length = text_decode(s + i, n - i, &c);
                if (length == 0 || ((c < 0x7f || c > 0x9f) && !is_deceiving(c)))
                        fwrite(s + i, 1, MAX(length, (size_t) 1), f);
                else if (c < 0x10000)
                        fprintf(f, "\\u%04" PRIx32, c);
                else
                        fprintf(f, "\\u%04" PRIx32 "\\u%04" PRIx32, 0xd800 + ((c - 0x10000) >> 10),
                                0xdc00 + (c & 0x3ff));
        }
}

int text_escape(const char *s, bool multiline, char **ret) {
        char *text = NULL;
        size_t n;
        FILE *f;

        f = open_memstream(&text, &n);
        if (!f)
                return -ENOMEM;
        print_escaped(f, s, multiline);
        /* Closing is what settles where the text is: it shrinks it. */
        if (fclose(f) != 0) {
                free(text);
                return -ENOMEM;
        }
        *ret = text;
        return 0;
}
