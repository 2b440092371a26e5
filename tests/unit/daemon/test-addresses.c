/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds what is advertised to protocol §4: dialled by others first, both families, loopback last.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

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
                Address listening, interfaces[16], selected[ADDRESSES_MAX];
                char all[512] = "";
                size_t n;

                print_message("%s\n", table[i].interfaces);
                assert_int_equal(address_parse(table[i].listening, false, &listening), 0);
                n = addresses_select(&listening, interfaces,
                                     parse_list(table[i].interfaces, 0, interfaces), selected,
                                     table[i].max);
                for (size_t k = 0; k < n; k++) {
                        char text[ADDRESS_STRING_SIZE];

                        address_print(&selected[k], text);
                        strcat(strcat(all, k > 0 ? " " : ""), text);
                }
                assert_string_equal(all, table[i].expected);
        }
}

static void test_interfaces(void **state) {
        _cleanup_free_ Address *addresses = NULL;
        bool has_loopback = false;
        size_t n;

        assert_int_equal(addresses_of_interfaces(&addresses, &n), 0);
        for (size_t i = 0; i < n; i++)
                has_loopback = has_loopback || address_is_loopback(&addresses[i]);
        assert_true(has_loopback || n == 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_select),
                cmocka_unit_test(test_interfaces),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
