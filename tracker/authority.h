/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the tracker's CA: its key, its own certificate and those that it gives to devices; leaves
 * who may have one to accounts. */
#pragma once

#include "base/runtime.h"
#include "net/identity.h"
#include "net/tls.h"

typedef struct Authority Authority;

/* ca.key comes from credentials_directory (may be NULL) where it is there, else from
 * state_directory, where it is made (0600) when there is none. ca.pem, the chain from the CA's own
 * certificate to the first one, stands in state_directory. A credential ca.key that is new there is
 * signed by the credential ca.previous.key. Reads and writes files at once: for the start only.
 * -EKEYREJECTED: key and certificate do not belong together. */
int authority_new(const Runtime *rt /* weak */, const char *state_directory,
                  const char *credentials_directory, Authority **ret);
Authority *authority_free(Authority *a);
DEFINE_CLEANUP(Authority *, authority_free);

const char *authority_get_tracker_id(const Authority *a);
const char *authority_get_pin(const Authority *a);
const char *authority_get_ca_pem(const Authority *a); /* the chain, the present one first */
const Chain *authority_get_chain(const Authority *a);
bool authority_is_credential(const Authority *a); /* the key is given from outside */

/* A new key, signed by the present one, takes its place: on disk, then here, then done is told with
 * the new pin. Changes nothing where r is an error: -EBUSY (one is under way), -EROFS (the key is a
 * credential: authority_new()), -ENOSPC (as often as it can be), or of the disk. tracker-id stays.
 * 0: done will be called, unless authority_forget_rotation() comes first; what is begun goes on. */
typedef void (*authority_rotated_fn)(int r, const char *pin, void *userdata);
int authority_rotate(Authority *a, authority_rotated_fn done, void *userdata /* weak */);
void authority_forget_rotation(Authority *a);
/* After each rotation, before done. */
typedef void (*authority_changed_fn)(void *userdata);
void authority_on_changed(Authority *a, authority_changed_fn changed, void *userdata /* weak */);

/* The identity that connections accepted from now on see: made at start and again at half the life
 * of the certificate, by a timer. Borrowed until the next turn of the loop. */
TlsConfig *authority_get_tls(Authority *a);
/* Who is refused although the certificate is good (tls.h), in every handshake from now on. */
void authority_set_check(Authority *a, tls_check_fn check, void *userdata /* weak */);

/* *ret_pem is the caller's. */
int authority_issue(Authority *a, const Key *subject_key, SubjectKind kind, const char *name,
                    uint64_t lifetime_usec, char **ret_pem, uint64_t *ret_expires);
