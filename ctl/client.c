/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a call reaches the daemon and how its failure is told; leaves what is shown to the
 * verbs. */
#include "ctl/client.h"

#include <stdarg.h>

#include "ctl/print.h"
#include "dbus/names.h"
#include "wire/error.h"

static const char *const face_interfaces[] = {
        [FACE_MANAGER] = P2PCHAT_INTERFACE_MANAGER,
        [FACE_ACCOUNT] = P2PCHAT_INTERFACE_ACCOUNT,
        [FACE_CHANNEL] = P2PCHAT_INTERFACE_CHANNEL,
        [FACE_MODERATION] = P2PCHAT_INTERFACE_MODERATION,
        [FACE_HOST] = P2PCHAT_INTERFACE_HOST,
};

static int fail(Ctl *ctl, const char *name, const char *message, int exit_status) {
        if (!message) /* an error of the bus need not have one */
                message = name;
        if (ctl->json != JSON_OFF) {
                _cleanup_(writer_done) Writer w = {};

                writer_begin_object(&w, NULL);
                writer_begin_object(&w, "error");
                writer_string(&w, "name", name);
                writer_string(&w, "message", message);
                writer_end_object(&w);
                writer_end_object(&w);
                (void) print_json(ctl, &w);
        } else {
                fputs("p2pchatctl: ", stderr);
                print_escaped(stderr, message, false);
                fputc('\n', stderr);
        }
        return exit_status;
}

int client_fail(Ctl *ctl, const sd_bus_error *error, int r) {
        _cleanup_free_ char *message = NULL;
        ErrorCode code;

        if (!error || !sd_bus_error_is_set(error)) {
                bool timed_out = r == -ETIMEDOUT;

                if (asprintf(&message, "%s",
                             timed_out ? "The daemon did not answer in time; see journalctl --user "
                                         "-u p2pchatd"
                                       : strerror(-r)) < 0)
                        return EXIT_FAILED;
                return fail(ctl,
                            timed_out ? "org.p2pchat.Error.Timeout" : "org.p2pchat.Error.Internal",
                            message, timed_out ? EXIT_WAITING : EXIT_FAILED);
        }
        code = error_from_dbus(error->name);
        if (code > 0)
                return fail(ctl, error->name, error->message, error_info(code)->exit_status);
        if (sd_bus_error_has_names(error, SD_BUS_ERROR_SERVICE_UNKNOWN,
                                   SD_BUS_ERROR_NAME_HAS_NO_OWNER, SD_BUS_ERROR_DISCONNECTED,
                                   SD_BUS_ERROR_NO_SERVER,
                                   "org.freedesktop.DBus.Error.Spawn.ExecFailed",
                                   "org.freedesktop.DBus.Error.Spawn.ChildExited",
                                   "org.freedesktop.systemd1.NoSuchUnit"))
                return fail(ctl, error->name,
                            "The daemon does not run and cannot be started; try: systemctl --user "
                            "status p2pchatd",
                            EXIT_NO_DAEMON);
        if (sd_bus_error_has_names(error, SD_BUS_ERROR_UNKNOWN_OBJECT,
                                   SD_BUS_ERROR_UNKNOWN_INTERFACE))
                return fail(ctl, error->name, error->message, EXIT_NO_SUCH);
        if (sd_bus_error_has_names(error, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_TIMEOUT))
                return fail(ctl, error->name, error->message, EXIT_WAITING);
        if (sd_bus_error_has_name(error, SD_BUS_ERROR_INVALID_ARGS))
                return fail(ctl, error->name, error->message, EXIT_USAGE);
        return fail(ctl, error->name, error->message, EXIT_FAILED);
}

