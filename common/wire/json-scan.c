/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the grammar of RFC 8259, byte by byte; leaves values to json-c. */
#include "wire/json-scan.h"

#include "base/cleanup.h"
#include "wire/limits.h"

/* Each take_…() returns 0 with `at` behind what it took, or -EBADMSG with `at` on the offending
 * byte (n: the text ends too early). */
typedef struct Scanner {
        const unsigned char *s;
        size_t n;
        size_t at;
        size_t n_members;
} Scanner;

/* The byte at hand, -1 at the end: no byte equals it. */
static int peek(const Scanner *sc) {
        return sc->at < sc->n ? sc->s[sc->at] : -1;
}

static bool take(Scanner *sc, int c) {
        if (peek(sc) != c)
                return false;
        sc->at++;
        return true;
}

static void skip_space(Scanner *sc) {
        int c;

        while ((c = peek(sc)) == ' ' || c == '\t' || c == '\r' || c == '\n')
                sc->at++;
}

static int take_literal(Scanner *sc, const char *word) {
        for (; *word; word++)
                if (!take(sc, *word))
                        return -EBADMSG;
        return 0;
}

static int take_digits(Scanner *sc) {
        size_t start = sc->at;

        while (peek(sc) >= '0' && peek(sc) <= '9')
                sc->at++;
        return sc->at > start ? 0 : -EBADMSG;
}

static int take_number(Scanner *sc) {
        int r;

        (void) take(sc, '-');
        if (!take(sc, '0')) {
                r = take_digits(sc);
                if (r < 0)
                        return r;
        }
        if (take(sc, '.')) {
                r = take_digits(sc);
                if (r < 0)
                        return r;
        }
        if (take(sc, 'e') || take(sc, 'E')) {
                if (!take(sc, '+'))
                        (void) take(sc, '-');
                return take_digits(sc);
        }
        return 0;
}

static int take_hex4(Scanner *sc, unsigned *ret) {
        unsigned u = 0;

        for (int i = 0; i < 4; i++, sc->at++) {
                int c = peek(sc);

                if (c >= '0' && c <= '9')
                        u = u * 16 + (unsigned) (c - '0');
                else if (c >= 'a' && c <= 'f')
                        u = u * 16 + (unsigned) (c - 'a' + 10);
                else if (c >= 'A' && c <= 'F')
                        u = u * 16 + (unsigned) (c - 'A' + 10);
                else
                        return -EBADMSG;
        }
        *ret = u;
        return 0;
}

static int take_escape(Scanner *sc) {
        size_t start = sc->at;
        unsigned u, low;
        int c;

        sc->at++;
        c = peek(sc);
        if (c < 0 || c == 0 || !strchr("\"\\/bfnrtu", c))
                return -EBADMSG;
        sc->at++;
        if (c != 'u')
                return 0;
        if (take_hex4(sc, &u) < 0)
                return -EBADMSG;

        if (u >= 0xd800 && u <= 0xdbff) {
                if (!take(sc, '\\') || !take(sc, 'u') || take_hex4(sc, &low) < 0)
                        return -EBADMSG;
                if (low >= 0xdc00 && low <= 0xdfff)
                        return 0;
        } else if (u != 0 && (u < 0xdc00 || u > 0xdfff))
                return 0;

        sc->at = start;
        return -EBADMSG;
}

/* One sequence of two to four bytes by table 3-7 of the Unicode standard. */
static int take_utf8(Scanner *sc) {
        int lead = peek(sc), low = 0x80, high = 0xbf, n_more;

        if (lead >= 0xc2 && lead <= 0xdf)
                n_more = 1;
        else if (lead >= 0xe0 && lead <= 0xef) {
                n_more = 2;
                if (lead == 0xe0)
                        low = 0xa0; /* overlong below */
                if (lead == 0xed)
                        high = 0x9f; /* surrogates above */
        } else if (lead >= 0xf0 && lead <= 0xf4) {
                n_more = 3;
                if (lead == 0xf0)
                        low = 0x90;
                if (lead == 0xf4)
                        high = 0x8f; /* beyond U+10FFFF above */
        } else
                return -EBADMSG;

        for (sc->at++; n_more > 0; n_more--, sc->at++, low = 0x80, high = 0xbf)
                if (peek(sc) < low || peek(sc) > high)
                        return -EBADMSG;
        return 0;
}

static int take_string(Scanner *sc) {
        int c, r;

        if (!take(sc, '"'))
                return -EBADMSG;
        for (;;) {
                c = peek(sc);
                if (c < 0x20)
                        return -EBADMSG;
                if (c == '"') {
                        sc->at++;
                        return 0;
                }
                if (c == '\\')
                        r = take_escape(sc);
                else if (c >= 0x80)
                        r = take_utf8(sc);
                else {
                        sc->at++;
                        continue;
                }
                if (r < 0)
                        return r;
        }
}

/* Recursion is bounded by JSON_DEPTH_MAX. */
static int take_value(Scanner *sc, unsigned depth) {
        int c = peek(sc), closing, r;

        switch (c) {
        case '"':
                return take_string(sc);
        case 't':
                return take_literal(sc, "true");
        case 'f':
                return take_literal(sc, "false");
        case 'n':
                return take_literal(sc, "null");
        case '{':
        case '[':
                break;
        default:
                return take_number(sc);
        }

        if (depth >= JSON_DEPTH_MAX)
                return -EBADMSG;
        sc->at++;
        closing = c == '{' ? '}' : ']';
        skip_space(sc);
        if (take(sc, closing))
                return 0;

        for (;;) {
                if (c == '{') {
                        r = take_string(sc);
                        if (r < 0)
                                return r;
                        skip_space(sc);
                        if (!take(sc, ':'))
                                return -EBADMSG;
                        skip_space(sc);
                        sc->n_members++;
                }
                r = take_value(sc, depth + 1);
                if (r < 0)
                        return r;
                skip_space(sc);
                if (take(sc, closing))
                        return 0;
                if (!take(sc, ','))
                        return -EBADMSG;
                skip_space(sc);
        }
}

int json_scan(const char *s, size_t n, size_t *ret_members, size_t *ret_offset) {
        Scanner sc = { .s = (const unsigned char *) s, .n = n };
        int r;

        skip_space(&sc);
        r = take_value(&sc, 0);
        if (r >= 0) {
                skip_space(&sc);
                if (sc.at < n)
                        r = -EBADMSG;
        }

        if (ret_members)
                *ret_members = sc.n_members;
        if (ret_offset)
                *ret_offset = sc.at;
        return r;
}
