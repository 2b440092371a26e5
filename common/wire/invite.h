/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how an invitation is written as a link, and what a link of a stranger says; leaves what
 * comes of it to others. No secret is in one, and it gives no rights: whoever has it finds the
 * channel, no more. */
#pragma once

#include "wire/error.h"
#include "wire/limits.h"

#define INVITE_PIN_SIZE 72 /* "sha256:", 64 hex digits, NUL */
/* "[host]:65535" and NUL */
#define INVITE_TRACKER_SIZE (INVITE_HOST_BYTES_MAX + 9)
#define INVITE_SIZE (INVITE_BYTES_MAX + 1)

/* p2pchat:join?tracker=HOST:PORT&pin=sha256:…&channel=NAME&id=UUID; all in lower case. */
typedef struct Invite {
        char tracker[INVITE_TRACKER_SIZE]; /* always with its port; an ip6 in brackets */
        char pin[INVITE_PIN_SIZE];         /* of the tracker's authority when it was written */
        char channel[NAME_SIZE];
        char id[UUID_STRING_SIZE]; /* the channel's */
} Invite;

/* "host[:port]", "[ip6][:port]" in one form, so that the same tracker is the same text. -EINVAL. */
int invite_write_tracker(const char *s, char ret[static INVITE_TRACKER_SIZE]);
/* Does it mean to be a link of ours, and no name? By its scheme alone. */
bool invite_is_link(const char *s);
/* Of n bytes, whatever they are. 0, or ERROR_TOO_LARGE, ERROR_BAD_REQUEST with the key at fault in
 * f->field. Each of the four keys once; keys that this version does not know are passed over. The
 * scheme, and the values, may be in upper case. */
int invite_parse(const char *s, size_t n, Invite *ret, Failure *f);
/* tracker: as people write it, "host[:port]", "[ip6][:port]". -EINVAL: something is not as it must
 * be. What comes of it is read alike by invite_parse(). */
int invite_format(const char *tracker, const char *pin, const char *channel, const char *id,
                  char ret[static INVITE_SIZE]);
