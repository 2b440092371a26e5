/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the methods of org.p2pchat.Peer1.Account; leaves what they do to account.h. */
#include "bus/error.h"
#include "bus/options.h"
#include "daemon/bus/account-bus-internal.h"

static void cancel_account_op(void *op) {
        account_op_free(op);
}

static void on_done(const Failure *f, void *userdata) {
        bus_operation_done(userdata, f);
}

/* r: how reading the call went so far. Afterwards it can be parked. */
static int read_end(sd_bus_message *m, int r, const Option *table, void *target, AccountBus *b,
                    BusOperation **ret, sd_bus_error *error) {
        if (r >= 0)
                r = options_read(m, table, target, error);
        if (r < 0)
                return r;
        return bus_operation_new(bus_get_operations(b->bus), m, b->account, ret);
}

int account_method_sign_out(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        AccountBus *b = userdata;
        AccountOp *waiting = NULL;
        BusOperation *op;
        int r;

        r = read_end(m, 0, NULL, NULL, b, &op, error);
        if (r < 0)
                return r;
        r = account_sign_out(b->account, on_done, op, &waiting);
        return bus_operation_park(op, r, waiting, cancel_account_op, error);
}

int account_method_change_password(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct {
                bool keep_others;
        } o = {};
        const Option table[] = {
                { "keep_others", OPTION_BOOL, offsetof(__typeof__(o), keep_others) },
                {},
        };
        const char *old_password, *new_password;
        AccountBus *b = userdata;
        AccountOp *waiting = NULL;
        BusOperation *op;
        int r;

        r = sd_bus_message_read(m, "ss", &old_password, &new_password);
        r = read_end(m, r, table, &o, b, &op, error);
        if (r < 0)
                return r;
        r = account_change_password(b->account, old_password, new_password, o.keep_others, on_done,
                                    op, &waiting);
        return bus_operation_park(op, r, waiting, cancel_account_op, error);
}

static int append_devices(sd_bus_message *reply, const AccountDevice *devices, size_t n) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(stta{sv})");
        for (size_t i = 0; i < n && r >= 0; i++)
                r = sd_bus_message_append(reply, "(stta{sv})", devices[i].key, devices[i].created,
                                          devices[i].seen, 1, "this", "b",
                                          (int) devices[i].is_this);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static void on_devices(const Failure *f, const AccountDevice *devices, size_t n, void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = bus_operation_new_reply(userdata, f, &reply);
        if (r >= 0)
                r = append_devices(reply, devices, n);
        bus_operation_reply(userdata, r, reply);
}

int account_method_list_devices(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct {
                const char *after;
        } o = {};
        const Option table[] = {
                { "after", OPTION_STRING, offsetof(__typeof__(o), after) },
                {},
        };
        AccountBus *b = userdata;
        AccountOp *waiting = NULL;
        BusOperation *op;
        int r;

        r = read_end(m, 0, table, &o, b, &op, error);
        if (r < 0)
                return r;
        r = account_list_devices(b->account, o.after, on_devices, op, &waiting);
        return bus_operation_park(op, r, waiting, cancel_account_op, error);
}

typedef int (*begin_fn)(Account *a, const char *argument, account_done_fn done, void *userdata,
                        AccountOp **ret_op);

static int method_with_string(sd_bus_message *m, AccountBus *b, begin_fn begin,
                              sd_bus_error *error) {
        AccountOp *waiting = NULL;
        const char *argument;
        BusOperation *op;
        int r;

        r = sd_bus_message_read_basic(m, 's', &argument);
        r = read_end(m, r, NULL, NULL, b, &op, error);
        if (r < 0)
                return r;
        r = begin(b->account, argument, on_done, op, &waiting);
        return bus_operation_park(op, r, waiting, cancel_account_op, error);
}

int account_method_revoke_device(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return method_with_string(m, userdata, account_revoke_device, error);
}

int account_method_delete(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return method_with_string(m, userdata, account_delete, error);
}
