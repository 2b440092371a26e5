/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which certificates make a chain of authorities, and what each of them may still vouch for;
 * leaves a single certificate to identity-certificate.c. */
#include "net/chain.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "net/identity-openssl.h"
#include "wire/limits.h"

struct Chain {
        unsigned n_ref;
        size_t n;
        Certificate *certificates[AUTHORITIES_MAX];
        char pins[AUTHORITIES_MAX][PIN_SIZE];
        char tracker_id[TRACKER_ID_SIZE];
};

/* The signature is held against the issuer's key alone, whatever a chain builder would find. */
static bool is_signed_by(const Certificate *c, const Certificate *issuer) {
        X509 *x = certificate_get_x509(c), *i = certificate_get_x509(issuer);

        return X509_check_issued(i, x) == X509_V_OK && X509_verify(x, X509_get0_pubkey(i)) == 1;
}

/* Above the i-th (in the direction of leaves) are i others. */
static int check_link(const Chain *c, size_t i) {
        const Certificate *issuer = c->certificates[i + 1 < c->n ? i + 1 : i];
        X509 *x = certificate_get_x509(c->certificates[i]);
        long path_length = X509_get_pathlen(x);

        if (path_length < 0 || (size_t) path_length < i)
                return -EBADMSG;
        for (size_t k = 0; k < i; k++)
                if (streq(c->pins[k], c->pins[i]))
                        return -EBADMSG;
        return is_signed_by(c->certificates[i], issuer) ? 0 : -EBADMSG;
}

int chain_new(const Certificate *const *certificates, size_t n, Chain **ret) {
        _cleanup_(chain_freep) Chain *c = NULL;
        int r;

        if (n == 0 || n > AUTHORITIES_MAX)
                return -EBADMSG;
        c = new0(Chain, 1);
        if (!c)
                return -ENOMEM;
        c->n_ref = 1;
        for (; c->n < n; c->n++) {
                r = certificate_get_authority(certificates[c->n], c->tracker_id, c->pins[c->n]);
                if (r < 0)
                        return r;
                c->certificates[c->n] = certificate_ref(certificates[c->n]);
        }
        for (size_t i = 0; i < n; i++) {
                r = check_link(c, i);
                if (r < 0)
                        return openssl_error(r);
        }
        *ret = TAKE_PTR(c);
        return 0;
}

static const char *skip_space(const char *s) {
        return s + strspn(s, " \t\r\n");
}

/* One certificate at *pem, which moves behind it. */
static int read_certificate(const char **pem, Certificate **ret) {
        static const char begin[] = "-----BEGIN CERTIFICATE-----",
                          end[] = "-----END CERTIFICATE-----";
        _cleanup_free_ char *one = NULL;
        const char *behind;

        if (strncmp(*pem, begin, strlen(begin)) != 0)
                return -EBADMSG;
        behind = strstr(*pem, end);
        if (!behind)
                return -EBADMSG;
        behind += strlen(end);
        one = strndup(*pem, (size_t) (behind - *pem));
        if (!one)
                return -ENOMEM;
        *pem = behind;
        return certificate_from_pem(one, ret);
}

int chain_from_pem(const char *pem, Chain **ret) {
        Certificate *certificates[AUTHORITIES_MAX] = {};
        size_t n = 0;
        int r = 0;

        if (strnlen(pem, CHAIN_BYTES_MAX + 1) > CHAIN_BYTES_MAX)
                return -EBADMSG;
        for (pem = skip_space(pem); *pem && r >= 0; pem = skip_space(pem)) {
                r = n == AUTHORITIES_MAX ? -EBADMSG : read_certificate(&pem, &certificates[n]);
                if (r >= 0)
                        n++;
        }
        if (r >= 0)
                r = chain_new((const Certificate *const *) certificates, n, ret);
        while (n > 0)
                certificate_free(certificates[--n]);
        return r;
}

