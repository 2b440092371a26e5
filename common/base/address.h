/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows numeric network addresses and how they are written; leaves looking names up to others. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDRESS_STRING_SIZE 64 /* "[ip6%scope]:port" and NUL */

typedef struct Address {
        union {
                struct sockaddr sa;
                struct sockaddr_in in;
                struct sockaddr_in6 in6;
        };
        socklen_t size;
} Address;

/* "ip:port" or "[ip6]:port", numeric; port 1–65535 (0 too where zero_port). A link-local ip6 may
 * have a numeric "%scope". -EINVAL otherwise. */
int address_parse(const char *s, bool zero_port, Address *ret);
void address_print(const Address *a, char ret[static ADDRESS_STRING_SIZE]);
/* Only the ip, no brackets: for peer_server_ip and for counting by source. */
void address_print_ip(const Address *a, char ret[static ADDRESS_STRING_SIZE]);
uint16_t address_port(const Address *a);
void address_set_port(Address *a, uint16_t port);
bool address_equal(const Address *a, const Address *b);
bool address_equal_ip(const Address *a, const Address *b); /* whatever their ports */
/* A total order for sorting and searching, 0 where they are equal; IPv4 comes first. */
int address_compare(const Address *a, const Address *b);
bool address_is_loopback(const Address *a);
/* Nobody can be reached there: unspecified, multicast, broadcast, link-local. */
bool address_is_unusable(const Address *a);
/* ::ffff:a.b.c.d becomes a.b.c.d, all else stays. */
void address_unmap(Address *a);

/* "host[:port]", "[ip6][:port]" or a bare ip6: the form in which a person names a tracker.
 * *ret_host is the caller's, without brackets. */
int host_port_parse(const char *s, uint16_t default_port, char **ret_host, uint16_t *ret_port);
