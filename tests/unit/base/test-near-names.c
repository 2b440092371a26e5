/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which names are near to which, against a plain search over all edits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/near-names.h"

#define NAME_32 "abcdefghijklmnopqrstuvwxyz012345"

static void distances(void **state) {
        static const struct {
                const char *a, *b;
                unsigned distance;
        } cases[] = {
                { "bob", "bob", 0 },
                { "bob", "bo", 1 },
                { "bob", "bobb", 1 },
                { "bob", "rob", 1 },
                { "bob", "obb", 1 },
                { "alice", "alcie", 1 },
                { "alice", "laice", 1 },
                { "alice", "alicia", 2 },
                { "ca", "abc", 2 }, /* swapped, and one put between: no mere alignment finds it */
                { "abc", "ca", 2 },
                { "alice", "bob", 3 },
                { "alice", "alicexyz", 3 },
                { "alice", "zyice", 2 },
                { "alice", "zyxce", 3 },
                { "", "ab", 2 },
                { "", "abc", 3 },
                { "", "", 0 },
                { NAME_32, NAME_32, 0 },
                { NAME_32, "bacdefghijklmnopqrstuvwxyz012354", 2 },
                { NAME_32, NAME_32 "6", 3 }, /* no name */
                { NAME_32, "bcdefghijklmnopqrstuvwxyz0123456", 2 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                assert_int_equal(name_distance(cases[i].a, cases[i].b), cases[i].distance);
                assert_int_equal(name_distance(cases[i].b, cases[i].a), cases[i].distance);
        }
}

/* Every text of at most LONG letters "ab_c…" and what one edit makes of it, and two. */
#define LONG 5
#define LETTERS "ab0"

static size_t make_texts(char (*texts)[LONG + 1]) {
        size_t n = 0;

        for (size_t length = 0; length <= LONG; length++) {
                size_t count = 1;

                for (size_t i = 0; i < length; i++)
                        count *= strlen(LETTERS);
                for (size_t k = 0; k < count; k++, n++) {
                        size_t rest = k;

                        for (size_t i = 0; i < length; i++, rest /= strlen(LETTERS))
                                texts[n][i] = LETTERS[rest % strlen(LETTERS)];
                        texts[n][length] = '\0';
                }
        }
        return n;
}

/* By the definition: is b what one edit makes of a? */
static bool is_one_edit(const char *a, const char *b) {
        size_t n = strlen(a), m = strlen(b), front = 0, back = 0;

        while (front < n && front < m && a[front] == b[front])
                front++;
        while (back < n - front && back < m - front && a[n - 1 - back] == b[m - 1 - back])
                back++;
        n -= front + back;
        m -= front + back;
        if (n + m == 1 || (n == 1 && m == 1))
                return true;
        return n == 2 && m == 2 && a[front] == b[front + 1] && a[front + 1] == b[front];
}

static void distances_are_those_of_a_search(void **state) {
        static char texts[400][LONG + 1];
        static bool one[400][400];
        size_t n = make_texts(texts), n_two = 0;

        assert_int_equal(n, 1 + 3 + 9 + 27 + 81 + 243);
        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < n; j++)
                        one[i][j] = is_one_edit(texts[i], texts[j]);
        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < n; j++) {
                        unsigned expected = i == j ? 0 : one[i][j] ? 1 : 3;

                        /* What lies between is no longer than LONG where one of the two is shorter,
                         * and of the letters that the two have. */
                        for (size_t k = 0; expected == 3 && k < n; k++)
                                if (one[i][k] && one[k][j])
                                        expected = 2;
                        if (strlen(texts[i]) == LONG && strlen(texts[j]) == LONG && expected == 3)
                                continue;
                        n_two += expected == 2;
                        assert_int_equal(name_distance(texts[i], texts[j]), expected);
                }
        assert_true(n_two > 1000);
}

static void assert_near(const NearNames *near, const char *text) {
        char printed[NEAR_NAMES_TEXT_SIZE];

        near_names_print(near, printed);
        assert_string_equal(printed, text);
}

