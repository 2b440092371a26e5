/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how one becomes somebody at the tracker: a key of our own, a request, a certificate, the
 * disk. Leaves being somebody to account.c. */
#include "daemon/account/account-internal.h"

typedef enum SignInKind { SIGN_UP, SIGN_IN, SIGN_IN_GUEST, SIGN_RECOVER } SignInKind;

struct SignIn {
        SignInKind kind;
        char username[NAME_SIZE];
        char *password; /* erased with the answer */
        char *spent_code;
        Key *key;
        bool key_is_new;
        bool is_first;   /* nothing was ever asked for with the key before … */
        bool is_saved;   /* … and it is on disk by now */
        bool is_granted; /* the tracker has done its part */
        bool carries;    /* a guest signs up: what the guest has here becomes the user's */
        bool has_ended;  /* … and does nothing as a guest any more */
        Certificate *certificate;
        StoredIdentity identity; /* what is being stored; its strings are ours */
        char *recovery_code;
        TrackerCall *call;
        Job *job;
        Operation *op; /* weak; NULL: nobody waits any more */
};

static void erase(char *s) {
        if (s)
                explicit_bzero(s, strlen(s));
        free(s);
}

SignIn *sign_in_free(SignIn *s) {
        if (!s)
                return NULL;
        (void) operation_take(&s->op);
        tracker_call_free(s->call);
        job_free(s->job);
        erase(s->password);
        erase(s->spent_code);
        erase((char *) s->identity.key_pem);
        erase(s->recovery_code);
        free((char *) s->identity.certificate_pem);
        key_free(s->key);
        certificate_free(s->certificate);
        free(s);
        return NULL;
}
DEFINE_CLEANUP(SignIn *, sign_in_free);

static void sign_in_complete(Operation *o, const Failure *f) {
        AccountOp *op = (AccountOp *) o;

        op->signed_in(f, op->recovery_code, op->userdata);
}

static const OperationType sign_in_type = { .complete = sign_in_complete };

static UserType user_type_of(const SignIn *s) {
        return s->kind == SIGN_IN_GUEST ? USER_GUEST : USER_REGISTERED;
}

/* Of a key that was made for this attempt it is known that nothing was granted to it; of one that
 * was asked with before, never. Where somebody was told of success, all is done; a recovery code
 * that nobody took may be asked for again. */
static void settle_attempt(Account *a, const SignIn *s, const Failure *f) {
        if (f ? s->is_first && !s->is_granted && f->code != ERROR_TIMEOUT
              : s->op || !s->recovery_code)
                attempt_forget(a);
}

static const char *what_is_unknown(const SignIn *s) {
        switch (s->kind) {
        case SIGN_UP:
                return "whether the account was made is not known. Ask once more with the same "
                       "password: within ten minutes that gives the recovery code too.";
        case SIGN_RECOVER:
                return "whether the code is spent is not known. Ask once more with the same code: "
                       "within ten minutes that is safe.";
        case SIGN_IN:
        case SIGN_IN_GUEST:
                break;
        }
        return "ask once more.";
}

static void sign_in_fail(Account *a, const Failure *f) {
        _cleanup_(sign_in_freep) SignIn *s = TAKE_PTR(a->sign_in);
        Failure unknown;

        settle_attempt(a, s, f);
        account_tell_sign_in_failed(a, f);
        if (f->code == ERROR_TIMEOUT) {
                failure_set(&unknown, ERROR_TIMEOUT, "The tracker did not answer: %s",
                            what_is_unknown(s));
                f = &unknown;
        }
        operation_complete(s->op, f);
}

void account_is_shown(Account *a) {
        _cleanup_(sign_in_freep) SignIn *s = TAKE_PTR(a->signed_in);
        AccountOp *op;

        if (!s)
                return;
        settle_attempt(a, s, NULL);
        op = (AccountOp *) s->op;
        if (op)
                op->recovery_code = s->recovery_code;
        operation_complete(s->op, NULL);
}

static void sign_in_failed(Account *a, const Failure *f) {
        bool redial = tracker_client_is_ready(a->client);

        sign_in_fail(a, f);
        if (redial)
                (void) account_redial(a);
}

