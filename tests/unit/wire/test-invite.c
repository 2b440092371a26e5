/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds invitation links to their form: what is taken, what is refused and how it is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/invite.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define UPPER "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF"
#define PIN "sha256:" HEX
#define ID "0b3e2c1a-5d4f-4e6a-8b7c-9d0e1f2a3b4c"
#define REST "&pin=" PIN "&channel=lobby&id=" ID
#define GOOD "p2pchat:join?tracker=chat.example.org:22236" REST

/* The bytes are given with their length, since some hold a NUL. */
#define TEXT(s) (s), sizeof(s) - 1

static void test_taken(void **state) {
        static const struct {
                const char *s, *tracker, *channel;
        } rows[] = {
                { GOOD, "chat.example.org:22236", "lobby" },
                { "p2pchat:join?tracker=chat.example.org" REST, "chat.example.org:22236", "lobby" },
                { "p2pchat:join?tracker=10.1.2.3%3a65535" REST, "10.1.2.3:65535", "lobby" },
                { "p2pchat:join?tracker=%5B2001:db8::1%5D:7" REST, "[2001:db8::1]:7", "lobby" },
                { "p2pchat:join?tracker=2001:db8::1" REST, "[2001:db8::1]:22236", "lobby" },
                /* a scheme has no case, and people type names as they like */
                { "P2PChat:JOIN?tracker=Chat.Example.ORG&pin=SHA256:" UPPER
                  "&channel=LoBBy&id=0B3E2C1A-5D4F-4E6A-8B7C-9D0E1F2A3B4C",
                  "chat.example.org:22236", "lobby" },
                /* in any order, with what a later version has */
                { "p2pchat:join?x=%00&id=" ID "&&later&x=1&channel=%6cobby.2&=&pin=" PIN
                  "&tracker=a:1&",
                  "a:1", "lobby.2" },
        };

        for (size_t k = 0; k < ELEMENTSOF(rows); k++) {
                Invite i = {};
                Failure f;

                assert_true(invite_is_link(rows[k].s));
                assert_int_equal(invite_parse(rows[k].s, strlen(rows[k].s), &i, &f), 0);
                assert_string_equal(i.tracker, rows[k].tracker);
                assert_string_equal(i.channel, rows[k].channel);
                assert_string_equal(i.pin, PIN);
                assert_string_equal(i.id, ID);
        }
}

static void test_refused(void **state) {
        static const struct {
                const char *s;
                size_t n;
                const char *field, *says;
        } rows[] = {
                { TEXT(""), "", "begin" },
                { TEXT("p2pchat"), "", "begin" },
                { TEXT("https://chat.example.org/join"), "", "begin" },
                { TEXT("p2pchat:leave?channel=lobby"), "", "no links but" },
                { TEXT("p2pchat://join?tracker=a" REST), "", "no links but" },
                { TEXT("p2pchat:join?"), "tracker", "missing" },
                { TEXT("p2pchat:join?tracker=a:1"), "pin", "missing" },
                { TEXT("p2pchat:join?tracker=a:1&pin=" PIN "&id=" ID), "channel", "missing" },
                { TEXT("p2pchat:join?tracker=a:1&pin=" PIN "&channel=lobby"), "id", "missing" },
                { TEXT("p2pchat:join?TRACKER=a:1" REST), "tracker", "missing" },
                { TEXT(GOOD "&channel=lobby"), "channel", "twice" },
                { TEXT(GOOD "&id=" ID), "id", "twice" },
                { TEXT("p2pchat:join?tracker=a:0" REST), "tracker", "HOST:PORT" },
                { TEXT("p2pchat:join?tracker=a:65536" REST), "tracker", "HOST:PORT" },
                { TEXT("p2pchat:join?tracker=" REST), "tracker", "HOST:PORT" },
                { TEXT("p2pchat:join?tracker" REST), "tracker", "HOST:PORT" },
                { TEXT("p2pchat:join?tracker=%5B::1" REST), "tracker", "HOST:PORT" },
                { TEXT("p2pchat:join?tracker=a%2fb:1" REST), "tracker", "HOST:PORT" },
                { TEXT("p2pchat:join?tracker=a%" REST), "tracker", "hex digits" },
                { TEXT("p2pchat:join?tracker=a%4" REST), "tracker", "hex digits" },
                { TEXT("p2pchat:join?tracker=a%zz" REST), "tracker", "hex digits" },
                { TEXT("p2pchat:join?tracker=a%00:1" REST), "tracker", "no link may" },
                { TEXT("p2pchat:join?tracker=a%0a:1" REST), "tracker", "no link may" },
                { TEXT("p2pchat:join?tracker=a%c3%a9:1" REST), "tracker", "no link may" },
                { TEXT("p2pchat:join?tracker=a:1\0" REST), "", "byte 25" },
                { TEXT("p2pchat:join?tracker=a:1 " REST), "", "byte 25" },
                { TEXT("p2pchat:join?tracker=\xc3\xa9" REST), "", "byte 22" },
                { TEXT(GOOD "'; rm x"), "", "single quotation" },
                { TEXT(GOOD "#x"), "", "may not be" },
                { TEXT("p2pchat:join?tracker=a:1&pin=" HEX "&channel=lobby&id=" ID), "pin",
                  "64 hex" },
                { TEXT("p2pchat:join?tracker=a:1&pin=" PIN "0&channel=lobby&id=" ID), "pin",
                  "64 hex" },
                { TEXT("p2pchat:join?tracker=a:1&pin=sha256:abc&channel=lobby&id=" ID), "pin",
                  "64 hex" },
                { TEXT("p2pchat:join?tracker=a:1&pin=" PIN "&channel=l&id=" ID), "channel",
                  "no name" },
                { TEXT("p2pchat:join?tracker=a:1&pin=" PIN
                       "&channel=abcdefghijklmnopqrstuvwxyzabcdefg&id=" ID),
                  "channel", "no name" },
                { TEXT("p2pchat:join?tracker=a:1&pin=" PIN "&channel=lobby&id=7"), "id", "UUID" },
                { TEXT("p2pchat:join?tracker=a:1&pin=" PIN "&channel=lobby&id=" ID "0"), "id",
                  "UUID" },
        };

        for (size_t k = 0; k < ELEMENTSOF(rows); k++) {
                Invite i = {};
                Failure f;

                assert_true(invite_parse(rows[k].s, rows[k].n, &i, &f) < 0);
                assert_int_equal(f.code, ERROR_BAD_REQUEST);
                assert_string_equal(f.field, rows[k].field);
                if (!strstr(f.message, rows[k].says) || !strstr(f.message, "p2pchatctl invite"))
                        fail_msg("%s: %s", rows[k].s, f.message);
                assert_string_equal(i.channel, ""); /* all or nothing */
        }
}

