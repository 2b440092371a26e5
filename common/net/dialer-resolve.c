/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows getaddrinfo(3); leaves which address is tried when to dialer.c. */
#include "net/dialer-resolve.h"

#include <arpa/inet.h>
#include <netdb.h>

int resolution_new(const char *host, uint16_t port, Resolution **ret) {
        Resolution *n;

        n = new0(Resolution, 1);
        if (!n)
                return -ENOMEM;
        *n = (Resolution){ .host = strdup(host), .port = port };
        if (!n->host) {
                free(n);
                return -ENOMEM;
        }
        *ret = n;
        return 0;
}

void resolution_free(void *resolution) {
        Resolution *n = resolution;

        free(n->host);
        free(n);
}

int resolution_run(void *resolution) {
        static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
        Resolution *n = resolution;
        struct addrinfo *list;
        int k;

        k = getaddrinfo(n->host, NULL, &hints, &list);
        if (k != 0) {
                snprintf(n->message, sizeof(n->message), "%.64s: %s", n->host, gai_strerror(k));
                return k == EAI_MEMORY ? -ENOMEM : -EHOSTUNREACH;
        }
        for (const struct addrinfo *i = list; i; i = i->ai_next) {
                Address *a = &n->addresses[n->n_addresses];

                if (n->n_addresses == ELEMENTSOF(n->addresses))
                        break;
                if (i->ai_family != AF_INET && i->ai_family != AF_INET6)
                        continue;
                memcpy(&a->in6, i->ai_addr, i->ai_addrlen);
                a->size = i->ai_addrlen;
                address_set_port(a, n->port);
                n->n_addresses++;
        }
        freeaddrinfo(list);
        if (n->n_addresses == 0) {
                snprintf(n->message, sizeof(n->message), "%.64s has no address", n->host);
                return -EHOSTUNREACH;
        }
        return 0;
}

int resolution_parse_numeric(const char *host, uint16_t port, Address *ret) {
        Address a = {};

        if (inet_pton(AF_INET, host, &a.in.sin_addr) == 1) {
                a.in.sin_family = AF_INET;
                a.size = sizeof(a.in);
        } else if (inet_pton(AF_INET6, host, &a.in6.sin6_addr) == 1) {
                a.in6.sin6_family = AF_INET6;
                a.size = sizeof(a.in6);
        } else {
                return -EINVAL;
        }
        address_set_port(&a, port);
        *ret = a;
        return 0;
}
