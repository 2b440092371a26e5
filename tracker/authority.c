/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the tracker's CA: its own certificate and those that it gives to devices; leaves its files
 * to authority-files.c and how certificates are made to net/identity.h. */
#include "tracker/authority.h"

#include "base/log.h"
#include "tracker/authority-files.h"
#include "tracker/message-ids.h"
#include "wire/limits.h"

#define BACKDATE_USEC (10 * USEC_PER_MINUTE) /* for clocks of devices that are behind ours */
#define OWN_LIFETIME_USEC (CERTIFICATE_TRACKER_DAYS * USEC_PER_DAY)
#define REISSUE_RETRY_USEC USEC_PER_HOUR

struct Authority {
        const Runtime *rt; /* weak */
        AuthorityFiles files;
        char *state_directory;
        char *chain_pem;
        TlsConfig *tls;
        uint64_t tls_begins, tls_ends; /* realtime */
        ClockTimer *reissue;
        tls_check_fn check; /* NULL: nobody */
        void *userdata;     /* weak */
        authority_changed_fn changed;
        void *changed_userdata;       /* weak */
        Job *rotate_job;              /* one at a time */
        authority_rotated_fn rotated; /* NULL: nobody waits */
        void *rotated_userdata;       /* weak */
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
        strcpy(subject.tracker_id, authority_get_tracker_id(a));
        strcpy(subject.name, name);
        *ret_expires = subject.not_after;
        return certificate_issue(chain_get(a->files.chain, 0), a->files.key, key, &subject, ret);
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
                        .chain = a->files.chain,
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
        a->state_directory = strdup(state_directory);
        if (!a->state_directory)
                return -ENOMEM;
        r = authority_files_open(state_directory, credentials_directory, clock_realtime(rt->clock),
                                 &a->files);
        if (r < 0)
                return r;
        r = chain_to_pem(a->files.chain, &a->chain_pem);
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
        job_free(a->rotate_job);
        clock_timer_free(a->reissue);
        tls_config_free(a->tls);
        authority_files_done(&a->files);
        free(a->state_directory);
        free(a->chain_pem);
        free(a);
        return NULL;
}

const char *authority_get_tracker_id(const Authority *a) {
        return chain_get_tracker_id(a->files.chain);
}

const char *authority_get_pin(const Authority *a) {
        return chain_get_pin(a->files.chain);
}

const char *authority_get_ca_pem(const Authority *a) {
        return a->chain_pem;
}

const Chain *authority_get_chain(const Authority *a) {
        return a->files.chain;
}

bool authority_is_credential(const Authority *a) {
        return a->files.is_credential;
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

void authority_on_changed(Authority *a, authority_changed_fn changed, void *userdata) {
        a->changed = changed;
        a->changed_userdata = userdata;
}

/* What takes the place of files; the disk is asked on a thread. */
typedef struct Rotation {
        char *state_directory;
        char old_key_id[KEY_ID_SIZE];
        AuthorityFiles next; /* for the loop only */
        char *key, *chain;   /* in PEM, as they stand in the files */
} Rotation;

static void rotation_free(void *request) {
        Rotation *x = request;

        if (x->key)
                explicit_bzero(x->key, strlen(x->key));
        free(x->key);
        free(x->chain);
        free(x->state_directory);
        authority_files_done(&x->next);
        free(x);
}

static void rotation_freep(Rotation **x) {
        if (*x)
                rotation_free(*x);
}

static int rotation_new(Authority *a, Rotation **ret) {
        _cleanup_(rotation_freep) Rotation *x = new0(Rotation, 1);
        char *key;
        int r;

        if (!x)
                return -ENOMEM;
        key_get_id(a->files.key, x->old_key_id);
        x->state_directory = strdup(a->state_directory);
        if (!x->state_directory)
                return -ENOMEM;
        r = key_generate(&x->next.key);
        if (r < 0)
                return r;
        r = chain_extend(a->files.chain, a->files.key, x->next.key, clock_realtime(a->rt->clock),
                         &x->next.chain);
        if (r < 0)
                return r;
        r = chain_to_pem(x->next.chain, &x->chain);
        if (r < 0)
                return r;
        r = key_to_pem(x->next.key, &key);
        if (r < 0)
                return r;
        r = asprintf(&x->key, "%s%s", key, x->chain);
        explicit_bzero(key, strlen(key));
        free(key);
        if (r < 0) {
                x->key = NULL;
                return -ENOMEM;
        }
        *ret = TAKE_PTR(x);
        return 0;
}

static int rotation_run(void *request) {
        Rotation *x = request;

        return authority_files_replace(x->state_directory, x->old_key_id, x->key, x->chain);
}

/* The disk has it: what fails from here on is tried again, and changes nothing of that. */
static void adopt(Authority *a, Rotation *x) {
        AuthorityFiles old = a->files;
        char *old_pem = a->chain_pem;

        a->files = x->next;
        x->next = old;
        a->chain_pem = x->chain;
        x->chain = old_pem;
        on_reissue(a);
        log_fields(LOG_NOTICE, 0,
                   LOG_FIELDS("MESSAGE_ID", MESSAGE_TRACKER_AUTHORITY_ROTATED, "CHAT_PIN",
                              authority_get_pin(a), "CHAT_DIRECTORY", a->state_directory),
                   "The certificate authority has a new key, signed by the one before: its pin is "
                   "%s.",
                   authority_get_pin(a));
        if (a->changed)
                a->changed(a->changed_userdata);
}

static void on_replaced(int r, void *request, void *userdata) {
        Authority *a = userdata;
        authority_rotated_fn rotated = a->rotated;

        a->rotate_job = NULL;
        a->rotated = NULL;
        if (r < 0)
                log_error_errno(r,
                                "Cannot put a new key in the place of %s/ca.key: the old one "
                                "stays in use",
                                a->state_directory);
        else
                adopt(a, request);
        if (rotated)
                rotated(r, authority_get_pin(a), a->rotated_userdata);
}

int authority_rotate(Authority *a, authority_rotated_fn done, void *userdata) {
        _cleanup_(rotation_freep) Rotation *x = NULL;
        int r;

        if (a->rotate_job)
                return -EBUSY;
        if (a->files.is_credential)
                return -EROFS;
        r = rotation_new(a, &x);
        if (r < 0)
                return r;
        r = workers_submit(a->rt->workers, rotation_run, TAKE_PTR(x), rotation_free, on_replaced, a,
                           &a->rotate_job);
        if (r < 0)
                return r;
        a->rotated = done;
        a->rotated_userdata = userdata;
        return 0;
}

void authority_forget_rotation(Authority *a) {
        a->rotated = NULL;
}
