/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how passwords become hashes (yescrypt, off the loop); leaves whose they are to accounts.
 */
#pragma once

#include "base/worker.h"

/* libxcrypt's yescrypt string is shorter than this (CRYPT_OUTPUT_SIZE is 384). */
#define PASSWORD_HASH_SIZE 384

/* r = 0: hashed. Borrowed. */
typedef void (*password_hashed_fn)(int r, const char *hash, const char *hash2, void *userdata);
/* r = 1: it is the password, 0: it is not, negative errno: nobody knows. */
typedef void (*password_verified_fn)(int r, void *userdata);

/* Both texts in one job; second may be NULL. Copies are erased. cost is libxcrypt's count. */
int password_hash(Workers *w, unsigned long cost, const char *first, const char *second,
                  password_hashed_fn done, void *userdata /* weak */, Job **ret_job);
/* hash NULL: the same work is done for an answer of 0. */
int password_verify(Workers *w, unsigned long cost, const char *password, const char *hash,
                    password_verified_fn done, void *userdata /* weak */, Job **ret_job);
