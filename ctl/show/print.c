/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how things are shown to people and to programs; leaves what is shown to the verbs. */
#include "ctl/show/print.h"

#include <time.h>

#include "ctl/show/escape.h"
#include "ctl/show/hint.h"
#include "ctl/show/pager.h"

static void print_indent(FILE *f, unsigned depth) {
        fputc('\n', f);
        for (unsigned i = 0; i < depth; i++)
                fputs("        ", f);
}

void print_json_text(FILE *f, JsonMode mode, const char *json) {
        bool in_string = false;
        unsigned depth = 0;
        size_t length;

        if (mode != JSON_PRETTY) {
                print_json_part(f, json, strlen(json));
                fputc('\n', f);
                return;
        }
        for (const char *p = json; *p; p++) {
                if (in_string) {
                        length = *p == '\\' && p[1] ? 2 : strcspn(p, "\"\\");
                        if (length == 0) {
                                fputc(*p, f);
                                in_string = false;
                                continue;
                        }
                        print_json_part(f, p, length);
                        p += length - 1;
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

int print_json(Ctl *ctl, Writer *w) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = writer_take(w, &text, NULL);
        if (r < 0)
                return client_fail(ctl, NULL, r);
        print_json_text(stdout, ctl->json == JSON_OFF ? JSON_SHORT : ctl->json, text);
        return EXIT_OK;
}

void listing_done(Listing *l) {
        table_done(&l->table);
        writer_done(&l->json);
}

int listing_show(Ctl *ctl, Listing *l, const char *nothing) {
        if (ctl->json == JSON_OFF && nothing && l->table.n_cells == l->table.n_columns) {
                hint_print(ctl, stderr, "%s\n", nothing);
                return EXIT_OK;
        }
        (void) pager_open(ctl);
        if (ctl->json != JSON_OFF)
                return print_json(ctl, &l->json);
        table_print(ctl, &l->table);
        return EXIT_OK;
}

void print_local_time(uint64_t realtime_usec, char ret[static LOCAL_TIME_SIZE]) {
        time_t seconds = (time_t) (realtime_usec / USEC_PER_SEC);
        struct tm tm;

        ret[0] = 0;
        if (realtime_usec > 0 && localtime_r(&seconds, &tm))
                strftime(ret, LOCAL_TIME_SIZE, "%Y-%m-%d %H:%M:%S", &tm);
}
