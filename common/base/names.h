/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which strings of strangers are names, ids, addresses and text; leaves their meaning to others. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define NAME_MAX_BYTES 32       /* protocol §2: [a-z0-9][a-z0-9._-]{1,31} */
#define NAME_SIZE (NAME_MAX_BYTES + 1)
#define ADDRESS_STRING_SIZE 64  /* "[ip6%scope]:port" and NUL */
#define TRACKER_ID_SIZE 33      /* 32 lower-case hex digits and NUL */
#define KEY_ID_SIZE 65          /* lower-case hex SHA-256 of an SPKI and NUL */
#define TIME_STRING_SIZE 25     /* YYYY-MM-DDTHH:MM:SS.mmmZ and NUL */

/* A channel's or any account's name by its form alone, lower case already. */
bool name_is_valid(const char *s);
/* … and one that a registered user may have: not reserved, not guest-…. */
bool name_is_user(const char *s);
/* … and a guest's: `guest-` + 2–26 characters. */
bool name_is_guest(const char *s);
/* ASCII letters to lower case, the rest as it is. At most NAME_MAX_BYTES are kept: longer input
 * gives -EINVAL. */
int name_fold(const char *s, char ret[static NAME_SIZE]);

bool uuid_is_valid(const char *s); /* lower case, 8-4-4-4-12 */
bool hex_is_valid(const char *s, size_t n_digits); /* exactly n lower-case hex digits */

/* Text by protocol §2: UTF-8, scalar values, without controls (TAB and LF only where multiline),
 * U+007F–009F, U+FDD0–FDEF, U+xxFFFE/F. */
bool text_is_valid(const char *s, size_t n, bool multiline);
/* Replaces each offending code point or byte by U+FFFD; *ret is the caller's. */
int text_sanitize(const char *s, size_t n, bool multiline, char **ret, size_t *ret_n);

typedef struct Address {
        union {
                struct sockaddr sa;
                struct sockaddr_in in;
                struct sockaddr_in6 in6;
        };
        socklen_t size;
} Address;

/* "ip:port" or "[ip6]:port", numeric; port 1–65535 (0 too where zero_port). -EINVAL otherwise. */
int address_parse(const char *s, bool zero_port, Address *ret);
void address_print(const Address *a, char ret[static ADDRESS_STRING_SIZE]);
/* Only the ip, no brackets: for peer_server_ip and for counting by source. */
void address_print_ip(const Address *a, char ret[static ADDRESS_STRING_SIZE]);
uint16_t address_port(const Address *a);
void address_set_port(Address *a, uint16_t port);
bool address_equal(const Address *a, const Address *b);
bool address_is_loopback(const Address *a);
/* Nobody can be reached there: unspecified, multicast, link-local. */
bool address_is_unusable(const Address *a);
/* ::ffff:a.b.c.d becomes a.b.c.d, all else stays. */
void address_unmap(Address *a);

/* "host[:port]", "[ip6]:port": the form in which a person names a tracker. *ret_host is the caller's. */
int host_port_parse(const char *s, uint16_t default_port, char **ret_host, uint16_t *ret_port);

/* µs since the epoch ⇄ RFC 3339 with milliseconds in UTC, the form of protocol §2, nothing else. */
void time_print(uint64_t realtime_usec, char ret[static TIME_STRING_SIZE]);
int time_parse(const char *s, uint64_t *ret_usec);
