/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What clients see of an entry's extra, spelt as one line of text. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "daemon/bus/entry-view.h"

static void spell(const EntryView *v, FILE *f) {
        size_t n;
        const EntryItem *items = entry_view_get_items(v, &n);

        for (size_t i = 0; i < n; i++) {
                if (items[i].key)
                        fprintf(f, "%s=", items[i].key);
                switch (items[i].type) {
                case ENTRY_ITEM_STRING:
                        fprintf(f, "'%s' ", items[i].s);
                        break;
                case ENTRY_ITEM_UINT:
                        fprintf(f, "u%" PRIu64 " ", items[i].u);
                        break;
                case ENTRY_ITEM_INT:
                        fprintf(f, "i%" PRId64 " ", items[i].i);
                        break;
                case ENTRY_ITEM_DOUBLE:
                        fprintf(f, "d%g ", items[i].d);
                        break;
                case ENTRY_ITEM_BOOL:
                        fprintf(f, "%s ", items[i].b ? "yes" : "no");
                        break;
                case ENTRY_ITEM_OBJECT:
                        fputs("{ ", f);
                        break;
                case ENTRY_ITEM_ARRAY:
                        fputs("[ ", f);
                        break;
                case ENTRY_ITEM_END:
                        fputs("end ", f);
                        break;
                }
        }
}

static void test_table(void **state) {
        static const struct {
                const char *extra, *expected;
        } cases[] = {
                { "{}", "" },
                { "{\"message_content\":\"hi\"}", "text='hi' " },
                { "{\"message_content\":\"hi\",\"meta\":{\"a\":[1,-2,1.5,true,null,\"x\"]}}",
                  "text='hi' meta={ a=[ u1 i-2 d1.5 yes 'x' end end " },
                { "{\"redacted\":{\"by\":\"bob\",\"seq\":7,\"time\":\"1970-01-01T00:00:01.500Z\"}}",
                  "redacted={ by='bob' seq=u7 time=u1500000 end " },
                { "{\"target\":\"bob\",\"until\":\"1970-01-01T00:00:02.000Z\"}",
                  "target='bob' until=u2000000 " },
                /* a sender's own words are nobody's times, and nobody's text */
                { "{\"meta\":{\"time\":\"1970-01-01T00:00:01.500Z\",\"message_content\":\"x\"}}",
                  "meta={ time='1970-01-01T00:00:01.500Z' message_content='x' end " },
                { "{\"big\":9007199254740993,\"huge\":1e300,\"gone\":null}",
                  "big=i9007199254740993 huge=d1e+300 " },
                { "{\"more\":1e999,\"less\":-1e999}", "more=d1.79769e+308 less=d-1.79769e+308 " },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Entry e = { .extra = (char *) cases[i].extra, .n_extra = strlen(cases[i].extra) };
                _cleanup_(entry_view_freep) EntryView *v = NULL;
                char text[256] = "";
                FILE *f;

                assert_int_equal(entry_view_new(&e, &v), 0);
                f = fmemopen(text, sizeof(text), "w");
                assert_non_null(f);
                spell(v, f);
                fclose(f);
                assert_string_equal(text, cases[i].expected);
        }
}

static void test_no_object(void **state) {
        static const char *const cases[] = { "", "[1]", "null", "7", "{\"a\":}" };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Entry e = { .extra = (char *) cases[i], .n_extra = strlen(cases[i]) };
                EntryView *v = NULL;

                assert_int_equal(entry_view_new(&e, &v), -EBADMSG);
                assert_null(v);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_table),
                cmocka_unit_test(test_no_object),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
