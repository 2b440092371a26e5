/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When a text speaks to somebody: as a word of its own, and as no part of a longer name or word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mention.h"
#include "daemon/notify/mention-extra.h"
#include "wire/entry.h"

typedef struct Case {
        const char *text;
        bool is_one;
} Case;

static void check(const char *name, const Case *cases, size_t n) {
        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *exact = NULL;
                size_t length = strlen(cases[i].text);

                /* Nothing behind its end may be looked at. */
                exact = malloc(length ? length : 1);
                assert_non_null(exact);
                memcpy(exact, cases[i].text, length);
                if (mention_is_in(exact, length, name) != cases[i].is_one)
                        fail_msg("%s in \"%s\"", name, cases[i].text);
        }
}

static void test_words(void **state) {
        static const Case alice[] = {
                { "", false },
                { "ali", false },
                { "alice", true },
                { "Alice", true },
                { "hi ALICE!", true },
                { "@alice", true },
                { "@alice: look", true },
                { "alice, bob", true },
                { "(alice)", true },
                { "bob/alice", true },
                { "alice's", true },
                { "malice", false },
                { "alice2", false },
                { "2alice", false },
                { "alicealice", false },
                { "alicealice alice", true },
                { "malice, alice", true },
                /* names have these in them, and sentences behind them */
                { "ask alice.", true },
                { "ask alice...", true },
                { "...alice", true },
                { "alice-", true },
                { "- alice -", true },
                { "_alice_", true },
                { "alice.smith", false },
                { "alice_2", false },
                { "alice-bot", false },
                { "alice.-_b", false },
                { "old-alice", false },
                { "old.alice", false },
                { "old_-alice", false },
                { "guest-alice", false },
                { "@guest-alice", false },
                { "old-alice told alice.", true },
                /* mail is for somebody else */
                { "alice@example.org", false },
                { "mail@alice", false },
                { "mail @alice", true },
                { "alice@ home", true },
                { "@@alice", true },
        };

        check("alice", alice, ELEMENTSOF(alice));
}

static void test_scripts(void **state) {
        static const Case alice[] = {
                { "\xc3\xa9"
                  "alice",
                  false }, /* é */
                { "alice\xc3\xa9", false },
                { "alice\xcc\x81", false }, /* a combining accent */
                { "\xd0\xb0"
                  "alice",
                  false },                  /* Cyrillic */
                { "alice\xd9\xa3", false }, /* an Arabic digit */
                { "\xc2\xab"
                  "alice"
                  "\xc2\xbb",
                  true }, /* « » */
                { "\xe2\x80\x9c"
                  "alice"
                  "\xe2\x80\x9d",
                  true },
                { "alice\xe2\x80\xa6", true }, /* … */
                { "alice\xe2\x80\x94", true }, /* — */
                { "alice\xc2\xa0", true },
                { "alice\xf0\x9f\x91\x8d", true }, /* a picture */
                { "\xf0\x9f\x91\x8d"
                  "alice",
                  true },
                { "\xe4\xbd\xa0\xe5\xa5\xbd"
                  "alice\xe3\x80\x82",
                  true },                                  /* Han sets no spaces */
                { "alice\xe3\x81\x95\xe3\x82\x93", true }, /* nor does Kana */
                { "alice\xef\xbc\x8c", true },             /* a wide comma */
                { "alice\xed\x95\x9c", false },            /* Hangul does */
                { "\xc4\xb0"
                  "alice",
                  false },
                { "al\xc4\xb1"
                  "ce",
                  false }, /* a Turkish i is another letter */
                /* what is no text is no word */
                { "alice\xff", true },
                { "\x80"
                  "alice",
                  true },
                { "alice\xe2\x80", true },
        };

        check("alice", alice, ELEMENTSOF(alice));
}

static void test_names(void **state) {
        static const Case guest[] = {
                { "guest-gus", true },     { "@Guest-Gus,", true }, { "gus", false },
                { "guest-gus2", false },   { "guest gus", false },  { "guest-guest-gus", false },
                { "is guest-gus?", true },
        };
        static const Case dotted[] = {
                { "a.b", true },  { "A.B.", true }, { "a.b.c", false },
                { "a_b", false }, { "axb", false },
        };
        static const Case ends[] = {
                { "al.", true }, { "al. So", true }, { "al", false }, { "al.x", false }
        };
        static const Case digits[] = {
                { "42", true }, { "#42", true }, { "142", false }, { "4.2", false }
        };

        check("guest-gus", guest, ELEMENTSOF(guest));
        check("a.b", dotted, ELEMENTSOF(dotted));
        check("al.", ends, ELEMENTSOF(ends));
        check("42", digits, ELEMENTSOF(digits));
        check("", (Case[]){ { "", false }, { "a", false } }, 2);
}

static bool is_in_message(const char *text, const char *meta, const char *name) {
        _cleanup_free_ char *extra = NULL;
        size_t n;

        assert_int_equal(entry_extra_message(text, meta, &extra, &n), 0);
        return mention_is_in_extra(extra, n, name);
}

static void test_extra(void **state) {
        _cleanup_free_ char *stub = NULL;
        size_t n;

        assert_true(is_in_message("hi alice", NULL, "alice"));
        /* As it is said, not as it is spelt. */
        assert_true(is_in_message("hi\nalice", NULL, "alice"));
        assert_true(is_in_message("\talice", NULL, "alice"));
        assert_true(is_in_message("\"alice\"", NULL, "alice"));
        assert_false(is_in_message("\nalice", NULL, "nalice"));
        /* Nothing but what is said. */
        assert_false(is_in_message("hi", NULL, "message_content"));
        assert_false(is_in_message("hi", "{\"to\":\"alice\"}", "alice"));
        assert_int_equal(entry_extra_redacted("alice", 7, 0, "alice", &stub, &n), 0);
        assert_false(mention_is_in_extra(stub, n, "alice"));
        assert_false(mention_is_in_extra("alice", 5, "alice"));
        assert_false(mention_is_in_extra("[\"alice\"]", 9, "alice"));
        assert_false(mention_is_in_extra("{\"message_content\":7,\"x\":\"alice\"}", 33, "alice"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_scripts),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_extra),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
