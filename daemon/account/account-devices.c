/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the devices of who is signed in, and how one of them is signed out from here. */
#include "base/timestamp.h"
#include "daemon/account/account-internal.h"

#define DEVICES_AT_ONCE 64

static void devices_complete(Operation *o, const Failure *f) {
        AccountOp *op = (AccountOp *) o;
        const AccountRequest *q = op->request;

        op->devices(f, f ? NULL : q->devices, f ? 0 : q->n_devices, op->userdata);
}

static const OperationType devices_type = { .complete = devices_complete };

typedef struct DeviceFields {
        const char *key, *created, *seen;
        bool this_one;
} DeviceFields;

static const Field device_fields[] = {
        { "key", FIELD_STRING, offsetof(DeviceFields, key), .required = true, .min = 1 },
        { "created", FIELD_STRING, offsetof(DeviceFields, created), .required = true, .min = 1 },
        { "seen", FIELD_STRING, offsetof(DeviceFields, seen), .required = true, .min = 1 },
        { "this", FIELD_BOOL, offsetof(DeviceFields, this_one) },
        {},
};

static int read_device(const Value *v, AccountDevice *ret) {
        DeviceFields fields = {};
        const char *bad;
        int r;

        r = fields_read(v, device_fields, &fields, &bad);
        if (r < 0)
                return r;
        if (!hex_is_valid(fields.key, KEY_ID_SIZE - 1) ||
            time_parse(fields.created, &ret->created) < 0 ||
            time_parse(fields.seen, &ret->seen) < 0)
                return -EBADMSG;
        memcpy(ret->key, fields.key, KEY_ID_SIZE);
        ret->is_this = fields.this_one;
        return 0;
}

/* In the order of the keys, each once: a list that does not lead on has no end. */
static int add_devices(AccountRequest *q, const Value *list) {
        int r;

        if (value_kind(list) != VALUE_ARRAY)
                return -EBADMSG;
        for (size_t i = 0; i < value_length(list); i++) {
                AccountDevice device = {};

                r = read_device(value_at(list, i), &device);
                if (r < 0)
                        return r;
                if (strcmp(device.key, q->after) <= 0)
                        return -EBADMSG;
                if (q->n_devices == q->n_allocated) {
                        size_t n = q->n_allocated + DEVICES_AT_ONCE;
                        AccountDevice *more = reallocarray(q->devices, n, sizeof(*more));

                        if (!more)
                                return -ENOMEM;
                        q->devices = more;
                        q->n_allocated = n;
                }
                q->devices[q->n_devices++] = device;
                memcpy(q->after, device.key, KEY_ID_SIZE);
                if (q->n_devices == DEVICES_LISTED_MAX)
                        return 0;
        }
        return 0;
}

static int ask_devices(AccountRequest *q, tracker_reply_fn reply) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        if (q->after[0])
                writer_string(&w, "after", q->after);
        writer_end_object(&w);
        return account_request_send(q, "DEVICES", &w, reply);
}

static void on_devices(const Value *payload, const Failure *failure, void *userdata) {
        AccountRequest *q = userdata;
        size_t n_before = q->n_devices;
        Failure f;
        int r;

        q->call = NULL;
        if (failure) {
                account_request_end(q, failure);
                return;
        }
        r = add_devices(q, value_get(payload, "devices"));
        if (r >= 0 && value_has(payload, "next") && q->n_devices < DEVICES_LISTED_MAX) {
                r = q->n_devices > n_before ? ask_devices(q, on_devices) : -EBADMSG;
                if (r >= 0)
                        return;
        }
        if (r < 0)
                failure_set(&f, r == -ENOMEM ? ERROR_INTERNAL : ERROR_PROTOCOL,
                            "The tracker's list of devices cannot be read.");
        account_request_end(q, r < 0 ? &f : NULL);
}

static int send_devices(AccountRequest *q, const void *arguments) {
        snprintf(q->after, sizeof(q->after), "%s", (const char *) arguments);
        return ask_devices(q, on_devices);
}

int account_list_devices(Account *a, const char *after, account_devices_fn done, void *userdata,
                         AccountOp **ret_op) {
        AccountOp *op = account_op_new(a, &devices_type, userdata);
        Failure f = {};

        if (!op)
                return -ENOMEM;
        op->devices = done;
        if (after && !hex_is_valid(after, KEY_ID_SIZE - 1))
                failure_set(&f, ERROR_BAD_REQUEST, "after is a key as this list has them.");
        return account_request_begin(a, op, &f, send_devices, after ?: "", ret_op);
}

static void on_device_revoked(const Value *payload, const Failure *failure, void *userdata) {
        AccountRequest *q = userdata;
        Failure f;

        q->call = NULL;
        if (failure && failure->code == ERROR_BAD_REQUEST) {
                failure_set(&f, ERROR_BAD_REQUEST, "No device of this account has that key.");
                failure = &f;
        }
        account_request_end(q, failure);
}

static int send_revoke(AccountRequest *q, const void *arguments) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        writer_begin_array(&w, "revoke");
        writer_string(&w, NULL, arguments);
        writer_end_array(&w);
        writer_end_object(&w);
        return account_request_send(q, "DEVICES", &w, on_device_revoked);
}

int account_revoke_device(Account *a, const char *key, account_done_fn done, void *userdata,
                          AccountOp **ret_op) {
        Failure f = {};

        if (!hex_is_valid(key, KEY_ID_SIZE - 1))
                failure_set(&f, ERROR_BAD_REQUEST,
                            "A key has %d lower-case hex digits; the list of devices shows them.",
                            KEY_ID_SIZE - 1);
        else if (a->identity != 0 && streq(key, a->subject.key_id))
                failure_set(&f, ERROR_BAD_REQUEST, "That is this very device: sign out instead.");
        return account_request_do(a, &f, send_revoke, key, done, userdata, ret_op);
}
