/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows where in the bytes of a terminal a paste begins and ends, and where a character is whole.
 * Leaves what the keys mean to the editor. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* What one paste may hold; a terminal that never ends one costs no more. A message has 16 KiB. */
#define PASTE_BYTES_MAX (256 * 1024)

typedef enum TypedKind {
        TYPED_NOTHING, /* nothing that is whole */
        TYPED_KEYS,    /* bytes for the line editor, whole characters */
        TYPED_PASTE,   /* what was pasted, with its marks */
        TYPED_PARTIAL, /* perhaps the beginning of a paste or of a key; alone it is a key */
} TypedKind;

/* What the n bytes at s begin with, and how many bytes that is. */
TypedKind typed_next(const char *s, size_t n, size_t *ret_n);
/* A paste of n bytes with its marks as a text: lines end with LF, TAB is a space, other controls
 * are left out; *ret is the caller's. 0 or -ENOMEM. */
int typed_paste(const char *s, size_t n, char **ret);
