/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the tracker's CA: its own certificate and those that it gives to devices; leaves its files
 * to authority-files.c and how certificates are made to net/identity.h. */
#include "tracker/authority.h"

#include "base/log.h"
#include "tracker/authority-files.h"
#include "wire/limits.h"

#define BACKDATE_USEC (10 * USEC_PER_MINUTE) /* for clocks of devices that are behind ours */
#define OWN_LIFETIME_USEC (CERTIFICATE_TRACKER_DAYS * USEC_PER_DAY)
#define REISSUE_RETRY_USEC USEC_PER_HOUR

struct Authority {
        const Runtime *rt; /* weak */
        Key *ca_key;
        Certificate *ca;
        char *ca_pem;
        char tracker_id[TRACKER_ID_SIZE];
        char pin[PIN_SIZE];
        TlsConfig *tls;
        uint64_t tls_begins, tls_ends; /* realtime */
        ClockTimer *reissue;
        tls_check_fn check; /* NULL: nobody */
        void *userdata;     /* weak */
};

static int issue(Authority *a, const Key *key, SubjectKind kind, const char *name,
                 uint64_t lifetime_usec, Certificate **ret, uint64_t *ret_expires) {
        uint64_t now = clock_realtime(a->rt->clock);
        Subject subject = {
                .kind = kind,
                .not_before = now - MIN(now, BACKDATE_USEC),
                .not_after = now + lifetime_usec,
        };

        /* Certificates count whole seconds; what is told elsewhere must agree with them. */
        subject.not_after -= subject.not_after % USEC_PER_SEC;
        strcpy(subject.tracker_id, a->tracker_id);
        strcpy(subject.name, name);
        *ret_expires = subject.not_after;
        return certificate_issue(a->ca, a->ca_key, key, &subject, ret);
}

static int on_check(const Subject *peer, void *userdata) {
        Authority *a = userdata;

        return a->check ? a->check(peer, a->userdata) : 0;
}

/* The key lives in this process only, a new one each time. */
static int reissue_own(Authority *a) {
        _cleanup_(key_freep) Key *key = NULL;
        _cleanup_(certificate_freep) Certificate *certificate = NULL;
        TlsConfig *tls;
        uint64_t expires;
        int r;

        r = key_generate(&key);
        if (r < 0)
                return r;
        r = issue(a, key, SUBJECT_TRACKER, "", OWN_LIFETIME_USEC, &certificate, &expires);
        if (r < 0)
                return r;
        r = tls_config_new(
                &(TlsParameters){
                        .clock = a->rt->clock,
                        .expect = TLS_EXPECT_PEER_OR_NOBODY,
                        .key = key,
                        .certificate = certificate,
                        .ca = a->ca,
                        .check = on_check,
                        .userdata = a,
                },
                &tls);
        if (r < 0)
                return r;
        tls_config_free(a->tls);
        a->tls = tls;
        a->tls_begins = expires - OWN_LIFETIME_USEC;
        a->tls_ends = expires;
        clock_timer_arm(a->reissue, OWN_LIFETIME_USEC / 2);
        return 0;
}

static void on_reissue(void *userdata) {
        Authority *a = userdata;
        int r;

        r = reissue_own(a);
        if (r < 0) {
                log_error_errno(r, "Cannot renew the tracker's certificate, trying again");
                clock_timer_arm(a->reissue, REISSUE_RETRY_USEC);
        }
}

int authority_new(const Runtime *rt, const char *state_directory, const char *credentials_directory,
                  Authority **ret) {
        _cleanup_(authority_freep) Authority *a = NULL;
        int r;

        a = new0(Authority, 1);
        if (!a)
                return -ENOMEM;
        a->rt = rt;
        r = authority_files_open(state_directory, credentials_directory, clock_realtime(rt->clock),
                                 &a->ca_key, &a->ca);
        if (r < 0)
                return r;
        r = certificate_get_authority(a->ca, a->tracker_id, a->pin);
        if (r < 0)
                return r;
        r = certificate_to_pem(a->ca, &a->ca_pem);
        if (r < 0)
                return r;
        r = clock_timer_new(rt->clock, on_reissue, a, &a->reissue);
        if (r < 0)
                return r;
        r = reissue_own(a);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(a);
        return 0;
}

Authority *authority_free(Authority *a) {
        if (!a)
                return NULL;
        clock_timer_free(a->reissue);
        tls_config_free(a->tls);
        certificate_free(a->ca);
        key_free(a->ca_key);
        free(a->ca_pem);
        free(a);
        return NULL;
}

const char *authority_get_tracker_id(const Authority *a) {
        return a->tracker_id;
}

const char *authority_get_pin(const Authority *a) {
        return a->pin;
}

const char *authority_get_ca_pem(const Authority *a) {
        return a->ca_pem;
}

TlsConfig *authority_get_tls(Authority *a) {
        uint64_t now = clock_realtime(a->rt->clock);

        /* The timer counts time that passes; a clock that was set, as after a start without one,
         * would leave a certificate that nobody accepts. */
        if (now + BACKDATE_USEC < a->tls_begins || now + OWN_LIFETIME_USEC / 3 > a->tls_ends)
                on_reissue(a);
        return a->tls;
}

void authority_set_check(Authority *a, tls_check_fn check, void *userdata) {
        a->check = check;
        a->userdata = userdata;
}

int authority_issue(Authority *a, const Key *subject_key, SubjectKind kind, const char *name,
                    uint64_t lifetime_usec, char **ret_pem, uint64_t *ret_expires) {
        _cleanup_(certificate_freep) Certificate *certificate = NULL;
        int r;

        r = issue(a, subject_key, kind, name, lifetime_usec, &certificate, ret_expires);
        if (r < 0)
                return r;
        return certificate_to_pem(certificate, ret_pem);
}
