/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how wide a terminal is, whether it has colour, and how many of its cells a text takes;
 * leaves what is shown to print.c. */
#include "ctl/show/terminal.h"

#include <limits.h>
#include <sys/ioctl.h>
#include <wchar.h>

#define WIDTH_UNKNOWN 80
#define ELLIPSIS "…"

unsigned terminal_width(int fd) {
        const char *columns = getenv("COLUMNS");
        struct winsize size;

        if (columns && *columns >= '1' && *columns <= '9') {
                unsigned long n = strtoul(columns, NULL, 10);

                return n < USHRT_MAX ? (unsigned) n : USHRT_MAX;
        }
        return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : WIDTH_UNKNOWN;
}

bool terminal_is_dumb(void) {
        const char *term = getenv("TERM");

        return !term || !*term || streq(term, "dumb");
}

bool terminal_has_colour(const Ctl *ctl) {
        const char *no_color = getenv("NO_COLOR");

        return ctl->tty && ctl->json == JSON_OFF && !(no_color && *no_color) && !terminal_is_dumb();
}

const char *colour(const Ctl *ctl, Colour c) {
        static const char *const sequences[COLOUR_MAX] = {
                [COLOUR_NONE] = "\033[0m",   [COLOUR_BOLD] = "\033[1m",
                [COLOUR_DIM] = "\033[2m",    [COLOUR_RED] = "\033[31m",
                [COLOUR_GREEN] = "\033[32m", [COLOUR_YELLOW] = "\033[33m",
                [COLOUR_BLUE] = "\033[34m",  [COLOUR_MAGENTA] = "\033[35m",
                [COLOUR_CYAN] = "\033[36m",
        };

        return terminal_has_colour(ctl) ? sequences[c] : "";
}

Colour colour_of_name(const char *name) {
        static const Colour colours[] = { COLOUR_GREEN, COLOUR_YELLOW, COLOUR_BLUE, COLOUR_MAGENTA,
                                          COLOUR_CYAN };
        uint32_t hash = UINT32_C(2166136261); /* FNV-1a */

        for (const char *p = name; *p; p++)
                hash = (hash ^ (unsigned char) *p) * UINT32_C(16777619);
        return colours[(hash ^ hash >> 16) % ELEMENTSOF(colours)];
}

static const struct {
        const char *state;
        Colour colour;
} states[] = {
        { N_("live"), COLOUR_GREEN },     { N_("online"), COLOUR_GREEN },
        { N_("ok"), COLOUR_GREEN },       { N_("active"), COLOUR_GREEN },
        { N_("yes"), COLOUR_GREEN },      { N_("connecting"), COLOUR_YELLOW },
        { N_("syncing"), COLOUR_YELLOW }, { N_("queued"), COLOUR_YELLOW },
        { N_("sending"), COLOUR_YELLOW }, { N_("denied"), COLOUR_RED },
        { N_("diverged"), COLOUR_RED },   { N_("untrusted"), COLOUR_RED },
        { N_("mismatch"), COLOUR_RED },   { N_("full"), COLOUR_RED },
        { N_("read-only"), COLOUR_RED },  { N_("failing"), COLOUR_RED },
        { N_("damaged"), COLOUR_RED },    { N_("failed"), COLOUR_RED },
        { N_("suspended"), COLOUR_RED },  { N_("delisted"), COLOUR_RED },
        { N_("no"), COLOUR_RED },         { N_("offline"), COLOUR_DIM },
        { N_("closed"), COLOUR_DIM },     { N_("deleted"), COLOUR_DIM },
        { N_("away"), COLOUR_DIM },
};

Colour colour_of_state(const char *state) {
        for (size_t i = 0; state && i < ELEMENTSOF(states); i++)
                if (streq(states[i].state, state))
                        return states[i].colour;
        return COLOUR_NONE;
}

const char *state_text(const char *state) {
        for (size_t i = 0; i < ELEMENTSOF(states); i++)
                if (streq(states[i].state, state))
                        return _(states[i].state);
        return state;
}

/* Of the first character; its bytes are counted in *ret_n. */
static size_t character_width(const char *s, size_t *ret_n) {
        mbstate_t state = {};
        wchar_t c;
        int width;

        *ret_n = mbrtowc(&c, s, MB_LEN_MAX, &state);
        if (*ret_n == (size_t) -1 || *ret_n == (size_t) -2 || *ret_n == 0) {
                *ret_n = 1;
                return 1;
        }
        width = wcwidth(c);
        return width < 0 ? 1 : (size_t) width;
}

size_t text_width(const char *s) {
        size_t width = 0, n;

        for (; *s; s += n)
                width += character_width(s, &n);
        return width;
}

size_t text_fit(const char *s, size_t width) {
        size_t fits = 0, used = 0, n;

        for (; s[fits]; fits += n) {
                used += character_width(s + fits, &n);
                if (used > width)
                        break;
        }
        return fits;
}

int text_cut(const char *s, size_t width, char **ret) {
        if (text_width(s) <= width) {
                *ret = strdup(s);
                return *ret ? 0 : -ENOMEM;
        }
        if (asprintf(ret, "%.*s" ELLIPSIS, (int) text_fit(s, width - 1), s) < 0) {
                *ret = NULL;
                return -ENOMEM;
        }
        return 0;
}
