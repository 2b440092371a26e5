/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows where the CA's key and chain are kept, and that a change of both is whole or has not been;
 * leaves using them to authority.c. */
#pragma once

#include "net/chain.h"

typedef struct AuthorityFiles {
        Key *key;
        Chain *chain;
        bool is_credential; /* the key is not in the state directory */
} AuthorityFiles;

void authority_files_done(AuthorityFiles *f);
/* See authority_new(). Errors are logged. */
int authority_files_open(const char *state_directory, const char *credentials_directory,
                         uint64_t now_realtime, AuthorityFiles *ret);
/* For a thread of its own: key, in PEM with its chain behind it, takes the place of the one of
 * old_key_id, for good and at once: whatever ends us meanwhile, the one or the other is there
 * whole. -ESTALE: another one is there. */
int authority_files_replace(const char *state_directory, const char *old_key_id, const char *key,
                            const char *chain);
