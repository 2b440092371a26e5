/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests which word is offered for one that was mistyped, and that none is where nothing is near. */
#include "ctl/suggest.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/cleanup.h"

static const char *nearest(const char *typed) {
        static const char *const words[] = { "status",   "log",        "list",   "join",
                                             "channels", "members",    "search", "outbox",
                                             "on",       "off",        "follow", "notify",
                                             "unhost",   "disconnect", "view" };
        Suggestion s = { .typed = typed };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                suggest(&s, words[i]);
        return s.best;
}

static void test_near(void **state) {
        assert_string_equal(nearest("lgo"), "log");
        assert_string_equal(nearest("jion"), "join");
        assert_string_equal(nearest("follwo"), "follow");
        assert_string_equal(nearest("memebrs"), "members");
        assert_string_equal(nearest("lst"), "list");
        assert_string_equal(nearest("statsu"), "status");
        assert_string_equal(nearest("vieww"), "view");
        assert_string_equal(nearest("of"), "off");
}

static void test_beginning(void **state) {
        assert_string_equal(nearest("chan"), "channels");
        assert_string_equal(nearest("disc"), "disconnect");
        assert_null(nearest("ch"));
}

static void test_far(void **state) {
        assert_null(nearest(""));
        assert_null(nearest("x"));
        assert_null(nearest("nonsense"));
        assert_null(nearest("foo"));
        assert_null(nearest("vote"));
        assert_null(nearest("a-word-that-is-longer-than-any-name-may-be-here"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_near),
                cmocka_unit_test(test_beginning),
                cmocka_unit_test(test_far),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
