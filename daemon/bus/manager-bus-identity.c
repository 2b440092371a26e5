/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the methods of org.p2pchat.Peer1.Manager about trackers and identities; leaves what they do
 * to manager.h and account.h. */
#include "bus/error.h"
#include "bus/options.h"
#include "daemon/bus/manager-bus-internal.h"
#include "daemon/bus/path.h"

static void on_tracker_set(const Failure *f, Account *a, void *userdata) {
        char path[BUS_PATH_SIZE];

        if (f) {
                bus_operation_fail(userdata, f);
                return;
        }
        bus_path_account(account_get_tracker_id(a), path);
        manager_bus_reply_path(userdata, path);
}

int manager_method_set_tracker(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct {
                const char *pin;
                bool trust_new;
        } o = {};
        const Option table[] = {
                { "pin", OPTION_STRING, offsetof(__typeof__(o), pin) },
                { "trust_new", OPTION_BOOL, offsetof(__typeof__(o), trust_new) },
                {},
        };
        ManagerBus *b = userdata;
        _cleanup_free_ char *host = NULL;
        ManagerOp *waiting = NULL;
        const char *address;
        BusOperation *op;
        uint16_t port;
        int r;

        r = sd_bus_message_read_basic(m, 's', &address);
        if (r >= 0)
                r = options_read(m, table, &o, error);
        if (r < 0)
                return r;
        r = host_port_parse(address, TRACKER_PORT, &host, &port);
        if (r < 0)
                return bus_error_code(error, ERROR_BAD_REQUEST,
                                      "\"%.64s\" is no address; give it as host[:port] or "
                                      "[ip6][:port].",
                                      address);
        if (o.pin && (strncmp(o.pin, "sha256:", 7) != 0 || !hex_is_valid(o.pin + 7, 64)))
                return bus_error_code(error, ERROR_BAD_REQUEST,
                                      "A pin is \"sha256:\" and 64 lower-case hex digits.");
        r = bus_operation_new(bus_get_operations(b->bus), m, NULL, &op);
        if (r < 0)
                return r;
        r = manager_set_tracker(b->manager, address, o.pin, o.trust_new, on_tracker_set, op,
                                &waiting);
        return bus_operation_park(op, r, waiting, manager_bus_cancel_manager_op, error);
}

int manager_bus_find_account(ManagerBus *b, const char *path, Account **ret, sd_bus_error *error) {
        Account *a = manager_get_account(b->manager);
        char ours[BUS_PATH_SIZE];
        Failure f;

        if (!a && manager_check_store(b->manager, &f) < 0)
                return bus_error_failure(error, &f);
        if (!a)
                return bus_error_code(error, ERROR_TRACKER_UNREACHABLE,
                                      "No tracker is set; set one first (p2pchatctl tracker "
                                      "ADDRESS).");
        if (path) {
                bus_path_account(account_get_tracker_id(a), ours);
                if (!streq(path, ours))
                        return bus_error_arguments(error, "There is no account %.64s.", path);
        }
        *ret = a;
        return 0;
}

static void on_signed_in(const Failure *f, const char *recovery_code, void *userdata) {
        bus_operation_done(userdata, f);
}

static void on_recovery_code(const Failure *f, const char *recovery_code, void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = bus_operation_new_reply(userdata, f, &reply);
        if (r >= 0)
                r = sd_bus_message_sensitive(reply);
        if (r >= 0)
                r = recovery_code ? sd_bus_message_append(reply, "a{sv}", 1, "recovery_code", "s",
                                                          recovery_code)
                                  : sd_bus_message_append(reply, "a{sv}", 0);
        bus_operation_reply(userdata, r, reply);
}

/* What a method begins with: its strings in order, borrowed from the call. */
#define STRINGS_MAX 3
typedef int (*sign_in_fn)(Account *a, const char *const *strings, account_signed_in_fn done,
                          void *userdata, AccountOp **ret_op);

static int sign_up(Account *a, const char *const *s, account_signed_in_fn done, void *userdata,
                   AccountOp **ret_op) {
        return account_sign_up(a, s[0], s[1], done, userdata, ret_op);
}

static int sign_in(Account *a, const char *const *s, account_signed_in_fn done, void *userdata,
                   AccountOp **ret_op) {
        return account_sign_in(a, s[0], s[1], done, userdata, ret_op);
}

static int recover(Account *a, const char *const *s, account_signed_in_fn done, void *userdata,
                   AccountOp **ret_op) {
        return account_recover(a, s[0], s[1], s[2], done, userdata, ret_op);
}

static int sign_in_guest(Account *a, const char *const *s, account_signed_in_fn done,
                         void *userdata, AccountOp **ret_op) {
        return account_sign_in_guest(a, s[0], done, userdata, ret_op);
}

static int begin_sign_in(sd_bus_message *m, ManagerBus *b, unsigned n_strings, sign_in_fn begin,
                         account_signed_in_fn done, sd_bus_error *error) {
        struct {
                const char *account;
        } o = {};
        const Option table[] = { { "account", OPTION_OBJECT, 0 }, {} };
        const char *strings[STRINGS_MAX] = {};
        AccountOp *waiting = NULL;
        BusOperation *op;
        Account *a;
        int r = 0;

        assert(n_strings <= STRINGS_MAX);
        for (unsigned i = 0; i < n_strings && r >= 0; i++)
                r = sd_bus_message_read_basic(m, 's', &strings[i]);
        if (r >= 0)
                r = options_read(m, table, &o, error);
        if (r >= 0)
                r = manager_bus_find_account(b, o.account, &a, error);
        if (r < 0)
                return r;
        r = bus_operation_new(bus_get_operations(b->bus), m, a, &op);
        if (r < 0)
                return r;
        r = begin(a, strings, done, op, &waiting);
        return bus_operation_park(op, r, waiting, manager_bus_cancel_account_op, error);
}

int manager_method_sign_up(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return begin_sign_in(m, userdata, 2, sign_up, on_recovery_code, error);
}

int manager_method_sign_in(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return begin_sign_in(m, userdata, 2, sign_in, on_signed_in, error);
}

int manager_method_recover(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return begin_sign_in(m, userdata, 3, recover, on_recovery_code, error);
}

int manager_method_sign_in_guest(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return begin_sign_in(m, userdata, 1, sign_in_guest, on_signed_in, error);
}
