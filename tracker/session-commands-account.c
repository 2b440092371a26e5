/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the commands of identity are spelt (SIGNUP SIGNIN RECOVER GUEST RENEW WHOIS); leaves
 * what they do to accounts. */
#include "tracker/session-internal.h"
#include "wire/limits.h"

typedef struct IdentityFields {
        const char *username, *password, *recovery_code, *csr;
} IdentityFields;

static const Field csr_table[] = {
        { "csr", FIELD_STRING, offsetof(IdentityFields, csr), true, 1, CSR_BYTES_MAX },
        {},
};

static const Field guest_table[] = {
        { "username", FIELD_STRING, offsetof(IdentityFields, username), true },
        { "csr", FIELD_STRING, offsetof(IdentityFields, csr), true, 1, CSR_BYTES_MAX },
        {},
};

/* The lengths of names and passwords have errors of their own. */
static const Field password_table[] = {
        { "username", FIELD_STRING, offsetof(IdentityFields, username), true },
        { "password", FIELD_STRING, offsetof(IdentityFields, password), true },
        { "csr", FIELD_STRING, offsetof(IdentityFields, csr), true, 1, CSR_BYTES_MAX },
        {},
};

static const Field recover_table[] = {
        { "username", FIELD_STRING, offsetof(IdentityFields, username), true },
        { "recovery_code", FIELD_STRING, offsetof(IdentityFields, recovery_code), true, 1,
          RECOVERY_CODE_BYTES_MAX },
        { "new_password", FIELD_STRING, offsetof(IdentityFields, password), true },
        { "csr", FIELD_STRING, offsetof(IdentityFields, csr), true, 1, CSR_BYTES_MAX },
        {},
};

static int read_key(const Session *s, RpcRequest *request, const char *csr, Key **ret) {
        int r;

        r = csr_read(csr, strlen(csr), ret);
        if (r < 0) {
                session_tell_refused(s, "its request for one is no good");
                session_fail_field(request, "csr",
                                   "no PKCS#10 request in PEM of an Ed25519 key, signed by it.");
        }
        return r;
}

static void write_grant(Writer *w, const Grant *g, bool with_name) {
        writer_begin_object(w, NULL);
        if (with_name) {
                writer_string(w, "username", g->username);
                writer_string(w, "user_type", user_type_to_string(g->user_type));
        }
        writer_string(w, "certificate", g->certificate);
        writer_string(w, "ca", g->ca);
        writer_time(w, "expires", g->expires);
        writer_string(w, "recovery_code", g->recovery_code);
        writer_end_object(w);
}

static void reply(RpcRequest *request, const Failure *failure, const Grant *grant, bool with_name) {
        _cleanup_(writer_done) Writer w = { 0 };

        if (failure) {
                rpc_request_fail(request, failure);
                return;
        }
        write_grant(&w, grant, with_name);
        rpc_request_reply(request, &w);
        if (w.data)
                explicit_bzero(w.data, w.size); /* the recovery code was in there */
}

static void on_granted(const Failure *failure, const Grant *grant, void *userdata) {
        reply(userdata, failure, grant, true);
}

static void on_renewed(const Failure *failure, const Grant *grant, void *userdata) {
        reply(userdata, failure, grant, false);
}

typedef int (*accounts_fn)(Accounts *a, const Credentials *c, accounts_done_fn done, void *userdata,
                           Failure *failure);

static void ask(Session *s, RpcRequest *request, const Field *table, accounts_fn call) {
        _cleanup_(key_freep) Key *key = NULL;
        IdentityFields f = { 0 };
        Failure failure;

        if (rpc_request_read(request, table, &f) < 0 || read_key(s, request, f.csr, &key) < 0)
                return;
        if (call(s->services->accounts,
                 &(Credentials){
                         .username = f.username,
                         .password = f.password,
                         .recovery_code = f.recovery_code,
                         .key = key,
                         .source = &s->address,
                 },
                 on_granted, request, &failure) < 0)
                rpc_request_fail(request, &failure);
}

void session_sign_up(Session *s, RpcRequest *request) {
        ask(s, request, password_table, accounts_sign_up);
}

void session_sign_in(Session *s, RpcRequest *request) {
        ask(s, request, password_table, accounts_sign_in);
}

void session_recover(Session *s, RpcRequest *request) {
        ask(s, request, recover_table, accounts_recover);
}

void session_guest(Session *s, RpcRequest *request) {
        ask(s, request, guest_table, accounts_guest);
}

void session_renew(Session *s, RpcRequest *request) {
        _cleanup_(key_freep) Key *key = NULL;
        char key_id[KEY_ID_SIZE];
        IdentityFields f = { 0 };
        Failure failure;
        bool certified;

        if (rpc_request_read(request, csr_table, &f) < 0 || read_key(s, request, f.csr, &key) < 0)
                return;
        key_get_id(key, key_id);
        certified = s->asker.signed_in && streq(s->subject.key_id, key_id);
        if (accounts_renew(s->services->accounts, key, certified, &s->address, on_renewed, request,
                           &failure) < 0)
                rpc_request_fail(request, &failure);
}

/* What a reply still needs when the database has answered. */
typedef struct WhoisReply {
        RpcRequest *request;
        char username[NAME_SIZE];
} WhoisReply;

static void on_whois(const Failure *failure, const WhoisAnswer *answer, void *userdata) {
        _cleanup_free_ WhoisReply *h = userdata;
        _cleanup_(writer_done) Writer w = { 0 };

        if (failure) {
                rpc_request_fail(h->request, failure);
                return;
        }
        writer_begin_object(&w, NULL);
        writer_string(&w, "username", h->username);
        writer_bool(&w, "exists", answer->exists);
        if (answer->exists)
                writer_string(&w, "user_type", user_type_to_string(answer->user_type));
        if (answer->near && answer->near->n > 0) {
                writer_begin_array(&w, "near");
                for (size_t i = 0; i < answer->near->n; i++)
                        writer_string(&w, NULL, answer->near->found[i].name);
                writer_end_array(&w);
        }
        writer_end_object(&w);
        rpc_request_reply(h->request, &w);
}

void session_whois(Session *s, RpcRequest *request) {
        static const Field table[] = {
                { "username", FIELD_STRING, offsetof(IdentityFields, username), true },
                {},
        };
        _cleanup_free_ WhoisReply *h = NULL;
        IdentityFields f = { 0 };
        Failure failure;

        if (rpc_request_read(request, table, &f) < 0)
                return;
        h = new0(WhoisReply, 1);
        if (!h) {
                rpc_request_fail_code(request, ERROR_INTERNAL, "Out of memory.");
                return;
        }
        h->request = request;
        snprintf(h->username, sizeof(h->username), "%s", f.username);
        if (accounts_whois(s->services->accounts, &s->subject, &s->address, f.username, on_whois, h,
                           &failure) < 0)
                rpc_request_fail(request, &failure);
        else
                TAKE_PTR(h);
}
