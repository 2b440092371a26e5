/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows numeric network addresses and how they are written; leaves looking names up to others. */
#include "base/address.h"

#include <arpa/inet.h>

#include "base/cleanup.h"

#define HOST_BYTES_MAX 253 /* RFC 1035, without the root's dot */

/* Decimal without sign, spaces or leading zeros. */
static int parse_number(const char *s, uint64_t max, uint64_t *ret) {
        uint64_t value = 0;

        if (!*s || (s[0] == '0' && s[1]))
                return -EINVAL;
        for (; *s; s++) {
                if (*s < '0' || *s > '9')
                        return -EINVAL;
                value = value * 10 + (uint64_t) (*s - '0');
                if (value > max)
                        return -EINVAL;
        }
        *ret = value;
        return 0;
}

static int parse_port(const char *s, bool zero, uint16_t *ret) {
        uint64_t port;
        int r;

        r = parse_number(s, UINT16_MAX, &port);
        if (r < 0)
                return r;
        if (port == 0 && !zero)
                return -EINVAL;
        *ret = (uint16_t) port;
        return 0;
}

static int parse_in6(char *s, Address *ret) {
        struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
        char *scope = strchr(s, '%');
        uint64_t id = 0;

        if (scope) {
                *scope++ = '\0';
                if (parse_number(scope, UINT32_MAX, &id) < 0 || id == 0)
                        return -EINVAL;
        }
        if (inet_pton(AF_INET6, s, &in6.sin6_addr) != 1)
                return -EINVAL;
        if (scope && !IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr))
                return -EINVAL;
        in6.sin6_scope_id = (uint32_t) id;
        *ret = (Address){ .in6 = in6, .size = sizeof(in6) };
        return 0;
}

static int parse_in(const char *s, Address *ret) {
        struct sockaddr_in in = { .sin_family = AF_INET };

        if (inet_pton(AF_INET, s, &in.sin_addr) != 1)
                return -EINVAL;
        *ret = (Address){ .in = in, .size = sizeof(in) };
        return 0;
}

int address_parse(const char *s, bool zero_port, Address *ret) {
        char copy[ADDRESS_STRING_SIZE], *colon;
        Address a;
        uint16_t port;
        int r;

        if (strlen(s) >= sizeof(copy))
                return -EINVAL;
        strcpy(copy, s);
        colon = strrchr(copy, ':');
        if (!colon)
                return -EINVAL;
        *colon = '\0';
        r = parse_port(colon + 1, zero_port, &port);
        if (r < 0)
                return r;
        if (copy[0] != '[')
                r = parse_in(copy, &a);
        else if (colon[-1] != ']')
                return -EINVAL;
        else {
                colon[-1] = '\0';
                r = parse_in6(copy + 1, &a);
        }
        if (r < 0)
                return r;
        address_set_port(&a, port);
        *ret = a;
        return 0;
}

void address_print_ip(const Address *a, char ret[static ADDRESS_STRING_SIZE]) {
        switch (a->sa.sa_family) {
        case AF_INET:
                inet_ntop(AF_INET, &a->in.sin_addr, ret, ADDRESS_STRING_SIZE);
                break;
        case AF_INET6:
                inet_ntop(AF_INET6, &a->in6.sin6_addr, ret, ADDRESS_STRING_SIZE);
                if (a->in6.sin6_scope_id != 0) {
                        size_t n = strlen(ret);

                        snprintf(ret + n, ADDRESS_STRING_SIZE - n, "%%%u", a->in6.sin6_scope_id);
                }
                break;
        default:
                snprintf(ret, ADDRESS_STRING_SIZE, "unknown");
        }
}

void address_print(const Address *a, char ret[static ADDRESS_STRING_SIZE]) {
        bool brackets = a->sa.sa_family == AF_INET6;
        char ip[ADDRESS_STRING_SIZE];

        address_print_ip(a, ip);
        /* The longest ip is a link-local one with its scope, 50 bytes. */
        snprintf(ret, ADDRESS_STRING_SIZE, "%s%.55s%s:%u", brackets ? "[" : "", ip,
                 brackets ? "]" : "", address_port(a));
}

uint16_t address_port(const Address *a) {
        switch (a->sa.sa_family) {
        case AF_INET:
                return ntohs(a->in.sin_port);
        case AF_INET6:
                return ntohs(a->in6.sin6_port);
        default:
                return 0;
        }
}