static void the_nearest_come_first(void **state) {
        NearNames near;

        near_names_init(&near, "bobby");
        assert_near(&near, "");
        near_names_add(&near, "bobby");
        near_names_add(&near, "carol");
        assert_near(&near, "");
        near_names_add(&near, "bob");
        assert_near(&near, "bob");
        near_names_add(&near, "bob");
        assert_near(&near, "bob");
        near_names_add(&near, "bobbi");
        assert_near(&near, "bobbi or bob");
        near_names_add(&near, "bobbys");
        near_names_add(&near, "bobbi");
        assert_near(&near, "bobbi, bobbys or bob");
        near_names_add(&near, "bo");   /* too far */
        near_names_add(&near, "bobb"); /* nearer than the third */
        assert_near(&near, "bobb, bobbi or bobbys");
        near_names_add(&near, "bob");
        near_names_add(&near, "robby");
        assert_near(&near, "bobb, bobbi or bobbys");
        near_names_add(&near, "bobba");
        assert_near(&near, "bobb, bobba or bobbi");
}

static void nothing_in_common_is_not_near(void **state) {
        NearNames near;

        near_names_init(&near, "al");
        near_names_add(&near, "bo");
        near_names_add(&near, "bob");
        assert_int_equal(near.n, 0);
        near_names_add(&near, "la");
        near_names_add(&near, "ale");
        assert_near(&near, "ale or la");
}

static void three_of_the_longest_fit(void **state) {
        char printed[NEAR_NAMES_TEXT_SIZE];
        NearNames near;

        near_names_init(&near, NAME_32);
        near_names_add(&near, "abcdefghijklmnopqrstuvwxyz012346");
        near_names_add(&near, "abcdefghijklmnopqrstuvwxyz012347");
        near_names_add(&near, "abcdefghijklmnopqrstuvwxyz012348");
        near_names_add(&near, NAME_32 "6");
        near_names_print(&near, printed);
        assert_int_equal(strlen(printed), 3 * 32 + strlen(", ") + strlen(" or "));
}

typedef struct Seen {
        const char *of;
        size_t n;
        const char *wanted;
        bool found;
} Seen;

static int see(const char *name, void *userdata) {
        Seen *s = userdata;

        assert_true(name_is_valid(name));
        assert_int_equal(name_distance(s->of, name), 1);
        s->n++;
        s->found = s->found || streq(name, s->wanted);
        return s->n == 5000 ? -E2BIG : 0;
}

static void each_name_at_one_edit_is_told(void **state) {
        static char texts[400][LONG + 1];
        size_t n = make_texts(texts), n_names = 0;
        Seen s;

        for (size_t j = 0; j < n; j++) {
                if (!name_is_valid(texts[j]) || !is_one_edit("ab0a", texts[j]))
                        continue;
                n_names++;
                s = (Seen){ .of = "ab0a", .wanted = texts[j] };
                assert_int_equal(name_each_near("ab0a", see, &s), 0);
                assert_true(s.found);
        }
        assert_true(n_names > 15);
        s = (Seen){ .of = NAME_32, .wanted = "bacdefghijklmnopqrstuvwxyz012345" };
        assert_int_equal(name_each_near(NAME_32, see, &s), 0);
        assert_true(s.found && s.n > 1000 && s.n < 2700);
        s = (Seen){ .of = NAME_32, .wanted = "", .n = 4999 };
        assert_int_equal(name_each_near(NAME_32, see, &s), -E2BIG);
        assert_int_equal(s.n, 5000);
        assert_int_equal(name_each_near(NAME_32 "6", see, &s), 0);
        assert_int_equal(s.n, 5000);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(distances),
                cmocka_unit_test(distances_are_those_of_a_search),
                cmocka_unit_test(the_nearest_come_first),
                cmocka_unit_test(nothing_in_common_is_not_near),
                cmocka_unit_test(three_of_the_longest_fit),
                cmocka_unit_test(each_name_at_one_edit_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
