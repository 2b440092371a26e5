/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a call reaches the program's service and how its failure is told; leaves what is shown
 * to the verbs. */
#include "ctl/client/client-call.h"

#include <stdarg.h>

#include "ctl/program.h"
#include "ctl/show/escape.h"
#include "ctl/show/hint.h"
#include "ctl/show/print.h"
#include "dbus/names.h"
#include "wire/error.h"

/* Somebody looks for the password of an administrator. */
#define ASK_TIMEOUT_USEC (5 * 60 * USEC_PER_SEC)

static const char *const face_interfaces[] = {
        [FACE_MANAGER] = P2PCHAT_INTERFACE_MANAGER,
        [FACE_ACCOUNT] = P2PCHAT_INTERFACE_ACCOUNT,
        [FACE_CHANNEL] = P2PCHAT_INTERFACE_CHANNEL,
        [FACE_MODERATION] = P2PCHAT_INTERFACE_MODERATION,
        [FACE_HOST] = P2PCHAT_INTERFACE_HOST,
        [FACE_TRACKER] = P2PCHAT_TRACKER_INTERFACE_MANAGER,
        [FACE_USERS] = P2PCHAT_TRACKER_INTERFACE_USERS,
        [FACE_CHANNELS] = P2PCHAT_TRACKER_INTERFACE_CHANNELS,
        [FACE_LEASES] = P2PCHAT_TRACKER_INTERFACE_LEASES,
        [FACE_AUTHORITY] = P2PCHAT_TRACKER_INTERFACE_AUTHORITY,
        [FACE_LOG] = "org.freedesktop.LogControl1",
};

static void tell_next_step(const Ctl *ctl, const char *name, const char *message) {
        const Program *p = ctl->program;
        const char *step = p->next_step ? p->next_step(ctl, name) : NULL;

        if (step && !strstr(message, p->name))
                hint_print(ctl, stderr, _("Next: %s\n"), step);
}

static int fail(Ctl *ctl, const char *name, const char *message, int exit_status) {
        if (!message) /* an error of the bus need not have one */
                message = name;
        if (ctl->json != JSON_OFF) {
                _cleanup_(writer_done) Writer w = {};
                _cleanup_free_ char *json = NULL;

                writer_begin_object(&w, NULL);
                writer_begin_object(&w, "error");
                writer_string(&w, "name", name);
                writer_string(&w, "message", message);
                writer_end_object(&w);
                writer_end_object(&w);
                if (writer_take(&w, &json, NULL) >= 0)
                        print_json_text(stdout, ctl->json, json);
        } else {
                _cleanup_free_ char *escaped = NULL;

                if (text_escape(message, false, &escaped) >= 0 && ctl->in_chat)
                        hint_print(ctl, stderr, "! %s\n", escaped);
                else if (escaped)
                        hint_print(ctl, stderr, "%s: %s\n", ctl->program->name, escaped);
                tell_next_step(ctl, name, message);
        }
        return exit_status;
}

/* What is wrong is known, but not what to do about it: that depends on the program. */
_printf_(4, 5) static int fail_with(Ctl *ctl, const char *name, int exit_status, const char *format,
                                    ...) {
        _cleanup_free_ char *message = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&message, format, ap);
        va_end(ap);
        if (n < 0) {
                message = NULL;
                return EXIT_FAILED;
        }
        return fail(ctl, name, message, exit_status);
}

/* Nobody has the name, or who is to start the service cannot: a unit that is masked, broken, not
 * there, or that has not come up when the bus gave up waiting (TimedOut). */
static bool is_missing(const sd_bus_error *error) {
        static const char *const starting[] = { "org.freedesktop.systemd1.",
                                                "org.freedesktop.DBus.Error.Spawn.",
                                                "org.freedesktop.DBus.Error.TimedOut" };

        for (size_t i = 0; i < ELEMENTSOF(starting); i++)
                if (strncmp(error->name, starting[i], strlen(starting[i])) == 0)
                        return true;
        return sd_bus_error_has_names(error, SD_BUS_ERROR_SERVICE_UNKNOWN,
                                      SD_BUS_ERROR_NAME_HAS_NO_OWNER, SD_BUS_ERROR_DISCONNECTED,
                                      SD_BUS_ERROR_NO_SERVER);
}

static int fail_denied(Ctl *ctl, const sd_bus_error *error) {
        if (!ctl->program->denied)
                return fail(ctl, error->name, error->message, EXIT_DENIED);
        /* A bus that keeps the message back tells its rules, which help nobody. */
        if (!error->message || strncmp(error->message, "Rejected ", strlen("Rejected ")) == 0)
                return fail(ctl, error->name, _(ctl->program->denied), EXIT_DENIED);
        return fail_with(ctl, error->name, EXIT_DENIED, "%s (%s)", _(ctl->program->denied),
                         error->message);
}

static int fail_timeout(Ctl *ctl, const char *name, const char *message) {
        const Program *p = ctl->program;

        return fail_with(ctl, name, EXIT_WAITING,
                         _("%s did not answer in time%s%s%s; what it does: journalctl %s-u %s"),
                         _(p->service), message ? " (" : "", message ?: "", message ? ")" : "",
                         p->is_system ? "" : "--user ", p->unit);
}

