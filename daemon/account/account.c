/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows one tracker and who we are there; leaves how one becomes somebody to account-sign-in.c, and
 * the directory to account-directory.c. */
#include "daemon/account/account-internal.h"

/* Two connections that ended before HELLO may be chance; then the certificate is doubted. */
#define REFUSED_MAX 2

static const char *const tracker_state_table[TRACKER_STATE_MAX] = {
        [TRACKER_NONE] = "none",           [TRACKER_CONNECTING] = "connecting",
        [TRACKER_ONLINE] = "online",       [TRACKER_OFFLINE] = "offline",
        [TRACKER_UNTRUSTED] = "untrusted", [TRACKER_MISMATCH] = "mismatch",
};

const char *tracker_state_to_string(TrackerState s) {
        return s >= 0 && s < TRACKER_STATE_MAX ? tracker_state_table[s] : NULL;
}

uint64_t account_now(const Account *a) {
        return remote_time_now(&a->time);
}

void account_changed(Account *a) {
        a->handlers.on_changed(a, a->userdata);
}

void account_set_state(Account *a, TrackerState state, const char *reason) {
        if (a->state == state && streq(a->reason, reason))
                return;
        a->state = state;
        snprintf(a->reason, sizeof(a->reason), "%s", reason);
        account_tell_state(a);
        account_changed(a);
}

static bool certificate_is_good(const Account *a) {
        return a->certificate && !a->sign_in && a->dismissed == ERROR_NONE &&
               a->n_refused < REFUSED_MAX && account_now(a) < a->subject.not_after;
}

static int new_tracker_tls(const Account *a, bool certified, TlsConfig **ret) {
        return tls_config_new(
                &(TlsParameters){
                        .clock = a->rt->clock,
                        .expect = TLS_EXPECT_TRACKER,
                        .key = certified ? a->key : NULL,
                        .certificate = certified ? a->certificate : NULL,
                        .chain = a->chain,
                        .pin = a->pin[0] ? a->pin : NULL,
                },
                ret);
}

int account_redial(Account *a) {
        _cleanup_(tls_config_freep) TlsConfig *tls = NULL;
        bool certified = certificate_is_good(a);
        int r;

        if (a->is_replaced && !a->sign_in) {
                tracker_client_halt(a->client);
                account_set_state(a, TRACKER_OFFLINE, REPLACED_MESSAGE);
                return 0;
        }

        r = new_tracker_tls(a, certified, &tls);
        if (r < 0)
                return r;
        a->certified = certified;
        a->watch_call = tracker_call_free(a->watch_call);
        tracker_client_set_tls(a->client, tls);
        account_set_state(a, TRACKER_CONNECTING, "");
        return 0;
}

int account_show_certificate(Account *a) {
        _cleanup_(tls_config_freep) TlsConfig *tls = NULL;
        int r;

        r = new_tracker_tls(a, certificate_is_good(a), &tls);
        if (r >= 0)
                tracker_client_set_next_tls(a->client, tls);
        return r;
}

void account_look_at_clock(Account *a) {
        int64_t offset = remote_time_offset(&a->time);
        char off[CLOCK_OFF_TEXT_SIZE];

        if (clock_is_off(offset) && !a->clock_told)
                account_tell_clock(a, clock_describe_off(offset, false, off));
        a->clock_told = clock_is_off(offset);
}

static void account_online(Account *a) {
        tracker_client_release(a->client);
        a->n_refused = 0;
        account_set_state(a, TRACKER_ONLINE, account_get_dismissal(a));
        account_watch(a);
        account_renew_schedule(a);
        a->handlers.on_online(a, a->userdata);
}

static void on_ready(TrackerClient *t, int64_t offset_usec, void *userdata) {
        Account *a = userdata;

        remote_time_set(&a->time, offset_usec);
        account_look_at_clock(a);
        a->offered_pin[0] = 0;
        if (a->sign_in)
                sign_in_connected(a);
        else if (a->identity != 0 && !a->certified && a->dismissed == ERROR_NONE)
                account_renew_first(a);
        else
                account_online(a);
}