void address_set_port(Address *a, uint16_t port) {
        switch (a->sa.sa_family) {
        case AF_INET:
                a->in.sin_port = htons(port);
                break;
        case AF_INET6:
                a->in6.sin6_port = htons(port);
                break;
        default:
                break;
        }
}

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

int address_compare(const Address *a, const Address *b) {
        int r = COMPARE(a->sa.sa_family, b->sa.sa_family);

        if (r != 0)
                return r;
        switch (a->sa.sa_family) {
        case AF_INET:
                r = memcmp(&a->in.sin_addr, &b->in.sin_addr, sizeof(a->in.sin_addr));
                break;
        case AF_INET6:
                r = memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr));
                if (r == 0)
                        r = COMPARE(a->in6.sin6_scope_id, b->in6.sin6_scope_id);
                break;
        default:
                break;
        }
        return r != 0 ? r : COMPARE(address_port(a), address_port(b));
}

bool address_equal(const Address *a, const Address *b) {
        return (a->sa.sa_family == AF_INET || a->sa.sa_family == AF_INET6) &&
               address_compare(a, b) == 0;
}

bool address_equal_ip(const Address *a, const Address *b) {
        Address same_port = *a;

        address_set_port(&same_port, address_port(b));
        return address_equal(&same_port, b);
}

void address_unmap(Address *a) {
        struct sockaddr_in in = { .sin_family = AF_INET };

        if (a->sa.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
                return;
        in.sin_port = a->in6.sin6_port;
        memcpy(&in.sin_addr, &a->in6.sin6_addr.s6_addr[12], sizeof(in.sin_addr));
        *a = (Address){ .in = in, .size = sizeof(in) };
}

bool address_is_loopback(const Address *a) {
        Address plain = *a;

        address_unmap(&plain);
        switch (plain.sa.sa_family) {
        case AF_INET:
                return ntohl(plain.in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
        case AF_INET6:
                return IN6_IS_ADDR_LOOPBACK(&plain.in6.sin6_addr);
        default:
                return false;
        }
}

bool address_is_unusable(const Address *a) {
        Address plain = *a;
        uint32_t ip;

        address_unmap(&plain);
        switch (plain.sa.sa_family) {
        case AF_INET:
                ip = ntohl(plain.in.sin_addr.s_addr);
                return ip >> 24 == 0 || IN_MULTICAST(ip) || ip == INADDR_BROADCAST ||
                       ip >> 16 == 0xa9fe; /* 169.254/16, RFC 3927 */
        case AF_INET6:
                return IN6_IS_ADDR_UNSPECIFIED(&plain.in6.sin6_addr) ||
                       IN6_IS_ADDR_MULTICAST(&plain.in6.sin6_addr) ||
                       IN6_IS_ADDR_LINKLOCAL(&plain.in6.sin6_addr);
        default:
                return true;
        }
}

static bool host_is_valid(const char *s) {
        char before = '.';

        if (strlen(s) > HOST_BYTES_MAX)
                return false;
        for (const char *p = s; *p; before = *p++) {
                bool is_alphanumeric = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                                       (*p >= '0' && *p <= '9') || *p == '_';

                if (!is_alphanumeric && (before == '.' || (*p != '-' && *p != '.')))
                        return false;
        }
        return *s != '\0';
}

int host_port_parse(const char *s, uint16_t default_port, char **ret_host, uint16_t *ret_port) {
        _cleanup_free_ char *copy = NULL, *host = NULL;
        uint16_t port = default_port;
        char *name, *rest;
        bool is_in6;
        Address a;
        int r;

        copy = strdup(s);
        if (!copy)
                return -ENOMEM;
        name = copy;
        rest = strrchr(copy, ':');
        is_in6 = copy[0] == '[' || (rest && strchr(copy, ':') != rest);
        if (copy[0] == '[') {
                char *end = strchr(copy, ']');

                if (!end || (end[1] != '\0' && end[1] != ':'))
                        return -EINVAL;
                rest = end[1] == ':' ? end + 1 : NULL;
                *end = '\0';
                name++;
        } else if (is_in6)
                rest = NULL;
        if (rest) {
                *rest = '\0';
                r = parse_port(rest + 1, false, &port);
                if (r < 0)
                        return r;
        }
        host = strdup(name);
        if (!host)
                return -ENOMEM;
        if (is_in6 ? parse_in6(name, &a) < 0 : !host_is_valid(name))
                return -EINVAL;
        *ret_host = TAKE_PTR(host);
        *ret_port = port;
        return 0;
}
