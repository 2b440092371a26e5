/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a search finds: parts of words of any script, in any case, and nothing that an entry does
 * not say. Each with and without the index. */
#include "tests/unit/daemon/search-fixture.h"

#define N_FILLERS INDEX_STEP_ENTRIES

static const char *const said[] = {
        "Hello World",                                              /* 1 */
        "the HELLO-kitty; ne\\tar(by) -- 100%",                     /* 2 */
        "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440", /* 3: Привет, мир */
        "\u00dcber das CAF\u00c9",                                  /* 4 */
        "\u6771\u4eac\u30bf\u30ef\u30fc\u306b\u884c\u304f",       /* 5: 東京タワーに行く */
        "\u6211\u559c\u6b22\u732b\u548c\u72d7",                   /* 6: 我喜欢猫和狗 */
        "\u0e09\u0e31\u0e19\u0e23\u0e31\u0e01\u0e41\u0e21\u0e27", /* 7: ฉันรักแมว */
        "party \U0001f389 tonight",                               /* 8 */
        "say \\\"cheese\\\" AND NOT NEAR(smile*) col:x ^y {z}",   /* 9 */
        "\u03a3\u0399\u03a3\u03a5\u03a6\u039f\u03a3",             /* 10: ΣΙΣΥΦΟΣ */
        "two\\nlines  and \u3000 spaces",                         /* 11 */
        "go ok C++ !!!",                                          /* 12 */
        "cafe\u0301 again",                                       /* 13: the accent by itself */
        "world, hello",                                           /* 14 */
};

static const struct {
        const char *words, *found;
} wanted[] = {
        { "hello", "1 2 14" },
        { "HELLO", "1 2 14" },
        { "ell", "1 2 14" },
        { "world hello", "1 14" },
        { "\"hello world\"", "1" },
        { "\"hello world", "1" },
        { "\"lo wor\"", "1" },
        { "hello-k", "2" },
        { "100%", "2" },
        { "kitty;", "2" },
        { "h_llo", "" },
        { "he%o", "" },
        { "\u043f\u0440\u0438\u0432\u0435\u0442", "3" },
        { "\u0418\u0412\u0415", "3" },
        { "\u041c\u0418", "3" },
        { "\u00fcBER", "4" },
        { "uber cafe", "4" },
        { "caf\u00e9", "4 13" },
        { "cafe", "4 13" },
        { "\u6771\u4eac", "5" },
        { "\u4eac", "5" },
        { "\u30bf\u30ef\u30fc", "5" },
        { "\u884c\u304f \u6771", "5" },
        { "\u884c\u304f\u3000\u6771", "5" }, /* the space of a Japanese keyboard */
        { "\u732b", "6" },
        { "\u732b\u548c", "6" },
        { "\u559c\u6b22\u732b\u548c", "6" },
        { "\u72d7\u732b", "" },
        { "\u0e23\u0e31\u0e01", "7" },
        { "\u0e41\u0e21", "7" },
        { "\u0e21", "7" },
        { "\U0001f389", "8" },
        { "\"cheese", "9" },
        { "say\"", "" },
        { "AND NOT", "9" },
        { "cheese AND", "9" },
        { "cheese OR hello", "" },
        { "NEAR(smile*)", "9" },
        { "NEAR(hello)", "" },
        { "hel*", "" },
        { "smile*", "9" },
        { "col:x", "9" },
        { "grams:hello", "" },
        { "^y", "9" },
        { "^hello", "" },
        { "{z}", "9" },
        { "hello AND world", "" },
        { "-- hello", "2" },
        { "'; DROP TABLE entry;", "" },
        { "\u03c3\u03af\u03c3", "" }, /* the accent is another letter in Greek */
        { "\u03c3\u03b9\u03c3\u03c5\u03c6\u03bf\u03c3", "10" },
        { "\"two lines\"", "11" },
        { "\"and spaces\"", "11" },
        { "ok", "12" },
        { "C++", "12" },
        { "k c", "12" },
        { "go !!!", "12" },
        { "xyzzy", "" },
};

static uint64_t make_log(Fixture *f) {
        uint64_t row = make_channel(f, true);

        for (size_t i = 0; i < ELEMENTSOF(said); i++)
                say(f, row, said[i]);
        return row;
}

static void assert_all_found(Fixture *f, uint64_t row) {
        for (size_t i = 0; i < ELEMENTSOF(wanted); i++) {
                const char *found = search_all(f, row, wanted[i].words);

                if (!streq(found, wanted[i].found))
                        fail_msg("%s: %s instead of %s", wanted[i].words, found, wanted[i].found);
        }
}

static void test_without_index(void **state) {
        Fixture *f = *state;

        assert_all_found(f, make_log(f));
}

static void test_with_index(void **state) {
        Fixture *f = *state;
        uint64_t row = make_log(f);
        StoreIndex index;

        for (unsigned i = 0; i < N_FILLERS; i++)
                say(f, row, "filler");
        index_all(f, row);
        index = load_index(f, row);
        assert_int_equal(index.first_seq, 1);
        assert_true(index.last_seq >= ELEMENTSOF(said));
        assert_all_found(f, row);
}