int client_fail(Ctl *ctl, const sd_bus_error *error, int r) {
        const Program *p = ctl->program;
        ErrorCode code;

        if (!error || !sd_bus_error_is_set(error)) {
                if (r == -ECONNRESET || r == -ENOTCONN)
                        return fail_with(ctl, SD_BUS_ERROR_DISCONNECTED, EXIT_NO_DAEMON,
                                         _("The bus has gone, and with it the way to %s; try it "
                                           "again when it is back"),
                                         _(p->service));
                if (r == -ETIMEDOUT)
                        return fail_timeout(ctl, "org.p2pchat.Error.Timeout", NULL);
                return fail(ctl, "org.p2pchat.Error.Internal", strerror(-r), EXIT_FAILED);
        }
        code = error_from_dbus(error->name);
        if (code > 0)
                return fail(ctl, error->name, error->message, error_info(code)->exit_status);
        if (is_missing(error))
                return fail_with(ctl, error->name, EXIT_NO_DAEMON,
                                 _("%s does not run and cannot be started; try: systemctl %sstart "
                                   "%s; why it does not: systemctl %sstatus %s"),
                                 _(p->service), p->is_system ? "" : "--user ", p->unit,
                                 p->is_system ? "" : "--user ", p->unit);
        if (sd_bus_error_has_names(error, SD_BUS_ERROR_UNKNOWN_OBJECT,
                                   SD_BUS_ERROR_UNKNOWN_INTERFACE))
                return fail(ctl, error->name, error->message, EXIT_NO_SUCH);
        if (sd_bus_error_has_names(error, SD_BUS_ERROR_ACCESS_DENIED, SD_BUS_ERROR_AUTH_FAILED,
                                   SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED))
                return fail_denied(ctl, error);
        if (sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY))
                return fail_with(ctl, error->name, EXIT_NO_DAEMON,
                                 _("%s ended while it was asked (%s); whether it was done is not "
                                   "known: look before you do it again; why it ended: "
                                   "journalctl %s-u %s"),
                                 _(p->service), error->message ?: error->name,
                                 p->is_system ? "" : "--user ", p->unit);
        if (sd_bus_error_has_name(error, SD_BUS_ERROR_TIMEOUT))
                return fail_timeout(ctl, error->name, error->message);
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

int client_open(Ctl *ctl) {
        int r;

        if (ctl->bus)
                return EXIT_OK;
        if (ctl->program->before)
                ctl->program->before(ctl);
        r = ctl->program->is_system ? sd_bus_open_system(&ctl->bus) : sd_bus_open_user(&ctl->bus);
        if (r < 0)
                return client_fail_as(
                        ctl, "NoBus", EXIT_NO_DAEMON,
                        ctl->program->is_system
                                ? _("There is no system bus to reach %s on (%s); is D-Bus running "
                                    "on this machine? Try: systemctl status dbus")
                                : _("There is no session bus to reach %s on (%s); it is there for "
                                    "who has logged in. After su or sudo try: export "
                                    "XDG_RUNTIME_DIR=/run/user/$(id -u); without systemd: "
                                    "dbus-run-session"),
                        _(ctl->program->service), strerror(-r));
        return EXIT_OK;
}

static const char *path_of(const Ctl *ctl, Face face, const char *path) {
        return path ?: face == FACE_LOG ? "/org/freedesktop/LogControl1" : ctl->program->path;
}

static int new_call(Ctl *ctl, const char *path, const char *interface, const char *method,
                    sd_bus_message **ret) {
        int r;

        r = client_open(ctl);
        if (r != EXIT_OK)
                return r;
        r = sd_bus_message_new_method_call(ctl->bus, ret, ctl->program->bus_name, path, interface,
                                           method);
        if (r >= 0)
                r = sd_bus_message_set_allow_interactive_authorization(
                        *ret, ctl->program->is_system && !ctl->no_ask_password);
        if (r < 0)
                return client_fail(ctl, NULL, r);
        return EXIT_OK;
}

int client_new_call(Ctl *ctl, Face face, const char *path, const char *method,
                    sd_bus_message **ret) {
        return new_call(ctl, path_of(ctl, face, path), face_interfaces[face], method, ret);
}

int client_new_set(Ctl *ctl, Face face, const char *path, const char *property,
                   sd_bus_message **ret) {
        int r;

        r = new_call(ctl, path_of(ctl, face, path), "org.freedesktop.DBus.Properties", "Set", ret);
        if (r == EXIT_OK && sd_bus_message_append(*ret, "ss", face_interfaces[face], property) < 0)
                r = client_fail(ctl, NULL, -ENOMEM);
        return r;
}

int client_new_get(Ctl *ctl, Face face, const char *path, const char *property,
                   sd_bus_message **ret) {
        int r;

        r = new_call(ctl, path_of(ctl, face, path), "org.freedesktop.DBus.Properties",
                     property ? "Get" : "GetAll", ret);
        if (r == EXIT_OK &&
            sd_bus_message_append(*ret, property ? "ss" : "s", face_interfaces[face], property) < 0)
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
        if (timeout_usec == 0 && sd_bus_message_get_allow_interactive_authorization(m) > 0)
                timeout_usec = ASK_TIMEOUT_USEC;
        if (ctl->no_start) {
                int r = sd_bus_message_set_auto_start(m, false);

                if (r < 0)
                        return r;
        }
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

int client_done(Ctl *ctl, int r) {
        if (r == EXIT_OK && ctl->json != JSON_OFF)
                print_json_text(stdout, ctl->json, "{}");
        return r;
}
