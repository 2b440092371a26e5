/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how tests get a certificate authority, good certificates and forged ones (link
 * `test_support`, include "support/authority.h"); leaves who accepts them to net/tls. */
#pragma once

#include "net/tls.h"

/* Everything here fails the test itself instead of returning an error. */
typedef struct TestAuthority {
        Clock *clock; /* weak */
        Key *key;
        Certificate *ca; /* the present one */
        Chain *chain;
        char tracker_id[TRACKER_ID_SIZE];
        char pin[PIN_SIZE];
} TestAuthority;

TestAuthority *test_authority_new(Clock *clock);
TestAuthority *test_authority_free(TestAuthority *a);
DEFINE_CLEANUP(TestAuthority *, test_authority_free);

/* The same tracker with a new key, signed by the one before. */
void test_authority_rotate(TestAuthority *a);

/* A good certificate of the protocol's length, from now on. name NULL for the tracker. */
Certificate *test_authority_issue(const TestAuthority *a, const Key *key, SubjectKind kind,
                                  const char *name);
/* A key and a certificate of a, in a config: what a program of that name has. */
TlsConfig *test_authority_tls(const TestAuthority *a, SubjectKind kind, const char *name,
                              TlsExpect expect);

/* A certificate that breaks rules. What is left zero is as in a good one of user `mallory`;
 * extensions in OpenSSL's configuration syntax, "" = without that extension. */
typedef struct TestForgery {
        const char *san, *second_san_extension, *basic_constraints, *extended_key_usage;
        uint64_t not_before, not_after;
        bool p256; /* an ECDSA key */
} TestForgery;
/* The config's key is its own; the rest of *p is the caller's. */
TlsConfig *test_authority_forge(const TestAuthority *a, const TestForgery *f,
                                const TlsParameters *p);
