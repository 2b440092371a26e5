/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the commands of who is signed in are spelt that end devices and accounts (SIGNOUT
 * PASSWD DEVICES DELETE); leaves what they do to accounts. */
#include "tracker/session-internal.h"
#include "wire/limits.h"

#define REVOKE_KEYS_MAX 1000  /* more fit into no frame */
#define DEVICES_LIMIT_MAX 500 /* likewise */
#define DEVICES_BYTES_MAX (FRAME_BYTES_MAX - 512)

typedef struct KeyFields {
        const char *password, *old_password, *new_password, *after;
        const Value *revoke;
        bool keep_others;
} KeyFields;

#define AT(f) offsetof(KeyFields, f)

static void on_done(const Failure *failure, const Grant *grant, void *userdata) {
        if (failure)
                rpc_request_fail(userdata, failure);
        else
                rpc_request_reply(userdata, NULL);
}

void session_sign_out(Session *s, RpcRequest *request) {
        static const Field table[] = { {} };
        KeyFields f = { 0 };
        Failure failure;

        if (rpc_request_read(request, table, &f) < 0)
                return;
        if (accounts_sign_out(s->services->accounts, &s->subject, on_done, request, &failure) < 0)
                rpc_request_fail(request, &failure);
}

void session_passwd(Session *s, RpcRequest *request) {
        /* The lengths of passwords have errors of their own. */
        static const Field table[] = {
                { "old_password", FIELD_STRING, AT(old_password), true },
                { "new_password", FIELD_STRING, AT(new_password), true },
                { "keep_others", FIELD_BOOL, AT(keep_others), false },
                {},
        };
        KeyFields f = { 0 };
        Failure failure;

        if (rpc_request_read(request, table, &f) < 0)
                return;
        if (accounts_change_password(s->services->accounts, &s->subject,
                                     &(PasswordChange){
                                             .source = &s->address,
                                             .old_password = f.old_password,
                                             .new_password = f.new_password,
                                             .keep_others = f.keep_others,
                                     },
                                     on_done, request, &failure) < 0)
                rpc_request_fail(request, &failure);
}

void session_delete(Session *s, RpcRequest *request) {
        static const Field table[] = {
                { "password", FIELD_STRING, AT(password), true },
                {},
        };
        KeyFields f = { 0 };
        Failure failure;

        if (rpc_request_read(request, table, &f) < 0)
                return;
        if (accounts_delete(s->services->accounts, &s->subject, &s->address, f.password, on_done,
                            request, &failure) < 0)
                rpc_request_fail(request, &failure);
}

/* What a reply still needs when the database has answered. */
typedef struct DevicesReply {
        RpcRequest *request;
        char key_id[KEY_ID_SIZE];
} DevicesReply;

static void write_devices(Writer *w, const DevicesReply *h, const DbDeviceInfo *devices, size_t n) {
        bool more = n == DEVICES_LIMIT_MAX;
        size_t i;

        writer_begin_object(w, NULL);
        writer_begin_array(w, "devices");
        for (i = 0; i < n; i++) {
                size_t size = w->size;
                bool needs_comma = w->needs_comma;

                writer_begin_object(w, NULL);
                writer_string(w, "key", devices[i].key);
                writer_time(w, "created", devices[i].created);
                writer_time(w, "seen", devices[i].seen);
                writer_bool(w, "this", streq(devices[i].key, h->key_id));
                writer_end_object(w);
                if (w->size > DEVICES_BYTES_MAX) {
                        writer_truncate(w, size, needs_comma);
                        more = true;
                        break;
                }
        }
        writer_end_array(w);
        if (more && i > 0)
                writer_string(w, "next", devices[i - 1].key);
        writer_end_object(w);
}

static void on_devices(const Failure *failure, const DbDeviceInfo *devices, size_t n,
                       void *userdata) {
        _cleanup_free_ DevicesReply *h = userdata;
        _cleanup_(writer_done) Writer w = { 0 };

        if (failure) {
                rpc_request_fail(h->request, failure);
                return;
        }
        write_devices(&w, h, devices, n);
        rpc_request_reply(h->request, &w);
}

static int read_keys(RpcRequest *request, const Value *list, char (*ret)[KEY_ID_SIZE]) {
        for (size_t i = 0; i < value_length(list); i++) {
                const char *key = value_string(value_at(list, i), NULL);

                if (!key || !hex_is_valid(key, KEY_ID_SIZE - 1)) {
                        session_fail_field(request, "revoke", "keys of DEVICES, each.");
                        return -EINVAL;
                }
                memcpy(ret[i], key, KEY_ID_SIZE);
        }
        return 0;
}

void session_devices(Session *s, RpcRequest *request) {
        static const Field table[] = {
                { "revoke", FIELD_ARRAY, AT(revoke), false, 0, REVOKE_KEYS_MAX },
                { "after", FIELD_STRING, AT(after), false, 0, KEY_ID_SIZE - 1 },
                {},
        };
        _cleanup_free_ char(*keys)[KEY_ID_SIZE] = NULL;
        _cleanup_free_ DevicesReply *h = NULL;
        KeyFields f = { .after = "" };
        Failure failure;

        if (rpc_request_read(request, table, &f) < 0)
                return;
        keys = reallocarray(NULL, value_length(f.revoke) + 1, sizeof(*keys));
        h = new0(DevicesReply, 1);
        if (!keys || !h) {
                rpc_request_fail_code(request, ERROR_INTERNAL, "Out of memory.");
                return;
        }
        if (read_keys(request, f.revoke, keys) < 0)
                return;
        h->request = request;
        strcpy(h->key_id, s->subject.key_id);
        if (accounts_devices(s->services->accounts, &s->subject,
                             &(DevicesQuery){
                                     .after = f.after,
                                     .limit = DEVICES_LIMIT_MAX,
                                     .revoke = keys,
                                     .n_revoke = value_length(f.revoke),
                             },
                             on_devices, h, &failure) < 0)
                rpc_request_fail(request, &failure);
        else
                TAKE_PTR(h);
}
