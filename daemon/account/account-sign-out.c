/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how one stops being somebody here: the disk first, then the tracker, whatever the disk
 * says. Leaves what belonged to the identity, and a key that the disk keeps, to the manager. */
#include "daemon/account/account-internal.h"

struct SignOut {
        TrackerCall *call;
        Job *job;
        Operation *op;   /* weak; NULL: nobody waits */
        bool waits;      /* for account_left() */
        bool is_deleted; /* the account is no more: nothing is to be said, nothing to be kept */
        bool is_told;    /* the tracker takes the key no more */
        uint64_t identity;
        int error; /* of erasing it; 0: erased, or on its way */
};

SignOut *sign_out_free(SignOut *s) {
        if (!s)
                return NULL;
        (void) operation_take(&s->op);
        tracker_call_free(s->call);
        job_free(s->job);
        free(s);
        return NULL;
}
DEFINE_CLEANUP(SignOut *, sign_out_free);

static void sign_out_complete(Operation *o, const Failure *f) {
        AccountOp *op = (AccountOp *) o;

        op->done(f, op->userdata);
}

static const OperationType sign_out_type = { .complete = sign_out_complete };

static void sign_out_end(Account *a, const Failure *f) {
        _cleanup_(sign_out_freep) SignOut *s = TAKE_PTR(a->sign_out);
        Operation *op = s->op;

        (void) account_redial(a);
        account_changed(a);
        operation_complete(op, f);
}

static void describe(const SignOut *s, Failure *f) {
        const char *why = strerrordesc_np(-s->error) ?: "unknown error";

        if (s->is_deleted)
                failure_set(f, ERROR_INTERNAL,
                            "The account is deleted, but what is kept of it here cannot be erased "
                            "from disk (%s): that is done as soon as the disk takes it. Leave "
                            "p2pchatd running until then.",
                            why);
        else
                failure_set(f, ERROR_INTERNAL,
                            "Signed out, but the key cannot be erased from disk (%s): that is done "
                            "as soon as the disk takes it. Leave p2pchatd running until then. %s",
                            why,
                            s->is_told ? "The tracker takes the key no more."
                                       : "The tracker could not be told to take it no more: that "
                                         "can be done from another device (p2pchatctl devices).");
}

static void finish(Account *a) {
        Failure f;

        if (a->sign_out->error < 0)
                describe(a->sign_out, &f);
        sign_out_end(a, a->sign_out->error < 0 ? &f : NULL);
}

/* Answered or not: nobody here uses the key any more. */
static void on_revoked(const Value *payload, const Failure *failure, void *userdata) {
        Account *a = userdata;

        a->sign_out->call = NULL;
        a->sign_out->is_told = !failure;
        finish(a);
}

/* Whatever the disk has said: a key that it keeps must be worth nothing. */
static bool tell_tracker(Account *a) {
        SignOut *s = a->sign_out;

        return a->certified && !s->is_deleted &&
               tracker_client_call_first(a->client, "SIGNOUT", NULL, on_revoked, a, &s->call) >= 0;
}

static void not_erased(Account *a, int r) {
        SignOut *s = a->sign_out;

        s->error = r;
        a->handlers.on_not_erased(a, s->identity, s->is_deleted, a->userdata);
}

static void on_stored(int r, void *userdata) {
        Account *a = userdata;

        a->sign_out->job = NULL;
        if (r < 0)
                not_erased(a, r);
        if (!tell_tracker(a))
                finish(a);
}

/* From the next turn: who asks is not told before it has its operation. */
static void cannot_store(Account *a, int r) {
        Operation *op;
        Failure f;

        not_erased(a, r);
        if (tell_tracker(a))
                return;
        describe(a->sign_out, &f);
        op = operation_take(&a->sign_out->op);
        a->sign_out = sign_out_free(a->sign_out);
        (void) account_redial(a);
        account_changed(a);
        if (op)
                (void) operation_complete_later(op, a->rt->event, &f);
}

static void forget_identity(Account *a) {
        SignOut *s = a->sign_out;
        int r;

        s->identity = a->identity;
        a->handlers.on_signing_out(a, a->userdata);
        a->renew_call = tracker_call_free(a->renew_call);
        a->renew_job = job_free(a->renew_job);
        account_clear_identity(a);
        attempt_drop(a);
        account_changed(a);
        r = s->is_deleted ? store_delete_identity(a->store, s->identity, on_stored, a, &s->job)
                          : store_sign_out(a->store, s->identity, on_stored, a, &s->job);
        if (r < 0)
                cannot_store(a, r);
}

void account_left(Account *a) {
        if (a->sign_out && a->sign_out->waits) {
                a->sign_out->waits = false;
                forget_identity(a);
        }
}

static int sign_out(Account *a, Operation *op, bool is_deleted) {
        SignOut *s = new0(SignOut, 1);

        if (!s)
                return -ENOMEM;
        *s = (SignOut){ .is_deleted = is_deleted };
        operation_hold(op, &s->op);
        a->sign_out = s;
        account_cancel_requests(a);
        s->waits = a->handlers.on_leaving(a, a->userdata);
        if (!s->waits)
                forget_identity(a);
        return 0;
}

int account_sign_out(Account *a, account_done_fn done, void *userdata, AccountOp **ret_op) {
        Failure f = {};
        AccountOp *op;
        int r;

        op = account_op_new(a, &sign_out_type, userdata);
        if (!op)
                return -ENOMEM;
        op->done = done;
        if (a->sign_in || a->sign_out)
                failure_set(&f, ERROR_BUSY, "A sign-in or sign-out is under way.");
        else if (a->identity == 0)
                failure_set(&f, ERROR_NOT_SIGNED_IN, "Nobody is signed in.");
        if (f.code != ERROR_NONE)
                return account_op_return(op, ret_op, &f);

        r = sign_out(a, &op->base, false);
        if (r < 0) {
                account_op_free(op);
                return r;
        }
        return account_op_return(op, ret_op, NULL);
}

int account_end_identity(Account *a) {
        if (a->sign_in || a->sign_out || a->identity == 0)
                return 0;
        return sign_out(a, NULL, false);
}

int account_forget_identity(Account *a, Operation *op) {
        return sign_out(a, op, true);
}
