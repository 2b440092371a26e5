/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the tracker's CA: its key, its own certificate and those that it gives to devices; leaves
 * who may have one to accounts. */
#pragma once

#include "base/runtime.h"
#include "net/identity.h"
#include "net/tls.h"

typedef struct Authority Authority;

/* ca.key comes from credentials_directory (may be NULL) where it is there, else from
 * state_directory, where it is made (0600) when there is none; ca.pem, the CA's own certificate,
 * stands in state_directory. Reads and writes files at once: for the start only. -EKEYREJECTED:
 * key and certificate do not belong together. */
int authority_new(const Runtime *rt /* weak */, const char *state_directory,
                  const char *credentials_directory, Authority **ret);
Authority *authority_free(Authority *a);
DEFINE_CLEANUP(Authority *, authority_free);

const char *authority_get_tracker_id(const Authority *a);
const char *authority_get_pin(const Authority *a);
const char *authority_get_ca_pem(const Authority *a);

/* The identity that connections accepted from now on see: made at start and again at half the life
 * of the certificate, by a timer. Borrowed until the next turn of the loop. */
TlsConfig *authority_get_tls(Authority *a);
/* Who is refused although the certificate is good (tls.h), in every handshake from now on. */
void authority_set_check(Authority *a, tls_check_fn check, void *userdata /* weak */);

/* *ret_pem is the caller's. */
int authority_issue(Authority *a, const Key *subject_key, SubjectKind kind, const char *name,
                    uint64_t lifetime_usec, char **ret_pem, uint64_t *ret_expires);
