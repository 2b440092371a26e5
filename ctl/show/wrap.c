/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows where a line that is wider than a terminal is broken, and how its next rows are set in;
 * leaves what is shown to print.c. */
#include "ctl/show/wrap.h"

#include <limits.h>
#include <wchar.h>

#include "ctl/show/terminal.h"

#define INDENT 8
#define INDENT_SHARE 3 /* of narrow terminals, at most a third */
#define COLUMNS_MIN 6  /* less than that shows nothing anyway */

unsigned wrap_columns(const Ctl *ctl, int fd) {
        if (ctl->pager > 0 && (fd == STDOUT_FILENO || ctl->has_stderr))
                return ctl->columns;
        return isatty(fd) > 0 ? terminal_width(fd) : 0;
}

/* No cell for wcwidth(), and one in some terminals: medial and final jamo, joiners, and selectors
 * that make an emoji of what is before them. */
static bool may_be_seen(wchar_t c) {
        return (c >= 0x1160 && c <= 0x11ff) || (c >= 0x200b && c <= 0x200d) ||
               (c >= 0x2060 && c <= 0x2064) || (c >= 0xfe00 && c <= 0xfe0f);
}

/* The most cells that the character at s takes in any terminal; *ret_n: its bytes. Too many only
 * make a row shorter, too few would let the terminal break it. */
static unsigned widest(const char *s, size_t *ret_n) {
        mbstate_t state = {};
        wchar_t c;
        int width;

        if (*s == '\033') { /* a colour; another's are escaped */
                *ret_n = strcspn(s, "m\n");
                *ret_n += s[*ret_n] == 'm';
                return 0;
        }
        *ret_n = mbrtowc(&c, s, MB_LEN_MAX, &state);
        if (*ret_n == (size_t) -1 || *ret_n == (size_t) -2 || *ret_n == 0) {
                *ret_n = 1;
                return 1;
        }
        width = wcwidth(c);
        return width < 0 ? 2 : width == 0 ? may_be_seen(c) : (unsigned) width;
}

static bool fits(const char *s, const char *end, unsigned room) {
        unsigned used = 0;
        size_t n;

        for (; s < end && used <= room; s += n)
                used += widest(s, &n);
        return used <= room;
}

/* Where the row that begins at s ends: before a blank or beside a wide character (those have no
 * blanks between them), else anywhere. */
static const char *find_cut(const char *s, const char *end, unsigned room, unsigned next_room) {
        const char *cut = NULL, *p;
        bool has_word = false, was_wide = false;
        unsigned used = 0;
        size_t n;

        for (p = s; p < end; p += n) {
                unsigned width = widest(p, &n);

                if (has_word && (*p == ' ' || width == 2 || (was_wide && width > 0)))
                        cut = p;
                used += width;
                if (used > room)
                        break;
                if (width > 0) {
                        has_word = has_word || *p != ' ';
                        was_wide = width == 2;
                }
        }
        if (p == end)
                return end;
        /* A word that is longer than a row is cut anyway. */
        if (cut && cut < p) {
                const char *word = cut + strspn(cut, " ");

                if (word >= p || fits(word, word + strcspn(word, " \n"), next_room))
                        return cut;
        }
        return p > s ? p : s + n;
}

static void print_line(FILE *f, const char *s, const char *end, unsigned columns) {
        unsigned indent = MIN((unsigned) INDENT, columns / INDENT_SHARE), room = columns;

        for (;;) {
                const char *cut = find_cut(s, end, room, columns - indent), *next = cut;

                if (cut < end) {
                        next += strspn(cut, " ");
                        while (cut > s && cut[-1] == ' ')
                                cut--;
                }
                fwrite(s, 1, (size_t) (cut - s), f);
                if (next >= end)
                        return;
                fprintf(f, "\n%*s", (int) indent, "");
                s = next;
                room = columns - indent;
        }
}

void wrap_print(FILE *f, const char *s, unsigned columns) {
        if (columns < COLUMNS_MIN) {
                fputs(s, f);
                return;
        }
        for (;;) {
                const char *end = strchrnul(s, '\n');

                print_line(f, s, end, columns);
                if (!*end)
                        return;
                fputc('\n', f);
                s = end + 1;
        }
}

FILE *wrap_begin(Wrap *ret, FILE *to, unsigned columns) {
        *ret = (Wrap){ .to = to, .columns = columns };
        if (columns > 0)
                ret->f = open_memstream(&ret->text, &ret->n);
        return ret->f ?: to;
}

void wrap_end(Wrap *w) {
        if (w->f && fclose(w->f) == 0)
                wrap_print(w->to, w->text, w->columns);
        free(w->text);
        *w = (Wrap){};
}
