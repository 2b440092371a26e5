/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how numeric addresses and trackers' names are read and written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/address.h"
#include "base/cleanup.h"

static void addresses_survive_the_round_trip(void **state) {
        static const struct {
                const char *s, *ip;
                uint16_t port;
                bool is_loopback, is_unusable;
        } cases[] = {
                { "192.0.2.1:22237", "192.0.2.1", 22237, false, false },
                { "127.0.0.1:1", "127.0.0.1", 1, true, false },
                { "127.255.0.9:65535", "127.255.0.9", 65535, true, false },
                { "0.0.0.0:7", "0.0.0.0", 7, false, true },
                { "169.254.1.1:7", "169.254.1.1", 7, false, true },
                { "224.0.0.1:7", "224.0.0.1", 7, false, true },
                { "255.255.255.255:7", "255.255.255.255", 7, false, true },
                { "10.1.2.3:7", "10.1.2.3", 7, false, false },
                { "[::1]:22236", "::1", 22236, true, false },
                { "[::]:22236", "::", 22236, false, true },
                { "[2001:db8::5]:80", "2001:db8::5", 80, false, false },
                { "[ff02::1]:80", "ff02::1", 80, false, true },
                { "[fe80::1]:80", "fe80::1", 80, false, true },
                { "[fe80::ffff:ffff:ffff:ffff%4294967295]:65535",
                  "fe80::ffff:ffff:ffff:ffff%4294967295", 65535, false, true },
                { "[::ffff:127.0.0.1]:80", "::ffff:127.0.0.1", 80, true, false },
                { "[::ffff:0.0.0.0]:80", "::ffff:0.0.0.0", 80, false, true },
                { "[::ffff:192.0.2.1]:80", "::ffff:192.0.2.1", 80, false, false },
        };
        char s[ADDRESS_STRING_SIZE];
        Address a, before;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                assert_int_equal(address_parse(cases[i].s, false, &a), 0);
                address_print(&a, s);
                assert_string_equal(s, cases[i].s);
                address_print_ip(&a, s);
                assert_string_equal(s, cases[i].ip);
                assert_int_equal(address_port(&a), cases[i].port);
                assert_int_equal(address_is_loopback(&a), cases[i].is_loopback);
                assert_int_equal(address_is_unusable(&a), cases[i].is_unusable);
                assert_int_equal(a.size, a.sa.sa_family == AF_INET ? sizeof(a.in) : sizeof(a.in6));
                assert_true(address_equal(&a, &a));
                if (i > 0)
                        assert_false(address_equal(&a, &before));
                before = a;
                address_set_port(&a, (uint16_t) (cases[i].port - 1));
                assert_false(address_equal(&a, &before));
        }
}

static void other_forms_are_refused(void **state) {
        static const char *const bad[] = {
                "",
                "127.0.0.1",
                "127.0.0.1:",
                "127.0.0.1:0",
                "127.0.0.1:080",
                "127.0.0.1:65536",
                "127.0.0.1:99999999999999999999",
                "127.0.0.1:-1",
                "127.0.0.1:+1",
                "127.0.0.1: 1",
                "127.0.0.1:1 ",
                "127.1:1",
                "127.0.0.01:1",
                "127.0.0.256:1",
                "localhost:1",
                ":1",
                "::1:1",
                "[::1]",
                "[::1]1",
                "[::1:1",
                "::1]:1",
                "[127.0.0.1]:1",
                "[:::1]:1",
                "[2001:db8::1%1]:1",
                "[fe80::1%0]:1",
                "[fe80::1%]:1",
                "[fe80::1%lo]:1",
                "[fe80::1%4294967296]:1",
                "[0000:0000:0000:0000:0000:0000:0000:0000000000000000000000000001]:1",
        };
        char s[ADDRESS_STRING_SIZE];
        Address a;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(address_parse(bad[i], false, &a), -EINVAL);
        assert_int_equal(address_parse("[::]:0", true, &a), 0);
        assert_int_equal(address_port(&a), 0);

        a = (Address){ .sa.sa_family = AF_UNIX, .size = sizeof(sa_family_t) };
        address_print(&a, s);
        assert_string_equal(s, "unknown:0");
        assert_true(address_is_unusable(&a));
}

static void mapped_addresses_unmap(void **state) {
        Address a, b;

        assert_int_equal(address_parse("[::ffff:192.0.2.1]:80", false, &a), 0);
        assert_int_equal(address_parse("192.0.2.1:80", false, &b), 0);
        assert_false(address_equal(&a, &b));
        address_unmap(&a);
        assert_true(address_equal(&a, &b));
        assert_int_equal(a.size, sizeof(a.in));
        address_unmap(&a);
        assert_true(address_equal(&a, &b));
        assert_int_equal(address_parse("[2001:db8::5]:80", false, &a), 0);
        b = a;
        address_unmap(&a);
        assert_true(address_equal(&a, &b));
}

static void trackers_are_named_in_many_forms(void **state) {
        static const struct {
                const char *s, *host;
                uint16_t port;
        } good[] = {
                { "chat.example.org", "chat.example.org", 22236 },
                { "Chat-1.example.org:80", "Chat-1.example.org", 80 },
                { "localhost", "localhost", 22236 },
                { "my_box", "my_box", 22236 },
                { "192.0.2.1", "192.0.2.1", 22236 },
                { "192.0.2.1:80", "192.0.2.1", 80 },
                { "[2001:db8::5]", "2001:db8::5", 22236 },
                { "[2001:db8::5]:80", "2001:db8::5", 80 },
                { "2001:db8::5", "2001:db8::5", 22236 },
                { "::1", "::1", 22236 },
                { "[fe80::1%2]:80", "fe80::1%2", 80 },
                { "example.org.", "example.org.", 22236 },
        };
        static const char *const bad[] = {
                "",     ":80",       "host:",     "host:0",      "host:65536", "host:x",
                "[::1", "[::1]80",   "[host]:80", "[::1]:",      "[]:80",      "[127.0.0.1]",
                "a b",  "-a",        ".a",        "a..b",        "a.-b",       "münchen.de",
                "a/b",  "host:80:1", "::1]:80",   "user@host:1", "%2",
        };
        _cleanup_free_ char *host = NULL;
        char long_host[255] = "";
        uint16_t port;

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                host = NULL;
                assert_int_equal(host_port_parse(good[i].s, 22236, &host, &port), 0);
                assert_string_equal(host, good[i].host);
                assert_int_equal(port, good[i].port);
                free(TAKE_PTR(host));
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(host_port_parse(bad[i], 22236, &host, &port), -EINVAL);
        memset(long_host, 'a', 254);
        assert_int_equal(host_port_parse(long_host, 22236, &host, &port), -EINVAL);
        long_host[253] = '\0';
        assert_int_equal(host_port_parse(long_host, 22236, &host, &port), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(addresses_survive_the_round_trip),
                cmocka_unit_test(other_forms_are_refused),
                cmocka_unit_test(mapped_addresses_unmap),
                cmocka_unit_test(trackers_are_named_in_many_forms),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