static void on_push(TrackerClient *t, const char *command, const Value *payload, void *userdata) {
        if (streq(command, "CHANNELS"))
                account_directory_push(userdata, payload);
        else if (streq(command, "AUTHORITY"))
                (void) account_take_ca(userdata, payload);
}

static void on_authorities(TrackerClient *t, const Chain *chain, void *userdata) {
        (void) account_take_chain(userdata, chain);
}

static void on_replaced(TrackerClient *t, void *userdata) {
        Account *a = userdata;

        account_tell_copied(a);
        a->is_replaced = a->is_copied = true;
        account_changed(a);
}

static void on_down(TrackerClient *t, const ConnClosed *why, bool was_ready, void *userdata) {
        Account *a = userdata;
        bool was_certified = a->certified;
        _cleanup_(tls_config_freep) TlsConfig *tls = NULL;
        Failure f;

        tracker_client_describe(why, &f);
        if (why->offered_pin[0])
                snprintf(a->offered_pin, sizeof(a->offered_pin), "%s", why->offered_pin);
        clock_timer_disarm(a->renew_timer);
        /* What it says of our certificate it says behind its own: no chance is in it. */
        if (was_certified && !was_ready && why->stage >= CONN_OPEN)
                a->n_refused += why->error == -EKEYREVOKED ? REFUSED_MAX : 1;

        /* Who we are next time may have changed: the certificate ended, or is refused. */
        if (certificate_is_good(a) != was_certified &&
            new_tracker_tls(a, !was_certified, &tls) >= 0) {
                a->certified = !was_certified;
                tracker_client_set_next_tls(t, tls);
        }

        if (why->error == -ENOKEY)
                account_set_state(a, TRACKER_UNTRUSTED, f.message);
        else if (why->error == -EKEYREJECTED)
                account_set_state(a, TRACKER_MISMATCH, f.message);
        else
                account_set_state(a, TRACKER_OFFLINE,
                                  a->is_replaced && !a->sign_in ? REPLACED_MESSAGE : f.message);
        if (a->sign_in)
                sign_in_lost(a, &f);
}

static const TrackerClientHandlers client_handlers = {
        .on_ready = on_ready,
        .on_push = on_push,
        .on_authorities = on_authorities,
        .on_replaced = on_replaced,
        .on_down = on_down,
};

int account_new(const Runtime *rt, Store *store, const StoredTracker *tracker,
                const AccountHandlers *handlers, void *userdata, Account **ret) {
        _cleanup_(account_freep) Account *a = NULL;
        _cleanup_free_ char *host = NULL;
        uint16_t port;
        int r;

        r = host_port_parse(tracker->address, TRACKER_PORT, &host, &port);
        if (r < 0)
                return r;
        a = new0(Account, 1);
        if (!a)
                return -ENOMEM;
        *a = (Account){
                .rt = rt,
                .time.clock = rt->clock,
                .store = store,
                .handlers = *handlers,
                .userdata = userdata,
                .address = strdup(tracker->address),
                .state = TRACKER_OFFLINE,
                .renew_backoff = { .base_usec = USEC_PER_MINUTE, .max_usec = USEC_PER_HOUR },
        };
        if (!a->address)
                return -ENOMEM;
        random_uuid(rt->random, a->instance);
        if (tracker->pin[0]) {
                memcpy(a->tracker_id, tracker->tracker_id, sizeof(a->tracker_id));
                memcpy(a->pin, tracker->pin, sizeof(a->pin));
                r = chain_from_pem(tracker->ca_pem, &a->chain);
                if (r < 0)
                        return r;
        }
        r = clock_timer_new(rt->clock, (clock_timer_fn) account_renew_schedule, a, &a->renew_timer);
        if (r < 0)
                return r;
        r = account_watch_init(a);
        if (r < 0)
                return r;
        r = attempt_init(a, &tracker->attempt);
        if (r < 0)
                return r;
        r = tracker_client_new(rt, host, port, &client_handlers, a, &a->client);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(a);
        return 0;
}

