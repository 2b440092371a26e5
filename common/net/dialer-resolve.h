/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a name becomes addresses, on a worker; for dialer.c only. */
#pragma once

#include "base/cleanup.h"
#include "base/names.h"

#define RESOLUTION_ADDRESSES_MAX 32

/* The request of a job: written by resolution_run(), read when it is done. */
typedef struct Resolution {
        char *host;
        uint16_t port;
        Address addresses[RESOLUTION_ADDRESSES_MAX];
        size_t n_addresses;
        char message[128]; /* what to put before the error's own words */
} Resolution;

int resolution_new(const char *host, uint16_t port, Resolution **ret);
void resolution_free(void *resolution);
/* Blocks. -EHOSTUNREACH: there is no such name, or nobody can say now. */
int resolution_run(void *resolution);
/* An ip needs no worker. -EINVAL: a name. */
int resolution_parse_numeric(const char *host, uint16_t port, Address *ret);
