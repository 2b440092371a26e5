/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds what is advertised to protocol §4: dialled by others first, both families, loopback last.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "daemon/addresses.h"
#include "wire/limits.h"

/* Without ports, as interfaces have them; "%" stands for many. */
static size_t parse_list(const char *list, uint16_t port, Address *ret) {
        _cleanup_free_ char *copy = strdup(list);
        size_t n = 0;

        for (char *rest = copy, *word; (word = strsep(&rest, " "));) {
                char text[ADDRESS_STRING_SIZE];

                if (!*word)
                        continue;
                snprintf(text, sizeof(text), strchr(word, ':') ? "[%s]:%u" : "%s:%u", word, port);
                assert_int_equal(address_parse(text, true, &ret[n++]), 0);
        }
        return n;
}

static void test_select(void **state) {
        static const struct {
                const char *listening, *interfaces, *expected;
                size_t max;
        } table[] = {
                { "[::]:22237", "127.0.0.1 192.0.2.1 ::1 2001:db8::1 fe80::1",
                  "[2001:db8::1]:22237 192.0.2.1:22237 [::1]:22237 127.0.0.1:22237", 8 },
                { "0.0.0.0:7", "127.0.0.1 192.0.2.1 ::1 2001:db8::1", "192.0.2.1:7 127.0.0.1:7",
                  8 },
                /* Bound to one: that one, and nothing that it does not take. */
                { "192.0.2.9:7", "127.0.0.1 192.0.2.9 ::1", "192.0.2.9:7", 8 },
                { "[::1]:7", "127.0.0.1", "[::1]:7", 8 },
                /* Loopback keeps its places, and has more where nothing else is there. */
                { "0.0.0.0:7", "192.0.2.1 192.0.2.2 192.0.2.3 127.0.0.1 127.0.0.2 127.0.0.3",
                  "192.0.2.1:7 192.0.2.2:7 127.0.0.1:7 127.0.0.2:7", 4 },
                { "0.0.0.0:7", "127.0.0.1", "127.0.0.1:7", 8 },
                { "0.0.0.0:7", "192.0.2.1 192.0.2.1", "192.0.2.1:7", 8 },
                { "0.0.0.0:7", "169.254.1.1 224.0.0.1 0.0.0.0", "", 8 },
                { "[::]:7", "", "", 8 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                Address listening, listed[16], selected[ADDRESSES_MAX];
                OwnAddress interfaces[16] = {};
                char all[512] = "";
                size_t n;

                print_message("%s\n", table[i].interfaces);
                assert_int_equal(address_parse(table[i].listening, false, &listening), 0);
                n = parse_list(table[i].interfaces, 0, listed);
                for (size_t k = 0; k < n; k++)
                        interfaces[k].address = listed[k];
                n = addresses_select(&listening, interfaces, n, selected, table[i].max);
                for (size_t k = 0; k < n; k++) {
                        char text[ADDRESS_STRING_SIZE];

                        address_print(&selected[k], text);
                        strcat(strcat(all, k > 0 ? " " : ""), text);
                }
                assert_string_equal(all, table[i].expected);
        }
}

static void test_interfaces(void **state) {
        _cleanup_free_ OwnAddress *addresses = NULL;
        bool has_loopback = false;
        size_t n;

        assert_int_equal(addresses_of_interfaces(&addresses, &n), 0);
        for (size_t i = 0; i < n; i++)
                has_loopback =
                        has_loopback || (address_is_loopback(&addresses[i].address) &&
                                         addresses[i].is_running && addresses[i].prefix >= 8);
        assert_true(has_loopback || n == 0);
}

/* "192.0.2.1/24": ours; "-192.0.2.1/24": without a carrier. */
static size_t parse_own(const char *list, OwnAddress *ret) {
        _cleanup_free_ char *copy = strdup(list);
        size_t n = 0;

        for (char *rest = copy, *word; (word = strsep(&rest, " "));) {
                OwnAddress *a = &ret[n];
                char *slash = strchr(word, '/');

                if (!*word)
                        continue;
                a->is_running = *word != '-';
                a->prefix = (unsigned) atoi(slash + 1);
                *slash = 0;
                n += parse_list(word + !a->is_running, 0, &a->address);
        }
        return n;
}

static void test_order(void **state) {
        static const struct {
                const char *own, *given, *expected;
        } table[] = {
                /* Own links, then what is public, then others' private nets. */
                { "127.0.0.1/8 10.1.2.3/24", "192.168.9.9 198.51.100.1 10.1.2.200 10.1.3.1",
                  "10.1.2.200 198.51.100.1 192.168.9.9 10.1.3.1" },
                { "10.1.2.3/22", "198.51.100.1 10.1.3.1", "10.1.3.1 198.51.100.1" },
                { "100.64.0.7/10", "172.16.0.1 100.127.0.1 198.51.100.1",
                  "100.127.0.1 198.51.100.1 172.16.0.1" },
                /* A family that is not there comes last, but is tried. */
                { "10.1.2.3/24", "2001:db8::1 198.51.100.1", "198.51.100.1 2001:db8::1" },
                { "10.1.2.3/24 fe80::5/64", "2001:db8::1 198.51.100.1",
                  "198.51.100.1 2001:db8::1" },
                { "2001:db8:9::1/64", "198.51.100.1 2001:db8::1", "2001:db8::1 198.51.100.1" },
                /* A private IPv6 address reaches private ones only. */
                { "fd00:1::1/64 10.1.2.3/24", "2001:db8::1 fd00:2::1 198.51.100.1",
                  "198.51.100.1 fd00:2::1 2001:db8::1" },
                { "fd00:1::1/64", "2001:db8::1 fd00:1::2", "fd00:1::2 2001:db8::1" },
                /* No carrier, no way. */
                { "-10.1.2.3/24 198.51.100.7/24", "10.1.2.4 198.51.100.1",
                  "198.51.100.1 10.1.2.4" },
                /* On the same machine, while nothing is plugged in. */
                { "127.0.0.1/8 -10.1.2.3/24", "10.1.2.3 127.0.0.1", "127.0.0.1 10.1.2.3" },
                { "127.0.0.1/8 10.1.2.3/24", "10.1.2.3 127.0.0.1", "10.1.2.3 127.0.0.1" },
                /* What nothing is known about stays as it is. */
                { "", "198.51.100.1 2001:db8::1", "198.51.100.1 2001:db8::1" },
                { "10.1.2.3/24", "", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                OwnAddress own[8] = {};
                Address given[8];
                char all[512] = "";
                size_t n;

                print_message("%s: %s\n", table[i].own, table[i].given);
                n = parse_list(table[i].given, 0, given);
                addresses_order(given, n, own, parse_own(table[i].own, own));
                for (size_t k = 0; k < n; k++) {
                        char text[ADDRESS_STRING_SIZE];

                        address_print_ip(&given[k], text);
                        strcat(strcat(all, k > 0 ? " " : ""), text);
                }
                assert_string_equal(all, table[i].expected);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_select),
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_interfaces),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