/* What is granted needs the tracker no more: it ends as the disk says. */
void sign_in_lost(Account *a, const Failure *f) {
        if (!a->sign_in->is_granted)
                sign_in_failed(a, f);
}

static void on_stored(int r, uint64_t row, void *userdata) {
        Account *a = userdata;
        SignIn *s = a->sign_in;
        Failure f;

        s->job = NULL;
        if (r < 0) {
                (void) store_fail(a->store, &f, r,
                                  "Cannot keep the certificate on disk (ask the same way again: "
                                  "within ten minutes nothing is lost)");
                if (s->has_ended)
                        a->handlers.on_signed_in(a, a->userdata);
                sign_in_failed(a, &f);
                return;
        }
        /* As the same one again too: whoever speaks for this identity does so with the new key. */
        if (a->identity != 0) {
                if (!s->has_ended)
                        a->handlers.on_signing_out(a, a->userdata);
                account_clear_identity(a);
        }
        account_set_identity(a, row, s->identity.user_type, s->identity.username, s->key,
                             s->certificate);
        account_is_shown(a); /* who was signed in a moment ago, and is not any more */
        a->signed_in = TAKE_PTR(a->sign_in);
        a->handlers.on_signed_in(a, a->userdata);
        (void) account_redial(a);
        account_changed(a);
}

typedef struct Grant {
        const char *username, *certificate, *recovery_code;
} Grant;

static const Field grant_fields[] = {
        { "username", FIELD_STRING, offsetof(Grant, username), .required = true, .min = 1 },
        { "certificate", FIELD_STRING, offsetof(Grant, certificate), .required = true, .min = 1 },
        { "recovery_code", FIELD_STRING, offsetof(Grant, recovery_code), .min = 1,
          .max = RECOVERY_CODE_BYTES_MAX },
        {},
};

static int take_grant(Account *a, SignIn *s, const Value *payload) {
        StoredIdentity *i = &s->identity;
        Grant grant = {};
        Subject subject;
        const char *bad;
        char *pem;
        int r;

        r = fields_read(payload, grant_fields, &grant, &bad);
        if (r < 0)
                return r;
        /* People write it down, and the bus carries it. */
        if (grant.recovery_code &&
            !text_is_valid(grant.recovery_code, strlen(grant.recovery_code), false))
                return -EBADMSG;
        r = account_take_ca(a, payload);
        if (r < 0)
                return r;
        r = account_check_certificate(a, s->key,
                                      s->kind == SIGN_IN_GUEST ? SUBJECT_GUEST : SUBJECT_USER,
                                      s->kind == SIGN_IN_GUEST ? NULL : s->username,
                                      grant.certificate, &s->certificate, &subject);
        if (r < 0)
                return r;
        if (grant.recovery_code && !(s->recovery_code = strdup(grant.recovery_code)))
                return -ENOMEM;

        memcpy(i->tracker_id, a->tracker_id, sizeof(i->tracker_id));
        i->user_type = subject.kind == SUBJECT_GUEST ? USER_GUEST : USER_REGISTERED;
        snprintf(i->username, sizeof(i->username), "%s", subject.name);
        i->certificate_pem = strdup(grant.certificate);
        if (!i->certificate_pem)
                return -ENOMEM;
        r = key_to_pem(s->key, &pem);
        if (r < 0)
                return r;
        i->key_pem = pem;
        if (!s->carries)
                return store_sign_in(a->store, i, on_stored, a, &s->job);
        /* Nothing is sent, nor written, as the guest any more while that happens. */
        a->handlers.on_signing_out(a, a->userdata);
        r = store_sign_up(a->store, i, a->identity, on_stored, a, &s->job);
        s->has_ended = r >= 0;
        if (r < 0)
                a->handlers.on_signed_in(a, a->userdata);
        return r;
}

