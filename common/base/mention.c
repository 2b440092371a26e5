/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows when a text speaks to somebody by name; leaves whose text it is, and who hears of it, to
 * others. */
#include "base/mention.h"

#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* Beyond ASCII: what is no letter, digit or mark, and the scripts that set no spaces between words
 * (in them a name stands beside letters). Whatever is not here is part of a word. Ascending. */
static const struct {
        uint32_t first, last;
} no_word[] = {
        { 0x0080, 0x00a9 },   { 0x00ab, 0x00b1 },   { 0x00b4, 0x00b4 }, { 0x00b6, 0x00b8 },
        { 0x00bb, 0x00bf },   { 0x00d7, 0x00d7 },   { 0x00f7, 0x00f7 }, { 0x02c2, 0x02c5 },
        { 0x037e, 0x037e },   { 0x0387, 0x0387 },   { 0x055a, 0x055f }, { 0x0589, 0x058a },
        { 0x05be, 0x05be },   { 0x05c0, 0x05c0 },   { 0x05c3, 0x05c3 }, { 0x05f3, 0x05f4 },
        { 0x0600, 0x060f },   { 0x061b, 0x061f },   { 0x066a, 0x066d }, { 0x06d4, 0x06d4 },
        { 0x0964, 0x0965 },   { 0x0e00, 0x0eff },   { 0x0f01, 0x0f17 }, { 0x0f3a, 0x0f3d },
        { 0x1000, 0x109f },   { 0x10fb, 0x10fb },   { 0x1361, 0x1368 }, { 0x1780, 0x17ff },
        { 0x1800, 0x180a },   { 0x2000, 0x200b },   { 0x200e, 0x203e }, { 0x2041, 0x2053 },
        { 0x2055, 0x206f },   { 0x207a, 0x207e },   { 0x208a, 0x208e }, { 0x20a0, 0x20cf },
        { 0x2190, 0x2bff },   { 0x2e00, 0x2e7f },   { 0x2e80, 0xa4cf }, { 0xf900, 0xfaff },
        { 0xfd3e, 0xfd3f },   { 0xfe00, 0xfe1f },   { 0xfe30, 0xfe6f }, { 0xff01, 0xff0f },
        { 0xff1a, 0xff20 },   { 0xff3b, 0xff40 },   { 0xff5b, 0xff9f }, { 0xffe0, 0xffff },
        { 0x1f000, 0x1faff }, { 0x20000, 0x3ffff },
};

static char to_lower(char c) {
        return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

static bool is_ascii_word(char c) {
        c = to_lower(c);
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_joiner(char c) {
        return c == '.' || c == '_' || c == '-';
}

/* Of what begins at s; a byte that is no text is no word. */
static bool is_word_at(const char *s, size_t n) {
        uint32_t c;

        if (n == 0)
                return false;
        if ((unsigned char) *s < 0x80)
                return is_ascii_word(*s);
        if (text_decode(s, n, &c) == 0)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(no_word) && c >= no_word[i].first; i++)
                if (c <= no_word[i].last)
                        return false;
        return true;
}

/* Of what ends before text + at. */
static bool is_word_before(const char *text, size_t at) {
        size_t i = at;

        if (at == 0)
                return false;
        do
                i--;
        while (i > 0 && at - i < 4 && ((unsigned char) text[i] & 0xc0) == 0x80);
        return is_word_at(text + i, at - i);
}

/* … and what joins it to more of a word. */
static bool is_open_before(const char *text, size_t at) {
        if (is_word_before(text, at))
                return false;
        if (at > 0 && text[at - 1] == '@')
                return !is_word_before(text, at - 1);
        while (at > 0 && is_joiner(text[at - 1]))
                at--;
        return !is_word_before(text, at);
}

static bool is_open_behind(const char *text, size_t n, size_t at) {
        if (at < n && text[at] == '@')
                return !is_word_at(text + at + 1, n - at - 1);
        while (at < n && is_joiner(text[at]))
                at++;
        return !is_word_at(text + at, n - at);
}

static bool has_at(const char *text, const char *name, size_t n_name) {
        for (size_t i = 0; i < n_name; i++)
                if (to_lower(text[i]) != name[i])
                        return false;
        return true;
}

bool mention_is_in(const char *text, size_t n, const char *name) {
        size_t n_name = strlen(name);

        if (n_name == 0)
                return false;
        for (size_t i = 0; i + n_name <= n; i++)
                if (has_at(text + i, name, n_name) && is_open_before(text, i) &&
                    is_open_behind(text, n, i + n_name))
                        return true;
        return false;
}

bool mention_may_be_in(const char *bytes, size_t n, const char *name) {
        size_t n_name = strlen(name);

        for (size_t i = 0; i + n_name <= n; i++)
                if (has_at(bytes + i, name, n_name))
                        return true;
        return false;
}
