/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how wide a terminal is, whether it has colour, and how many of its cells a text takes;
 * leaves what is shown to print.h. */
#pragma once

#include "ctl/ctl.h"

/* Columns of the terminal at fd: COLUMNS, then what the terminal says, then 80. */
unsigned terminal_width(int fd);

/* It knows no control sequences, or nobody says what it is (TERM). */
bool terminal_is_dumb(void);

/* What is shown goes to people at a terminal that has colour, and they did not say no (NO_COLOR,
 * TERM=dumb). Never for JSON. */
bool terminal_has_colour(const Ctl *ctl);

typedef enum Colour {
        COLOUR_NONE, /* as before all of them */
        COLOUR_BOLD,
        COLOUR_DIM,
        COLOUR_RED,
        COLOUR_GREEN,
        COLOUR_YELLOW,
        COLOUR_BLUE,
        COLOUR_MAGENTA,
        COLOUR_CYAN,
        COLOUR_MAX,
} Colour;
/* What switches it on; "" where there is none. */
const char *colour(const Ctl *ctl, Colour c);
/* One of the colours, always the same for a name. */
Colour colour_of_name(const char *name);
/* Of a word of the API for how something is: live is green, what failed red, what is not there
 * dim. COLOUR_NONE: a word like others. */
Colour colour_of_state(const char *state);
/* The same word in the person's language; what is not known as it is. */
const char *state_text(const char *state);

/* Cells that a text takes which print_escaped() wrote; LC_CTYPE is UTF-8, as program_run() sees to.
 */
size_t text_width(const char *s);
/* The bytes of s that fit in so many cells. */
size_t text_fit(const char *s, size_t width);
/* A copy of at most so many cells (not 0), with "…" at its end where something is missing; it is
 * the caller's. 0 or -ENOMEM. */
int text_cut(const char *s, size_t width, char **ret);