Account *account_free(Account *a) {
        if (!a)
                return NULL;
        a->sign_in = sign_in_free(a->sign_in);
        a->signed_in = sign_in_free(a->signed_in);
        a->sign_out = sign_out_free(a->sign_out);
        account_cancel_requests(a);
        operation_cancel_all(&a->ops);
        tracker_call_free(a->renew_call);
        job_free(a->renew_job);
        job_free(a->chain_job);
        tracker_call_free(a->watch_call);
        while (a->lookups)
                directory_lookup_free(a->lookups);
        a->client = tracker_client_free(a->client);
        clock_timer_free(a->renew_timer);
        clock_timer_free(a->watch_timer);
        account_clear_identity(a);
        attempt_done(a);
        chain_free(a->chain);
        free(a->address);
        free(a);
        return NULL;
}

static int restore_identity(Account *a, const StoredIdentity *identity) {
        _cleanup_(key_freep) Key *key = NULL;
        _cleanup_(certificate_freep) Certificate *certificate = NULL;
        Subject subject;
        int r;

        if (!identity->key_pem || !identity->certificate_pem)
                return -EBADMSG;
        r = key_from_pem(identity->key_pem, &key);
        if (r < 0)
                return r;
        r = certificate_from_pem(identity->certificate_pem, &certificate);
        if (r < 0)
                return r;
        r = certificate_read_subject(certificate, &subject);
        if (r < 0)
                return r;
        if (!streq(subject.name, identity->username) || !streq(subject.tracker_id, a->tracker_id))
                return -EBADMSG;
        account_set_identity(a, identity->row, identity->user_type, identity->username, key,
                             certificate);
        return 0;
}

int account_start(Account *a, const StoredIdentity *identity) {
        int r = 0, q;

        if (identity) {
                r = restore_identity(a, identity);
                if (r >= 0)
                        a->handlers.on_signed_in(a, a->userdata);
        }
        q = account_redial(a);
        return r < 0 ? r : q;
}

/* The former instance is never heard again. */
static void begin_anew(Account *a) {
        a->is_replaced = false;
        random_uuid(a->rt->random, a->instance);
}

void account_set_identity(Account *a, uint64_t row, UserType type, const char *username, Key *key,
                          Certificate *certificate) {
        Key *old_key = a->key;
        Certificate *old_certificate = a->certificate;
        bool is_same_key = key == old_key;

        a->identity = row;
        a->user_type = type;
        if (username != a->username)
                snprintf(a->username, sizeof(a->username), "%s", username);
        a->key = key_ref(key);
        a->certificate = certificate_ref(certificate);
        key_free(old_key);
        certificate_free(old_certificate);
        if (certificate_read_subject(certificate, &a->subject) < 0)
                a->subject = (Subject){ .kind = SUBJECT_KIND_INVALID };
        a->renew_early = 0;
        account_look_at_issuer(a);
        a->dismissed = ERROR_NONE;
        if (!is_same_key) {
                a->is_copied = false;
                begin_anew(a);
        }
        a->n_refused = 0;
}

void account_clear_identity(Account *a) {
        account_cancel_requests(a);
        a->identity = 0;
        a->username[0] = 0;
        a->key = key_free(a->key);
        a->certificate = certificate_free(a->certificate);
        a->subject = (Subject){ .kind = SUBJECT_KIND_INVALID };
        a->dismissed = ERROR_NONE;
        a->is_copied = a->is_replaced = false;
        a->n_refused = 0;
}

int account_check_certificate(const Account *a, const Key *key, SubjectKind kind, const char *name,
                              const char *pem, Certificate **ret, Subject *ret_subject) {
        _cleanup_(certificate_freep) Certificate *certificate = NULL;
        char key_id[KEY_ID_SIZE];
        int r;

        if (!a->chain)
                return -EBADMSG;
        r = certificate_from_pem(pem, &certificate);
        if (r < 0)
                return r;
        r = certificate_read_subject(certificate, ret_subject);
        if (r < 0)
                return r;
        key_get_id(key, key_id);
        if (!streq(ret_subject->key_id, key_id) || !streq(ret_subject->tracker_id, a->tracker_id) ||
            ret_subject->kind == SUBJECT_TRACKER || (kind >= 0 && ret_subject->kind != kind) ||
            (name && !streq(ret_subject->name, name)))
                return -EBADMSG;
        r = chain_verify(a->chain, certificate, account_now(a), ret_subject);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(certificate);
        return 0;
}