static void test_long(void **state) {
        static char long_link[10 * 1024 * 1024];
        Invite i = {};
        Failure f;

        memset(long_link, 'x', sizeof(long_link));
        memcpy(long_link, GOOD "&x=", strlen(GOOD "&x="));
        assert_true(invite_parse(long_link, sizeof(long_link), &i, &f) < 0);
        assert_int_equal(f.code, ERROR_TOO_LARGE);
        assert_true(invite_parse(long_link, INVITE_BYTES_MAX + 1, &i, &f) < 0);
        assert_int_equal(f.code, ERROR_TOO_LARGE);
        assert_int_equal(invite_parse(long_link, INVITE_BYTES_MAX, &i, &f), 0);
        memset(long_link, 'x', sizeof(long_link));
        memcpy(long_link, "p2pchat:join?tracker=", strlen("p2pchat:join?tracker="));
        assert_true(invite_parse(long_link, INVITE_BYTES_MAX, &i, &f) < 0);
        assert_string_equal(f.field, "tracker");
}

static void test_written(void **state) {
        static const struct {
                const char *tracker, *link;
        } rows[] = {
                { "chat.example.org",
                  "p2pchat:join?tracker=chat.example.org:22236&pin=" PIN "&channel=lobby&id=" ID },
                { "Chat.Example.org:7",
                  "p2pchat:join?tracker=chat.example.org:7&pin=" PIN "&channel=lobby&id=" ID },
                { "[2001:DB8::1]:7",
                  "p2pchat:join?tracker=%5B2001:db8::1%5D:7&pin=" PIN "&channel=lobby&id=" ID },
                { "fe80::1%2",
                  "p2pchat:join?tracker=%5Bfe80::1%252%5D:22236&pin=" PIN "&channel=lobby&id=" ID },
        };
        char link[INVITE_SIZE];

        for (size_t k = 0; k < ELEMENTSOF(rows); k++) {
                Invite i;
                Failure f;

                assert_int_equal(invite_format(rows[k].tracker, PIN, "lobby", ID, link), 0);
                assert_string_equal(link, rows[k].link);
                assert_int_equal(invite_parse(link, strlen(link), &i, &f), 0);
        }
        assert_int_equal(invite_format("a:0", PIN, "lobby", ID, link), -EINVAL);
        assert_int_equal(invite_format("a", "", "lobby", ID, link), -EINVAL);
        assert_int_equal(invite_format("a", PIN, "Lobby", ID, link), -EINVAL);
        assert_int_equal(invite_format("a", PIN, "lobby", "", link), -EINVAL);
        assert_false(invite_is_link("lobby"));
        assert_false(invite_is_link("p2pchat"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_taken),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_long),
                cmocka_unit_test(test_written),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