int client_fail_as(Ctl *ctl, const char *name, int exit_status, const char *format, ...) {
        _cleanup_free_ char *message = NULL, *full = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&message, format, ap);
        va_end(ap);
        if (n < 0) {
                message = NULL;
                return EXIT_FAILED;
        }
        if (asprintf(&full, "org.p2pchat.Error.%s", name) < 0) {
                full = NULL;
                return EXIT_FAILED;
        }
        return fail(ctl, full, message, exit_status);
}

static int client_open(Ctl *ctl) {
        if (ctl->bus)
                return 0;
        return sd_bus_open_user(&ctl->bus);
}

static int new_call(Ctl *ctl, const char *path, const char *interface, const char *method,
                    sd_bus_message **ret) {
        int r;

        r = client_open(ctl);
        if (r < 0)
                return client_fail_as(ctl, "NoBus", EXIT_NO_DAEMON,
                                      "There is no session bus to reach the daemon on (%s); is "
                                      "DBUS_SESSION_BUS_ADDRESS set?",
                                      strerror(-r));
        r = sd_bus_message_new_method_call(ctl->bus, ret, P2PCHAT_BUS_NAME, path ?: P2PCHAT_PATH,
                                           interface, method);
        if (r < 0)
                return client_fail(ctl, NULL, r);
        return EXIT_OK;
}

int client_new_call(Ctl *ctl, Face face, const char *path, const char *method,
                    sd_bus_message **ret) {
        return new_call(ctl, path, face_interfaces[face], method, ret);
}

int client_new_set(Ctl *ctl, Face face, const char *path, const char *property,
                   sd_bus_message **ret) {
        int r;

        r = new_call(ctl, path, "org.freedesktop.DBus.Properties", "Set", ret);
        if (r == EXIT_OK && sd_bus_message_append(*ret, "ss", face_interfaces[face], property) < 0)
                r = client_fail(ctl, NULL, -ENOMEM);
        return r;
}

static int append_option(sd_bus_message *m, const char *name, const char *type, va_list *ap) {
        const char *s = *type == 's' ? va_arg(*ap, const char *) : NULL;
        int r;

        if (*type == 's' && !s)
                return 0;
        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 's', name);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', type);
        if (r < 0)
                return r;
        switch (*type) {
        case 's':
                r = sd_bus_message_append_basic(m, 's', s);
                break;
        case 'b':
                r = sd_bus_message_append(m, "b", va_arg(*ap, int));
                break;
        case 'u':
                r = sd_bus_message_append(m, "u", va_arg(*ap, uint32_t));
                break;
        case 't':
                r = sd_bus_message_append(m, "t", va_arg(*ap, uint64_t));
                break;
        default:
                return -EINVAL;
        }
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r;
}

static int append_options(sd_bus_message *m, const char *after, va_list *ap) {
        const char *name;
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0 && after)
                r = sd_bus_message_append(m, "{sv}", "after", "s", after);
        while (r >= 0 && (name = va_arg(*ap, const char *))) {
                const char *type = va_arg(*ap, const char *);

                r = append_option(m, name, type, ap);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int client_append_options(Ctl *ctl, sd_bus_message *m, ...) {
        va_list ap;
        int r;

        va_start(ap, m);
        r = append_options(m, NULL, &ap);
        va_end(ap);
        return r < 0 ? client_fail(ctl, NULL, r) : EXIT_OK;
}

int client_try(Ctl *ctl, sd_bus_message *m, uint64_t timeout_usec, sd_bus_error *ret_error,
               sd_bus_message **ret_reply) {
        return sd_bus_call(ctl->bus, m, timeout_usec, ret_error, ret_reply);
}

int client_call(Ctl *ctl, sd_bus_message *m, uint64_t timeout_usec, sd_bus_message **ret_reply) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = client_try(ctl, m, timeout_usec, &error, ret_reply);
        return r < 0 ? client_fail(ctl, &error, r) : EXIT_OK;
}