int chain_to_pem(const Chain *c, char **ret) {
        _cleanup_free_ char *pem = NULL;
        size_t n = 0;

        for (size_t i = 0; i < c->n; i++) {
                _cleanup_free_ char *one = NULL;
                char *longer;
                int r;

                r = certificate_to_pem(c->certificates[i], &one);
                if (r < 0)
                        return r;
                longer = realloc(pem, n + strlen(one) + 1);
                if (!longer)
                        return -ENOMEM;
                pem = longer;
                strcpy(pem + n, one);
                n += strlen(one);
        }
        *ret = TAKE_PTR(pem);
        return 0;
}

bool chain_may_extend(const Chain *c) {
        if (c->n == AUTHORITIES_MAX)
                return false;
        for (size_t i = 0; i < c->n; i++)
                if ((size_t) X509_get_pathlen(certificate_get_x509(c->certificates[i])) < i + 1)
                        return false;
        return true;
}

int chain_extend(const Chain *c, const Key *old_key, const Key *key, uint64_t now, Chain **ret) {
        const Certificate *longer[AUTHORITIES_MAX];
        _cleanup_(certificate_freep) Certificate *first = NULL;
        int r;

        if (!chain_may_extend(c))
                return -ENOSPC;
        r = certificate_new_successor(c->certificates[0], old_key, key, now, &first);
        if (r < 0)
                return r;
        longer[0] = first;
        for (size_t i = 0; i < c->n; i++)
                longer[i + 1] = c->certificates[i];
        return chain_new(longer, c->n + 1, ret);
}

Chain *chain_ref(const Chain *c) {
        Chain *mutable = (Chain *) c;

        if (mutable)
                mutable->n_ref++;
        return mutable;
}

Chain *chain_free(Chain *c) {
        if (!c || --c->n_ref > 0)
                return NULL;
        for (size_t i = 0; i < c->n; i++)
                certificate_free(c->certificates[i]);
        free(c);
        return NULL;
}

size_t chain_get_n(const Chain *c) {
        return c->n;
}

const Certificate *chain_get(const Chain *c, size_t i) {
        return c->certificates[i];
}

const char *chain_get_tracker_id(const Chain *c) {
        return c->tracker_id;
}

const char *chain_get_pin(const Chain *c) {
        return c->pins[0];
}

const char *chain_get_pin_at(const Chain *c, size_t i) {
        return c->pins[i];
}

bool chain_has_pin(const Chain *c, const char *pin) {
        for (size_t i = 0; i < c->n; i++)
                if (streq(c->pins[i], pin))
                        return true;
        return false;
}

int chain_find_issuer(const Chain *c, const Certificate *leaf) {
        for (size_t i = 0; i < c->n; i++)
                if (is_signed_by(leaf, c->certificates[i]))
                        return (int) i;
        return openssl_error(-EBADMSG);
}

static uint64_t successor_begins(const Chain *c, size_t i) {
        return certificate_get_not_before(c->certificates[i - 1]);
}

uint64_t chain_get_end(const Chain *c, size_t i) {
        return i == 0 ? UINT64_MAX : successor_begins(c, i) + PREDECESSOR_USEC;
}

int chain_verify(const Chain *c, const Certificate *leaf, uint64_t now, Subject *ret) {
        Subject s;
        int r, i;

        r = certificate_read_subject(leaf, &s);
        if (r < 0)
                return r;
        if (!streq(s.tracker_id, c->tracker_id))
                return -EBADMSG;
        i = chain_find_issuer(c, leaf);
        if (i < 0)
                return i;
        if (i > 0 && (s.kind == SUBJECT_TRACKER ||
                      s.not_before > successor_begins(c, (size_t) i) + PREDECESSOR_SLACK_USEC))
                return -EBADMSG;
        r = certificate_verify(leaf, c->certificates[i], now);
        if (r < 0)
                return r;
        s.not_after = MIN(s.not_after, chain_get_end(c, (size_t) i));
        if (now >= s.not_after)
                return -EKEYEXPIRED;
        *ret = s;
        return 0;
}