static int sign_in_send(Account *a, tracker_reply_fn reply) {
        static const char *const commands[] = {
                [SIGN_UP] = "SIGNUP",
                [SIGN_IN] = "SIGNIN",
                [SIGN_IN_GUEST] = "GUEST",
                [SIGN_RECOVER] = "RECOVER",
        };
        SignIn *s = a->sign_in;
        _cleanup_(writer_done) Writer w = {};
        _cleanup_free_ char *csr = NULL;
        int r;

        r = csr_new(s->key, &csr);
        if (r < 0)
                return r;
        writer_begin_object(&w, NULL);
        writer_string(&w, "username", s->username);
        writer_string(&w, s->kind == SIGN_RECOVER ? "new_password" : "password", s->password);
        writer_string(&w, "recovery_code", s->spent_code);
        writer_string(&w, "csr", csr);
        writer_end_object(&w);
        r = tracker_client_call_first(a->client, commands[s->kind], &w, reply, a, &s->call);
        if (w.data)
                explicit_bzero(w.data, w.size);
        return r;
}

static int renew_key(SignIn *s) {
        Key *old = s->key;
        int r;

        r = key_generate(&s->key);
        if (r < 0)
                return r;
        key_free(old);
        s->key_is_new = s->is_first = true;
        s->is_saved = false;
        return 0;
}

static void on_granted(const Value *payload, const Failure *failure, void *userdata) {
        Account *a = userdata;
        SignIn *s = a->sign_in;
        Failure f;
        int r;

        s->call = NULL;
        /* Another device has revoked our key: who knows the password may have another one. */
        if (failure && failure->code == ERROR_REVOKED && !s->key_is_new && renew_key(s) >= 0) {
                sign_in_connected(a);
                return;
        }
        if (failure) {
                sign_in_failed(a, failure);
                return;
        }
        s->is_granted = true;
        r = take_grant(a, s, payload);
        if (r >= 0)
                return;
        if (r == -EBADMSG || r == -EINVAL || r == -EKEYEXPIRED || r == -EKEYREJECTED)
                failure_set(&f, ERROR_PROTOCOL,
                            "The tracker gave a certificate or a recovery code that is not good.");
        else
                (void) store_fail(a->store, &f, r, "Cannot keep the certificate");
        sign_in_failed(a, &f);
}

static void on_attempt_saved(int r, void *userdata) {
        Account *a = userdata;
        SignIn *s = a->sign_in;
        Failure f;

        s->job = NULL;
        s->is_saved = r >= 0;
        if (s->is_saved) {
                sign_in_connected(a);
                return;
        }
        (void) store_fail(a->store, &f, r, "Cannot keep the key on disk (nothing was asked for)");
        sign_in_failed(a, &f);
}

void sign_in_connected(Account *a) {
        SignIn *s = a->sign_in;
        Failure f;
        int r;

        if (s->call || s->job)
                return;
        /* What is granted to a key that nobody has any more is granted to nobody. */
        if (s->is_first && !s->is_saved)
                r = attempt_save(a, s->username, user_type_of(s), s->key, on_attempt_saved,
                                 &s->job);
        else
                r = sign_in_send(a, on_granted);
        if (r == -ENOTCONN)
                failure_set(&f, ERROR_TRACKER_UNREACHABLE, "The tracker is hanging up; try again.");
        else if (r < 0)
                failure_set(&f, ERROR_INTERNAL, "Cannot ask for a certificate: %s.", strerror(-r));
        if (r < 0)
                sign_in_failed(a, &f);
}

/* Who is signed in already and asks for it again. */
static bool may_repeat(const Account *a, const SignIn *s) {
        switch (s->kind) {
        case SIGN_IN:
        case SIGN_RECOVER:
                return true;
        case SIGN_UP: /* nobody has heard the recovery code */
                return attempt_find(a, s->username, USER_REGISTERED);
        case SIGN_IN_GUEST:
                break;
        }
        return false;
}

/* What can be said without asking the tracker. */
static int check(const Account *a, const SignIn *s, Failure *f) {
        if (!a->pin[0])
                return failure_set(f, ERROR_UNTRUSTED_TRACKER,
                                   "Accept the tracker's pin first (p2pchatctl tracker ADDRESS "
                                   "--pin=PIN)%s%s.",
                                   a->offered_pin[0] ? ": it offers " : "", a->offered_pin);
        if (a->sign_in || a->sign_out)
                return failure_set(f, ERROR_BUSY, "A sign-in or sign-out is under way.");
        if (a->identity != 0 && !s->carries &&
            (!streq(a->username, s->username) || !may_repeat(a, s)))
                return failure_set(f, ERROR_ALREADY_SIGNED_IN,
                                   "%s is signed in; sign out first (p2pchatctl signout).",
                                   a->username);
        if (s->spent_code &&
            (strlen(s->spent_code) > RECOVERY_CODE_BYTES_MAX || !s->spent_code[0] ||
             !text_is_valid(s->spent_code, strlen(s->spent_code), false)))
                return failure_set(f, ERROR_BAD_REQUEST,
                                   "A recovery code is four groups of five letters and digits.");
        return s->password ? account_check_password(s->password, f) : 0;
}

