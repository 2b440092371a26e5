/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how interfaces become addresses worth telling; leaves the network's own rules to the
 * tracker, which hears them. */
#include "daemon/addresses.h"

#include <ifaddrs.h>
#include <net/if.h>

static bool is_unspecified(const Address *a) {
        if (a->sa.sa_family == AF_INET)
                return a->in.sin_addr.s_addr == htonl(INADDR_ANY);
        return IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
}

static bool takes(const Address *listening, const Address *a) {
        return listening->sa.sa_family == AF_INET6 || a->sa.sa_family == AF_INET;
}

int addresses_of_interfaces(Address **ret, size_t *ret_n) {
        _cleanup_free_ Address *addresses = NULL;
        struct ifaddrs *list;
        size_t n = 0;

        if (getifaddrs(&list) < 0)
                return -errno;
        for (struct ifaddrs *i = list; i; i = i->ifa_next)
                n++;
        addresses = new0(Address, n ? n : 1);
        if (!addresses) {
                freeifaddrs(list);
                return -ENOMEM;
        }

        n = 0;
        for (struct ifaddrs *i = list; i; i = i->ifa_next) {
                Address *a = &addresses[n];

                if (!i->ifa_addr || !(i->ifa_flags & IFF_UP))
                        continue;
                if (i->ifa_addr->sa_family == AF_INET)
                        a->size = sizeof(a->in);
                else if (i->ifa_addr->sa_family == AF_INET6)
                        a->size = sizeof(a->in6);
                else
                        continue;
                memcpy(&a->sa, i->ifa_addr, a->size);
                n++;
        }
        freeifaddrs(list);

        *ret = TAKE_PTR(addresses);
        *ret_n = n;
        return 0;
}

static bool append(Address *list, size_t *n, size_t max, const Address *a, uint16_t port) {
        Address with_port = *a;

        address_set_port(&with_port, port);
        for (size_t i = 0; i < *n; i++)
                if (address_equal(&list[i], &with_port))
                        return false;
        if (*n == max)
                return false;
        list[(*n)++] = with_port;
        return true;
}

static const Address *find_next(const Address *listening, const Address *interfaces, size_t n,
                                size_t *position, int family, bool loopback) {
        while (*position < n) {
                const Address *a = &interfaces[(*position)++];

                if (a->sa.sa_family == family && takes(listening, a) && !address_is_unusable(a) &&
                    address_is_loopback(a) == loopback)
                        return a;
        }
        return NULL;
}

static void append_in_turn(const Address *listening, const Address *interfaces, size_t n_interfaces,
                           bool loopback, Address *ret, size_t *n, size_t max) {
        size_t next6 = 0, next4 = 0;
        const Address *six, *four;

        do {
                six = find_next(listening, interfaces, n_interfaces, &next6, AF_INET6, loopback);
                if (six)
                        append(ret, n, max, six, address_port(listening));
                four = find_next(listening, interfaces, n_interfaces, &next4, AF_INET, loopback);
                if (four)
                        append(ret, n, max, four, address_port(listening));
        } while (six || four);
}

size_t addresses_select(const Address *listening, const Address *interfaces, size_t n_interfaces,
                        Address *ret, size_t max) {
        size_t n = 0;

        if (!is_unspecified(listening)) {
                append(ret, &n, max, listening, address_port(listening));
                return n;
        }
        append_in_turn(listening, interfaces, n_interfaces, false, ret, &n,
                       max > 2 ? max - 2 : max);
        append_in_turn(listening, interfaces, n_interfaces, true, ret, &n, max);
        return n;
}