static void test_nothing_to_look_for(void **state) {
        static const char *const empty[] = { "",       " ",    "\"", "\"\"", "\" \"",   "*",
                                             "... !?", "\t\n", "()", "-",    "\"*\" \"" };
        Fixture *f = *state;
        uint64_t row = make_log(f);
        char many[2 * SEARCH_WORDS_MAX + 3], long_one[SEARCH_BYTES_MAX + 2];
        SearchQuery query = { .limit = 1 };
        Found found = {};

        for (size_t i = 0; i < ELEMENTSOF(empty); i++) {
                query.words = empty[i];
                assert_int_equal(search_page(f, &found, row, &query), -ENOMSG);
        }
        query.words = long_one;
        memset(long_one, 'a', sizeof(long_one));
        long_one[SEARCH_BYTES_MAX + 1] = '\0';
        assert_int_equal(search_page(f, &found, row, &query), -E2BIG);
        long_one[SEARCH_BYTES_MAX] = '\0';
        assert_int_equal(search_page(f, &found, row, &query), 0);
        query.words = many;
        for (size_t i = 0; i <= SEARCH_WORDS_MAX; i++)
                memcpy(many + 2 * i, "o ", 3);
        assert_int_equal(search_page(f, &found, row, &query), -E2BIG);
        many[2 * SEARCH_WORDS_MAX] = '\0';
        assert_int_equal(search_page(f, &found, row, &query), 0);
        assert_true(found.q.n_entries > 0);

        query.words = "hello";
        assert_int_equal(search_page(f, &found, 4711, &query), -ENOENT);
        query.limit = 0;
        assert_int_equal(search_page(f, &found, row, &query), -EINVAL);
        result_done(&found.q);
}

static Entry copy_of_entry(uint64_t seq, const char *kind, const char *extra) {
        Entry e = entry_of(seq, (unsigned) seq, kind, "alice");

        e.extra = (char *) extra;
        e.n_extra = strlen(extra);
        return e;
}

/* What is no text of a message is not looked at: other kinds, what was removed, meta, what a lying
 * host made of an entry. */
static void test_only_texts(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        Entry entries[] = {
                copy_of_entry(1, "topic", "{\"topic\":\"needle\"}"),
                copy_of_entry(2, "message",
                              "{\"message_content\":\"hay\",\"meta\":{\"x\":\"needle\"}}"),
                copy_of_entry(3, "message",
                              "{\"message_content\":\"needle\",\"redacted\":{\"by\":\"alice\"}}"),
                copy_of_entry(4, "message", "{\"redacted\":{\"by\":\"needle\"}}"),
                copy_of_entry(5, "message", "{\"message_content\":7,\"needle\":\"needle\"}"),
                copy_of_entry(6, "later", "{\"message_content\":\"needle\"}"),
                copy_of_entry(7, "message", "{}"),
                copy_of_entry(8, "message", "{\"message_content\":\"a needle\"}"),
                copy_of_entry(9, "message", "{\"message_content\":\"nul\\u0000needle\"}"),
        };
        Result q = {};

        assert_int_equal(CALL(f, &q,
                              store_copy(f->store, row, entries, ELEMENTSOF(entries), "bob",
                                         USER_REGISTERED, on_copied, &q, NULL)),
                         0);
        assert_string_equal(search_all(f, row, "needle"), "8");
        assert_string_equal(search_all(f, row, "message_content"), "");
        result_done(&q);
}

/* Two logs with the same words, of two people: each finds its own. */
static void test_only_this_log(void **state) {
        Fixture *f = *state;
        uint64_t rows[3], other;
        StoredChannel c;

        rows[0] = make_channel(f, true);
        other = sign_in(f, "carol", USER_REGISTERED, PEM(PEM_BODY));
        c = channel_named(other, "lobby", true);
        rows[1] = save_channel(f, &c);
        c = channel_named(other, "den", true);
        rows[2] = save_channel(f, &c);
        say_many(f, rows[0], 1, 2 * INDEX_STEP_ENTRIES);
        say_many(f, rows[1], 5001, 2 * INDEX_STEP_ENTRIES);
        for (size_t i = 0; i < 2; i++) {
                index_all(f, rows[i]);
                assert_true(load_index(f, rows[i]).last_seq > 0);
        }
        assert_string_equal(search_all(f, rows[0], "257"), "257");
        assert_string_equal(search_all(f, rows[1], "5257"), "257");
        assert_string_equal(search_all(f, rows[0], "5257"), "");
        assert_string_equal(search_all(f, rows[2], "257"), "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_without_index, setup, teardown),
                cmocka_unit_test_setup_teardown(test_with_index, setup, teardown),
                cmocka_unit_test_setup_teardown(test_nothing_to_look_for, setup, teardown),
                cmocka_unit_test_setup_teardown(test_only_texts, setup, teardown),
                cmocka_unit_test_setup_teardown(test_only_this_log, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