/* One key for an identity here: with another one it would be another device, and what this one
 * hosts would be refused to it. A revoked one is good for nothing, and one that another computer
 * has too would be taken back by it. */
static int choose_key(const Account *a, SignIn *s) {
        Key *pending = attempt_find(a, s->username, user_type_of(s));

        if (pending)
                s->key = key_ref(pending);
        else if (a->identity != 0 && !s->carries && a->dismissed != ERROR_REVOKED && !a->is_copied)
                s->key = key_ref(a->key);
        else {
                s->key_is_new = s->is_first = true;
                return key_generate(&s->key);
        }
        return 0;
}

static int sign_in_new(Account *a, SignInKind kind, const char *username, const char *password,
                       const char *code, SignIn **ret, Failure *f) {
        _cleanup_(sign_in_freep) SignIn *s = new0(SignIn, 1);
        int r;

        if (!s)
                return -ENOMEM;
        s->kind = kind;
        s->carries = kind == SIGN_UP && a->identity != 0 && a->user_type == USER_GUEST;
        if (password && !(s->password = strdup(password)))
                return -ENOMEM;
        if (code && !(s->spent_code = strdup(code)))
                return -ENOMEM;
        if (name_fold(username, s->username) < 0 ||
            !text_is_valid(s->username, strlen(s->username), false)) {
                failure_set(f, ERROR_INVALID_NAME,
                            "A name has 2 to 32 of a-z, 0-9, dot, dash and underscore.");
                return 0;
        }
        if (check(a, s, f) < 0)
                return 0;
        r = choose_key(a, s);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

static int sign_in(Account *a, SignInKind kind, const char *username, const char *password,
                   const char *code, account_signed_in_fn done, void *userdata,
                   AccountOp **ret_op) {
        _cleanup_(sign_in_freep) SignIn *s = NULL;
        Failure f = {};
        AccountOp *op;
        int r;

        r = sign_in_new(a, kind, username, password, code, &s, &f);
        if (r < 0)
                return r;
        op = account_op_new(a, &sign_in_type, userdata);
        if (!op)
                return -ENOMEM;
        op->signed_in = done;
        if (!s)
                return account_op_return(op, ret_op, &f);

        operation_hold(&op->base, &s->op);
        a->sign_in = TAKE_PTR(s);
        /* A connection that shows a certificate is no place to ask for another. */
        if (!a->certified && tracker_client_is_ready(a->client))
                sign_in_connected(a);
        else if (a->certified || !tracker_client_is_dialling(a->client)) {
                r = account_redial(a);
                if (r < 0) {
                        a->sign_in = sign_in_free(a->sign_in);
                        account_op_free(op);
                        return r;
                }
        }
        return account_op_return(op, ret_op, NULL);
}

int account_sign_up(Account *a, const char *username, const char *password,
                    account_signed_in_fn done, void *userdata, AccountOp **ret_op) {
        return sign_in(a, SIGN_UP, username, password, NULL, done, userdata, ret_op);
}

int account_sign_in(Account *a, const char *username, const char *password,
                    account_signed_in_fn done, void *userdata, AccountOp **ret_op) {
        return sign_in(a, SIGN_IN, username, password, NULL, done, userdata, ret_op);
}

int account_sign_in_guest(Account *a, const char *username, account_signed_in_fn done,
                          void *userdata, AccountOp **ret_op) {
        return sign_in(a, SIGN_IN_GUEST, username, NULL, NULL, done, userdata, ret_op);
}

int account_recover(Account *a, const char *username, const char *recovery_code,
                    const char *new_password, account_signed_in_fn done, void *userdata,
                    AccountOp **ret_op) {
        return sign_in(a, SIGN_RECOVER, username, new_password, recovery_code, done, userdata,
                       ret_op);
}