static int read_page(sd_bus_message *m, const char *row, client_row_fn fn, void *userdata,
                     char **after) {
        const char *next;
        int r;

        r = sd_bus_message_enter_container(m, 'a', NULL);
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'r', row)) > 0) {
                r = fn(m, userdata);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &next);
        return r < 0 ? r : free_and_strdup(after, next);
}

int client_each_row(Ctl *ctl, Face face, const char *path, const char *method, const char *row,
                    client_row_fn fn, void *userdata, ...) {
        _cleanup_free_ char *after = NULL;
        va_list ap;
        int r;

        do {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;

                r = client_new_call(ctl, face, path, method, &m);
                if (r != EXIT_OK)
                        return r;
                va_start(ap, userdata);
                r = append_options(m, after, &ap);
                va_end(ap);
                if (r < 0)
                        return client_fail(ctl, NULL, r);
                r = client_call(ctl, m, 0, &reply);
                if (r != EXIT_OK)
                        return r;
                r = read_page(reply, row, fn, userdata, &after);
                if (r < 0)
                        return client_fail(ctl, NULL, r);
        } while (*after);
        return EXIT_OK;
}

int client_read_pairs(sd_bus_message *m, client_pair_fn fn, void *userdata) {
        const char *key;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read_basic(m, 's', &key);
                if (r >= 0)
                        r = fn(m, key, userdata);
                if (r == 0)
                        r = sd_bus_message_skip(m, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

int client_set_ignored(Ctl *ctl, const char *path, char **names) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(ctl->bus, &m, P2PCHAT_BUS_NAME, path,
                                           "org.freedesktop.DBus.Properties", "Set");
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", P2PCHAT_INTERFACE_CHANNEL, "Ignored");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_append_strv(m, names);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? client_fail(ctl, NULL, r) : client_call(ctl, m, 0, NULL);
}

int client_done(Ctl *ctl, int r) {
        if (r == EXIT_OK && ctl->json != JSON_OFF)
                print_json_text(stdout, ctl->json, "{}");
        return r;
}

struct ClientWatch {
        Ctl *ctl; /* weak */
        client_event_fn fn;
        void *userdata; /* weak */
        sd_bus_slot *signals, *owner;
};

static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        ClientWatch *w = userdata;

        w->fn(w->ctl, sd_bus_message_get_path(m), sd_bus_message_get_member(m), w->userdata);
        return 0;
}

int client_watch(Ctl *ctl, client_event_fn fn, void *userdata, ClientWatch **ret) {
        _cleanup_(client_watch_freep) ClientWatch *w = NULL;
        int r;

        r = client_open(ctl);
        if (r < 0)
                return client_fail(ctl, NULL, r);
        w = new0(ClientWatch, 1);
        if (!w)
                return client_fail(ctl, NULL, -ENOMEM);
        *w = (ClientWatch){ .ctl = ctl, .fn = fn, .userdata = userdata };
        r = sd_bus_add_match(ctl->bus, &w->signals,
                             "type='signal',sender='" P2PCHAT_BUS_NAME
                             "',path_namespace='" P2PCHAT_PATH "'",
                             on_signal, w);
        if (r >= 0)
                r = sd_bus_add_match(
                        ctl->bus, &w->owner,
                        "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
                        "arg0='" P2PCHAT_BUS_NAME "'",
                        on_signal, w);
        if (r < 0)
                return client_fail(ctl, NULL, r);
        *ret = TAKE_PTR(w);
        return EXIT_OK;
}

ClientWatch *client_watch_free(ClientWatch *w) {
        if (!w)
                return NULL;
        sd_bus_slot_unref(w->signals);
        sd_bus_slot_unref(w->owner);
        free(w);
        return NULL;
}

int client_wait(Ctl *ctl) {
        int r;

        r = sd_bus_process(ctl->bus, NULL);
        if (r != 0)
                return r < 0 ? r : 0;
        r = sd_bus_wait(ctl->bus, UINT64_MAX);
        return r < 0 && r != -EINTR ? r : 0;
}
