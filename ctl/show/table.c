/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how rows of cells stand below each other, whatever alphabet they are in and however wide
 * the terminal is; leaves what is in them to the verbs. */
#include <ctype.h>
#include <stdarg.h>

#include "ctl/show/print.h"
#include "ctl/show/terminal.h"

#define COLUMNS_MAX 16
#define GAP 2
#define LAST_MIN 12 /* cells that are left of the last column before others give way */
#define WIDTH_MIN 6

void table_done(Table *t) {
        for (size_t i = 0; i < t->n_cells; i++)
                free(t->cells[i]);
        free(t->cells);
        t->cells = NULL;
        t->n_cells = 0;
}

int table_add(Table *t, ...) {
        char **grown;
        va_list ap;
        int r = 0;

        grown = reallocarray(t->cells, t->n_cells + t->n_columns, sizeof(char *));
        if (!grown)
                return -ENOMEM;
        t->cells = grown;
        va_start(ap, t);
        for (size_t i = 0; i < t->n_columns; i++) {
                const char *s = va_arg(ap, const char *);

                r = text_escape(s && *s ? s : "-", false, &t->cells[t->n_cells]);
                if (r < 0)
                        break;
                t->n_cells++;
        }
        va_end(ap);
        return r;
}

static bool is_number(const char *s) {
        return streq(s, "-") || s[strspn(s, "0123456789")] == '\0';
}

/* Names may be digits, too: what is in the first column stays where it is. */
static bool is_right(const Table *t, size_t column) {
        bool has_number = false;

        for (size_t i = column + (t->is_headless ? 0 : t->n_columns); i < t->n_cells;
             i += t->n_columns) {
                if (column == 0 || !is_number(t->cells[i]))
                        return false;
                has_number = has_number || isdigit((unsigned char) *t->cells[i]);
        }
        return has_number;
}

static const char *shown(const Table *t, size_t cell) {
        bool is_heading = cell < t->n_columns && !t->is_headless;
        size_t column = cell % t->n_columns;

        return !is_heading && t->states >> column & 1 ? state_text(t->cells[cell]) : t->cells[cell];
}

static void measure(const Ctl *ctl, const Table *t, size_t widths[static COLUMNS_MAX]) {
        size_t total = GAP * (t->n_columns - 1), last = t->n_columns - 1, excess;

        for (size_t i = 0; i < t->n_cells; i++)
                widths[i % t->n_columns] = MAX(widths[i % t->n_columns], text_width(shown(t, i)));
        for (size_t i = 0; i < t->n_columns; i++)
                total += widths[i];
        /* What programs read is whole. */
        if (!ctl->tty || total <= ctl->columns)
                return;
        excess = total - ctl->columns;
        if (widths[last] > LAST_MIN) {
                size_t cut = MIN(excess, widths[last] - LAST_MIN);

                widths[last] -= cut;
                excess -= cut;
        }
        for (; excess > 0; excess--) {
                size_t widest = 0;

                for (size_t i = 1; i < t->n_columns; i++)
                        if (widths[i] > widths[widest])
                                widest = i;
                if (widths[widest] <= WIDTH_MIN)
                        return;
                widths[widest]--;
        }
}

static void print_cell(const Ctl *ctl, const Table *t, size_t cell, size_t width, bool right) {
        bool is_heading = cell < t->n_columns && !t->is_headless;
        size_t column = cell % t->n_columns, padding;
        _cleanup_free_ char *cut = NULL;
        Colour c = COLOUR_NONE;

        if (text_cut(shown(t, cell), width, &cut) < 0)
                return;
        padding = width - text_width(cut);
        if (is_heading)
                c = COLOUR_BOLD;
        else if (t->states >> column & 1)
                c = colour_of_state(t->cells[cell]);
        printf("%*s%s%s%s", right ? (int) padding : 0, "", c != COLOUR_NONE ? colour(ctl, c) : "",
               cut, c != COLOUR_NONE ? colour(ctl, COLOUR_NONE) : "");
        if (column + 1 == t->n_columns)
                putchar('\n');
        else
                printf("%*s", (int) (right ? GAP : padding + GAP), "");
}

void table_print(const Ctl *ctl, const Table *t) {
        size_t widths[COLUMNS_MAX] = {};
        bool right[COLUMNS_MAX];

        assert(t->n_columns > 0 && t->n_columns <= COLUMNS_MAX);
        measure(ctl, t, widths);
        for (size_t i = 0; i < t->n_columns; i++)
                right[i] = is_right(t, i);
        for (size_t i = 0; i < t->n_cells; i++)
                print_cell(ctl, t, i, widths[i % t->n_columns], right[i % t->n_columns]);
}
