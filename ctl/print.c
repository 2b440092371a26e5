/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how things are shown to people and to programs; leaves what is shown to the verbs. */
#include "ctl/print.h"

#include <inttypes.h>

#include <locale.h>
#include <stdarg.h>
#include <time.h>
#include <wchar.h>

void print_escaped(FILE *f, const char *s, bool multiline) {
        const unsigned char *p = (const unsigned char *) s;

        for (; *p; p++) {
                /* C1 controls are two bytes in UTF-8: C2 80 … C2 9F. */
                if (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f) {
                        fprintf(f, "\\x%02x", p[1]);
                        p++;
                } else if ((*p < 0x20 && !(multiline && *p == '\n')) || *p == 0x7f) {
                        if (*p == '\t')
                                fputc(' ', f);
                        else
                                fprintf(f, "\\x%02x", *p);
                } else {
                        fputc(*p, f);
                }
        }
}

static void print_indent(FILE *f, unsigned depth) {
        fputc('\n', f);
        for (unsigned i = 0; i < depth; i++)
                fputs("        ", f);
}

void print_json_text(FILE *f, JsonMode mode, const char *json) {
        bool in_string = false;
        unsigned depth = 0;

        if (mode != JSON_PRETTY) {
                fputs(json, f);
                fputc('\n', f);
                return;
        }
        for (const char *p = json; *p; p++) {
                if (in_string) {
                        fputc(*p, f);
                        if (*p == '\\' && p[1])
                                fputc(*++p, f);
                        else if (*p == '"')
                                in_string = false;
                        continue;
                }
                switch (*p) {
                case '"':
                        in_string = true;
                        fputc(*p, f);
                        break;
                case '{':
                case '[':
                        fputc(*p, f);
                        if (p[1] == '}' || p[1] == ']') {
                                fputc(*++p, f);
                                break;
                        }
                        print_indent(f, ++depth);
                        break;
                case '}':
                case ']':
                        print_indent(f, --depth);
                        fputc(*p, f);
                        break;
                case ',':
                        fputc(*p, f);
                        print_indent(f, depth);
                        break;
                case ':':
                        fputs(": ", f);
                        break;
                default:
                        fputc(*p, f);
                }
        }
        fputc('\n', f);
}

int print_json(const Ctl *ctl, Writer *w) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = writer_take(w, &text, NULL);
        if (r < 0)
                return r;
        print_json_text(stdout, ctl->json == JSON_OFF ? JSON_SHORT : ctl->json, text);
        return 0;
}

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
                _cleanup_free_ char *escaped = NULL;
                size_t n;
                FILE *f;

                f = open_memstream(&escaped, &n);
                if (f)
                        print_escaped(f, s && *s ? s : "-", false);
                /* Closing is what settles where the text is: it shrinks it. */
                if (!f || fclose(f) != 0) {
                        r = -ENOMEM;
                        break;
                }
                t->cells[t->n_cells++] = TAKE_PTR(escaped);
        }
        va_end(ap);
        return r;
}

static size_t cell_width(const char *s) {
        size_t n = mbstowcs(NULL, s, 0);
        int width;

        if (n == (size_t) -1)
                return strlen(s);
        _cleanup_free_ wchar_t *wide = new0(wchar_t, n + 1);
        if (!wide || mbstowcs(wide, s, n + 1) == (size_t) -1)
                return strlen(s);
        width = wcswidth(wide, n);
        return width < 0 ? n : (size_t) width;
}

void table_print(const Table *t, FILE *f) {
        size_t widths[16] = {};

        assert(t->n_columns <= ELEMENTSOF(widths));
        for (size_t i = 0; i < t->n_cells; i++)
                widths[i % t->n_columns] = MAX(widths[i % t->n_columns], cell_width(t->cells[i]));
        for (size_t i = 0; i < t->n_cells; i++) {
                size_t column = i % t->n_columns;
                bool last = column + 1 == t->n_columns;

                fputs(t->cells[i], f);
                if (last)
                        fputc('\n', f);
                else
                        fprintf(f, "%*s", (int) (widths[column] - cell_width(t->cells[i]) + 2), "");
        }
}

void listing_done(Listing *l) {
        table_done(&l->table);
        writer_done(&l->json);
}

int listing_show(Ctl *ctl, Listing *l, const char *nothing) {
        int r = 0;

        if (ctl->json != JSON_OFF)
                r = print_json(ctl, &l->json);
        else if (nothing && l->table.n_cells == l->table.n_columns)
                fprintf(stderr, "%s\n", nothing);
        else
                table_print(&l->table, stdout);
        return r < 0 ? client_fail(ctl, NULL, r) : EXIT_OK;
}

void print_local_time(uint64_t realtime_usec, char ret[static LOCAL_TIME_SIZE]) {
        time_t seconds = (time_t) (realtime_usec / USEC_PER_SEC);
        struct tm tm;

        ret[0] = 0;
        if (realtime_usec > 0 && localtime_r(&seconds, &tm))
                strftime(ret, LOCAL_TIME_SIZE, "%Y-%m-%d %H:%M:%S", &tm);
}
