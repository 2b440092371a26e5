/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how an account gets another password and how it ends; leaves what its end does here to
 * account-sign-out.c. */
#include "daemon/account/account-internal.h"

int account_check_password(const char *password, Failure *f) {
        size_t n = strlen(password);

        if (n > PASSWORD_BYTES_MAX)
                return failure_set(f, ERROR_BAD_REQUEST, "A password has at most %d bytes.",
                                   PASSWORD_BYTES_MAX);
        if (!text_is_valid(password, n, false))
                return failure_set(f, ERROR_BAD_REQUEST, "This cannot be a password.");
        return 0;
}

/* ---- another password ---- */

typedef struct PasswordArguments {
        const char *old_password, *new_password;
        bool keep_others;
} PasswordArguments;

static void on_password_changed(const Value *payload, const Failure *failure, void *userdata) {
        AccountRequest *q = userdata;
        Failure f;

        q->call = NULL;
        if (failure && failure->code == ERROR_TIMEOUT) {
                failure_set(&f, ERROR_TIMEOUT,
                            "The tracker did not answer: whether the password was changed is not "
                            "known. Ask once more with the same two passwords: within ten minutes "
                            "that is safe.");
                failure = &f;
        }
        account_request_end(q, failure);
}

static int send_password(AccountRequest *q, const void *arguments) {
        const PasswordArguments *p = arguments;
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        writer_string(&w, "old_password", p->old_password);
        writer_string(&w, "new_password", p->new_password);
        writer_bool(&w, "keep_others", p->keep_others);
        writer_end_object(&w);
        return account_request_send(q, "PASSWD", &w, on_password_changed);
}

int account_change_password(Account *a, const char *old_password, const char *new_password,
                            bool keep_others, account_done_fn done, void *userdata,
                            AccountOp **ret_op) {
        const PasswordArguments arguments = { old_password, new_password, keep_others };
        Failure f = {};

        if (account_check_password(old_password, &f) >= 0)
                (void) account_check_password(new_password, &f);
        return account_request_do(a, &f, send_password, &arguments, done, userdata, ret_op);
}

/* ---- the end ---- */

static void on_deleted(const Value *payload, const Failure *failure, void *userdata) {
        AccountRequest *q = userdata;
        Account *a = q->account;
        Operation *op;
        Failure f;
        int r;

        q->call = NULL;
        if (failure && failure->code == ERROR_TIMEOUT) {
                failure_set(&f, ERROR_TIMEOUT,
                            "The tracker did not answer: whether the account was deleted is not "
                            "known. If it was, status says soon that this sign-in has ended; then "
                            "sign out. Otherwise try again.");
                failure = &f;
        }
        if (failure) {
                account_request_end(q, failure);
                return;
        }
        op = operation_take(&q->op);
        account_request_free(q);
        r = account_forget_identity(a, op);
        if (r >= 0)
                return;
        failure_set(&f, ERROR_INTERNAL,
                    "The account is deleted, but what is kept of it here cannot be erased: %s. "
                    "Sign out.",
                    strerror(-r));
        operation_complete(op, &f);
}

static int send_delete(AccountRequest *q, const void *arguments) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        writer_string(&w, "password", arguments);
        writer_end_object(&w);
        return account_request_send(q, "DELETE", &w, on_deleted);
}

int account_delete(Account *a, const char *password, account_done_fn done, void *userdata,
                   AccountOp **ret_op) {
        Failure f = {};

        (void) account_check_password(password, &f);
        return account_request_do(a, &f, send_delete, password, done, userdata, ret_op);
}
