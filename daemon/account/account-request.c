/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how what somebody with an account asks for waits for the tracker's answer, and ends with
 * who asked; leaves what it is to account-change.c and account-devices.c. */
#include <utlist.h>

#include "daemon/account/account-internal.h"

AccountRequest *account_request_free(AccountRequest *q) {
        if (!q)
                return NULL;
        (void) operation_take(&q->op);
        DL_DELETE(q->account->requests, q);
        tracker_call_free(q->call);
        free(q->devices);
        free(q);
        return NULL;
}

void account_cancel_requests(Account *a) {
        Failure f;

        failure_set(&f, ERROR_CANCELLED, "Who was signed in has left.");
        while (a->requests) {
                Operation *op = a->requests->op;

                account_request_free(a->requests);
                operation_complete(op, &f);
        }
}

static void request_complete(Operation *o, const Failure *f) {
        AccountOp *op = (AccountOp *) o;

        op->done(f, op->userdata);
}

static const OperationType account_request_type = { .complete = request_complete };

void account_request_end(AccountRequest *q, const Failure *f) {
        Operation *op = operation_take(&q->op);

        if (op)
                ((AccountOp *) op)->request = q;
        operation_complete(op, f);
        account_request_free(q);
}

/* What can be said without asking the tracker. */
static int check(const Account *a, Failure *f) {
        if (a->sign_in || a->sign_out)
                return failure_set(f, ERROR_BUSY, "A sign-in or sign-out is under way.");
        if (a->identity == 0)
                return failure_set(f, ERROR_NOT_SIGNED_IN, "Nobody is signed in.");
        if (a->user_type == USER_GUEST)
                return failure_set(f, ERROR_GUESTS_NOT_ALLOWED,
                                   "A guest has no account: sign up first.");
        if (a->dismissed != ERROR_NONE)
                return failure_set(f, a->dismissed, "%s", account_get_dismissal(a));
        return 0;
}

/* *ret NULL: it is refused, which op hears later. */
static int request_new(Account *a, AccountOp *op, const Failure *refused, AccountRequest **ret) {
        Failure f = {};

        *ret = NULL;
        if (!refused && check(a, &f) < 0)
                refused = &f;
        if (refused)
                return operation_complete_later(&op->base, a->rt->event, refused);
        *ret = new0(AccountRequest, 1);
        if (!*ret)
                return -ENOMEM;
        **ret = (AccountRequest){ .account = a };
        DL_APPEND(a->requests, *ret);
        operation_hold(&op->base, &(*ret)->op);
        return 0;
}

int account_request_begin(Account *a, AccountOp *op, const Failure *refused,
                          account_request_fn send, const void *arguments, AccountOp **ret_op) {
        AccountRequest *q;
        int r;

        r = request_new(a, op, refused->code != ERROR_NONE ? refused : NULL, &q);
        if (r >= 0 && q)
                r = send(q, arguments);
        if (r < 0) {
                if (q)
                        account_request_free(q);
                account_op_free(op);
                return r;
        }
        if (ret_op)
                *ret_op = op;
        return 0;
}

int account_request_do(Account *a, const Failure *refused, account_request_fn send,
                       const void *arguments, account_done_fn done, void *userdata,
                       AccountOp **ret_op) {
        AccountOp *op = account_op_new(a, &account_request_type, userdata);

        if (!op)
                return -ENOMEM;
        op->done = done;
        return account_request_begin(a, op, refused, send, arguments, ret_op);
}

int account_request_send(AccountRequest *q, const char *command, Writer *w,
                         tracker_reply_fn reply) {
        int r = account_call(q->account, command, w, reply, q, &q->call);

        if (w->data) /* there may be a password in it */
                explicit_bzero(w->data, w->size);
        return r;
}
