/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows keys, signing requests and certificates of protocol §1; leaves who may do what to others.
 */
#pragma once

#include "base/cleanup.h"
#include "base/names.h"

/* An Ed25519 key, private or only its public half. Immutable, reference-counted. */
typedef struct Key Key;
int key_generate(Key **ret);
Key *key_ref(const Key *k);
Key *key_free(Key *k); /* drops one reference */
DEFINE_CLEANUP(Key *, key_free);
int key_from_pem(const char *pem, Key **ret); /* private, PKCS#8; -EBADMSG: none, or not Ed25519 */
int key_to_pem(const Key *k, char **ret);     /* the caller erases it (explicit_bzero) after use */
/* `key` of the protocol: lower-case hex SHA-256 of the SPKI (DER). */
void key_get_id(const Key *k, char ret[static KEY_ID_SIZE]);

/* PKCS#10 in PEM. csr_read checks size, signature and key type; its subject means nothing.
 * -EBADMSG. */
int csr_new(const Key *k, char **ret_pem);
int csr_read(const char *pem, size_t n, Key **ret_public);

typedef enum SubjectKind {
        SUBJECT_TRACKER,
        SUBJECT_USER,
        SUBJECT_GUEST,
        SUBJECT_KIND_MAX,
        SUBJECT_KIND_INVALID = -EINVAL,
} SubjectKind;

/* What a certificate says: all that is believed of it. */
typedef struct Subject {
        SubjectKind kind;
        char tracker_id[TRACKER_ID_SIZE];
        char name[NAME_SIZE]; /* "" for the tracker; a guest's with its guest- */
        char key_id[KEY_ID_SIZE];
        uint64_t not_before, not_after; /* µs since the epoch */
} Subject;

typedef struct Certificate Certificate; /* immutable, reference-counted */
int certificate_from_pem(const char *pem, Certificate **ret);
int certificate_to_pem(const Certificate *c, char **ret);
Certificate *certificate_ref(const Certificate *c);
Certificate *certificate_free(Certificate *c); /* drops one reference */
DEFINE_CLEANUP(Certificate *, certificate_free);

/* Protocol §1 "Who accepts whom": exactly one SAN, type URI, ASCII, byte for byte, Ed25519,
 * CA:FALSE. -EBADMSG otherwise. Says nothing about signature or time. */
int certificate_read_subject(const Certificate *c, Subject *ret);

#define PIN_SIZE 72 /* "sha256:" + 64 hex digits + NUL */
/* Of a CA: tracker-id and pin. */
int certificate_get_authority(const Certificate *ca, char ret_tracker_id[static TRACKER_ID_SIZE],
                              char ret_pin[static PIN_SIZE]);
uint64_t certificate_get_not_before(const Certificate *c); /* µs since the epoch; 0: unreadable */
/* Is leaf signed by ca, for our purposes, valid at that time? 0, -EKEYEXPIRED, -EBADMSG. */
int certificate_verify(const Certificate *leaf, const Certificate *ca, uint64_t realtime_usec);

/* For the authority (and tests): a self-signed CA (CA:TRUE, pathlen for all that may come after it,
 * keyCertSign), one that old has signed (-ENOSPC: old allows none), and leaves: EKU by
 * subject->kind, subject->{kind,tracker_id,name,not_before,not_after}; key_id is taken from
 * the key. */
int certificate_new_authority(const Key *key, uint64_t now_realtime_usec, Certificate **ret);
int certificate_new_successor(const Certificate *old, const Key *old_key, const Key *key,
                              uint64_t now_realtime_usec, Certificate **ret);
int certificate_issue(const Certificate *ca, const Key *ca_key, const Key *subject_key,
                      const Subject *subject, Certificate **ret);
