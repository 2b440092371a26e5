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

static const uint8_t *address_bytes(const Address *a, size_t *ret_n_bits) {
        bool is_four = a->sa.sa_family == AF_INET;

        *ret_n_bits = is_four ? 32 : 128;
        return is_four ? (const uint8_t *) &a->in.sin_addr : a->in6.sin6_addr.s6_addr;
}

static void address_set(Address *a, const struct sockaddr *sa) {
        a->size = sa->sa_family == AF_INET ? sizeof(a->in) : sizeof(a->in6);
        memcpy(&a->sa, sa, a->size);
}

static unsigned count_prefix(const struct sockaddr *mask) {
        const uint8_t *bytes;
        unsigned n = 0;
        size_t n_bits;
        Address a = {};

        if (!mask || (mask->sa_family != AF_INET && mask->sa_family != AF_INET6))
                return 0;
        address_set(&a, mask);
        bytes = address_bytes(&a, &n_bits);
        while (n < n_bits && bytes[n / 8] & (0x80 >> n % 8))
                n++;
        return n;
}

int addresses_of_interfaces(OwnAddress **ret, size_t *ret_n) {
        _cleanup_free_ OwnAddress *addresses = NULL;
        struct ifaddrs *list;
        size_t n = 0;

        if (getifaddrs(&list) < 0)
                return -errno;
        for (struct ifaddrs *i = list; i; i = i->ifa_next)
                n++;
        addresses = new0(OwnAddress, n ? n : 1);
        if (!addresses) {
                freeifaddrs(list);
                return -ENOMEM;
        }

        n = 0;
        for (struct ifaddrs *i = list; i; i = i->ifa_next) {
                OwnAddress *a = &addresses[n];

                if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) ||
                    (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
                        continue;
                address_set(&a->address, i->ifa_addr);
                a->prefix = count_prefix(i->ifa_netmask);
                a->is_running = i->ifa_flags & IFF_RUNNING;
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

static const Address *find_next(const Address *listening, const OwnAddress *interfaces, size_t n,
                                size_t *position, int family, bool loopback) {
        while (*position < n) {
                const Address *a = &interfaces[(*position)++].address;

                if (a->sa.sa_family == family && takes(listening, a) && !address_is_unusable(a) &&
                    address_is_loopback(a) == loopback)
                        return a;
        }
        return NULL;
}

static void append_in_turn(const Address *listening, const OwnAddress *interfaces,
                           size_t n_interfaces, bool loopback, Address *ret, size_t *n,
                           size_t max) {
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

size_t addresses_select(const Address *listening, const OwnAddress *interfaces, size_t n_interfaces,
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

/* ---- in which order others' are tried ---- */

static bool is_on_link(const OwnAddress *own, const Address *a) {
        const uint8_t *theirs, *ours;
        size_t n_bits, n_ours;

        if (own->address.sa.sa_family != a->sa.sa_family || own->prefix == 0)
                return false;
        theirs = address_bytes(a, &n_bits);
        ours = address_bytes(&own->address, &n_ours);
        for (unsigned i = 0; i < own->prefix && i < n_bits; i++)
                if ((theirs[i / 8] ^ ours[i / 8]) & (0x80 >> i % 8))
                        return false;
        return true;
}

/* RFC 1918, RFC 6598 and RFC 4193: meant for one site. */
static bool is_private(const Address *a) {
        uint32_t ip = a->sa.sa_family == AF_INET ? ntohl(a->in.sin_addr.s_addr) : 0;

        if (a->sa.sa_family == AF_INET)
                return ip >> 24 == 10 || ip >> 20 == 0xac1 || ip >> 16 == 0xc0a8 ||
                       ip >> 22 == 0x191; /* 100.64/10 */
        return (a->in6.sin6_addr.s6_addr[0] & 0xfe) == 0xfc;
}

typedef enum Rank { RANK_ON_LINK, RANK_PUBLIC, RANK_PRIVATE, RANK_NO_WAY } Rank;

static Rank rank_of(const Address *a, const OwnAddress *own, size_t n_own) {
        bool has_way = false;

        if (address_is_loopback(a))
                return RANK_ON_LINK;
        for (size_t i = 0; i < n_own; i++) {
                const Address *ours = &own[i].address;

                if (!own[i].is_running || address_is_loopback(ours) || address_is_unusable(ours) ||
                    ours->sa.sa_family != a->sa.sa_family)
                        continue;
                if (is_on_link(&own[i], a))
                        return RANK_ON_LINK;
                /* IPv4 is translated on its way out; of IPv6 a private one reaches private ones
                 * only. */
                has_way =
                        has_way || a->sa.sa_family == AF_INET || !is_private(ours) || is_private(a);
        }
        if (!has_way)
                return RANK_NO_WAY;
        return is_private(a) ? RANK_PRIVATE : RANK_PUBLIC;
}

void addresses_order(Address *addresses, size_t n, const OwnAddress *own, size_t n_own) {
        for (size_t i = 1; i < n; i++) {
                Address a = addresses[i];
                Rank rank = rank_of(&a, own, n_own);
                size_t k = i;

                for (; k > 0 && rank_of(&addresses[k - 1], own, n_own) > rank; k--)
                        addresses[k] = addresses[k - 1];
                addresses[k] = a;
        }
}