const char *account_get_tracker_id(const Account *a) {
        return a->tracker_id;
}

const char *account_get_tracker_address(const Account *a) {
        return a->address;
}

const char *account_get_pin(const Account *a) {
        return a->pin;
}

bool account_has_pin(const Account *a, const char *pin) {
        return a->chain && chain_has_pin(a->chain, pin);
}

const char *account_get_offered_pin(const Account *a) {
        return a->offered_pin;
}

TrackerState account_get_tracker_state(const Account *a) {
        return a->state;
}

const char *account_get_tracker_reason(const Account *a) {
        return a->reason;
}

const char *account_get_username(const Account *a) {
        return a->identity != 0 ? a->username : NULL;
}

UserType account_get_user_type(const Account *a) {
        return a->user_type;
}

uint64_t account_get_certificate_expires(const Account *a) {
        return a->identity != 0 ? a->subject.not_after : 0;
}

uint64_t account_get_identity(const Account *a) {
        return a->identity;
}

int64_t account_get_clock_offset(const Account *a) {
        return remote_time_offset(&a->time);
}

bool account_clocks_agree(const Account *a, uint64_t *ret_ours, uint64_t *ret_theirs) {
        return remote_time_agrees(&a->time, ret_ours, ret_theirs);
}

void account_get_key_id(const Account *a, char ret[static KEY_ID_SIZE]) {
        memcpy(ret, a->subject.key_id, KEY_ID_SIZE);
}

bool account_may_host(const Account *a) {
        return a->dismissed == ERROR_NONE && !a->is_replaced;
}

bool account_is_replaced(const Account *a) {
        return a->is_replaced;
}

int account_resume(Account *a) {
        if (!a->is_replaced)
                return 0;
        begin_anew(a);
        return account_redial(a);
}

const char *account_get_instance(const Account *a) {
        return a->instance;
}

bool account_may_host_alone(const Account *a) {
        return account_may_host(a) && !a->is_copied;
}

void account_note_copy(Account *a) {
        a->is_copied = true;
}

bool account_is_signing_in(const Account *a) {
        return a->sign_in;
}

ErrorCode account_get_dismissed(const Account *a) {
        return a->dismissed;
}

void account_note_offer(Account *a, const char *pin) {
        snprintf(a->offered_pin, sizeof(a->offered_pin), "%s", pin);
        account_changed(a);
}

bool account_is_online(const Account *a) {
        return tracker_client_is_online(a->client);
}

void account_network_changed(Account *a, const NetworkChange *x) {
        tracker_client_network_changed(a->client, x);
}

int account_new_peer_tls(const Account *a, tls_check_fn check, void *userdata, TlsConfig **ret) {
        if (!a->certificate)
                return -ENOKEY;
        return tls_config_new(
                &(TlsParameters){
                        .clock = a->rt->clock,
                        .time = &a->time,
                        .expect = TLS_EXPECT_PEER,
                        .key = a->key,
                        .certificate = a->certificate,
                        .chain = a->chain,
                        .check = check,
                        .userdata = userdata,
                },
                ret);
}

int account_call(Account *a, const char *command, const Writer *payload, tracker_reply_fn reply,
                 void *userdata, TrackerCall **ret_call) {
        return tracker_client_call(a->client, command, payload, 0, reply, userdata, ret_call);
}

AccountOp *account_op_free(AccountOp *op) {
        if (op)
                operation_drop(&op->base);
        return NULL;
}

AccountOp *account_op_new(Account *a, const OperationType *type, void *userdata) {
        AccountOp *op = new0(AccountOp, 1);

        if (!op)
                return NULL;
        op->account = a;
        op->userdata = userdata;
        operation_init(&op->base, type, &a->ops);
        return op;
}

int account_op_return(AccountOp *op, AccountOp **ret_op, const Failure *f) {
        int r = 0;

        if (f)
                r = operation_complete_later(&op->base, op->account->rt->event, f);
        if (r < 0) {
                account_op_free(op);
                return r;
        }
        if (ret_op)
                *ret_op = op;
        return 0;
}
