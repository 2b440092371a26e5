/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how bytes go into and come out of a descriptor that somebody else gave us, whatever is
 * behind it; leaves what they say to who wants them. */
#pragma once

#include "daemon/pulse.h"
#include "wire/error.h"

typedef struct Transfer Transfer;

/* fd stays the caller's; a copy is kept, closed with the transfer. ERROR_BAD_REQUEST unless it is
 * open for this direction, and a file, a pipe or a stream socket. The flags of the caller's own
 * description are not touched. */
int transfer_new(int fd, bool writes, Transfer **ret, Failure *f);
Transfer *transfer_free(Transfer *t);
DEFINE_CLEANUP(Transfer *, transfer_free);

/* On a thread. All n bytes, or a negative errno: -EPIPE (nobody reads), -ECANCELED (p was stopped),
 * -ENOSPC … */
int transfer_write(Transfer *t, const void *data, size_t n, Pulse *p);
/* The same without waiting: *ret_n says how many went; -EAGAIN: the rest when transfer_get_fd() is
 * ready. */
int transfer_try_write(Transfer *t, const void *data, size_t n, size_t *ret_n);
int transfer_get_fd(const Transfer *t);
/* Up to n bytes; fewer only at the end. */
int transfer_read(Transfer *t, void *ret, size_t n, size_t *ret_n, Pulse *p);
