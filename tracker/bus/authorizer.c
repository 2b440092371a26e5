/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how polkit is asked whether a caller may do something; leaves what that is, and doing it,
 * to door.h. */
#include "tracker/bus/authorizer.h"

#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "bus/error.h"

#define POLKIT_NAME "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"
#define POLKIT_ALLOW_USER_INTERACTION 1

#define ERROR_NAME_TIMED_OUT "org.freedesktop.DBus.Error.TimedOut"

#define CALLER_SIZE 256 /* the bus has no longer names */
#define WAITING_MAX 256 /* questions, ≈ 1 KiB each with the call that waits for it */
/* What one program, or one person with many, may have waiting: others find room. */
#define WAITING_PER_CALLER_MAX 8
#define WAITING_PER_USER_MAX 32
#define BUS_USEC (25 * USEC_PER_SEC)
#define POLKIT_USEC (25 * USEC_PER_SEC)
#define PERSON_USEC (2 * USEC_PER_MINUTE) /* to find the password and type it */

struct Authorizer {
        sd_bus *bus;
        Authorization *questions;
        size_t n;
        uint64_t n_asked;
        bool is_failing; /* polkit does, and the operator was told */
};

struct Authorization {
        Authorizer *authorizer; /* weak */
        char caller[CALLER_SIZE];
        const char *action; /* weak */
        bool is_interactive, is_at_polkit;
        uint32_t uid; /* UINT32_MAX: not known yet */
        char cancellation_id[32];
        sd_bus_slot *slot;
        authorize_fn done;
        void *userdata;             /* weak */
        Authorization *prev, *next; /* Authorizer.questions */
};

int authorizer_new(sd_bus *bus, Authorizer **ret) {
        Authorizer *a;

        a = new0(Authorizer, 1);
        if (!a)
                return -ENOMEM;
        a->bus = sd_bus_ref(bus);
        *ret = a;
        return 0;
}

Authorizer *authorizer_free(Authorizer *a) {
        if (!a)
                return NULL;
        while (a->questions)
                authorization_free(a->questions);
        sd_bus_unref(a->bus);
        free(a);
        return NULL;
}

/* A window that asks for a password goes away; whether polkit hears it is not waited for. */
static void cancel_at_polkit(const Authorization *q) {
        (void) sd_bus_call_method_async(q->authorizer->bus, NULL, POLKIT_NAME, POLKIT_PATH,
                                        POLKIT_INTERFACE, "CancelCheckAuthorization", NULL, NULL,
                                        "s", q->cancellation_id);
}

static void unlink_question(Authorization *q) {
        DL_DELETE(q->authorizer->questions, q);
        q->authorizer->n--;
        sd_bus_slot_unref(q->slot);
        free(q);
}

Authorization *authorization_free(Authorization *q) {
        if (!q)
                return NULL;
        if (q->is_at_polkit)
                cancel_at_polkit(q);
        unlink_question(q);
        return NULL;
}

static void finish(Authorization *q, const sd_bus_error *error) {
        authorize_fn done = q->done;
        void *userdata = q->userdata;
        uint32_t uid = q->uid;

        unlink_question(q);
        done(error, uid, userdata);
}

static _printf_(3, 4) void refuse(Authorization *q, const char *name, const char *format, ...) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        va_list ap;

        va_start(ap, format);
        (void) sd_bus_error_setfv(&error, name, format, ap);
        va_end(ap);
        finish(q, &error);
}

static void refuse_code(Authorization *q, ErrorCode code, const char *message) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        (void) bus_error_code(&error, code, "%s", message);
        finish(q, &error);
}

static bool is_absent(const sd_bus_error *e) {
        static const char *const names[] = {
                SD_BUS_ERROR_SERVICE_UNKNOWN,
                SD_BUS_ERROR_NAME_HAS_NO_OWNER,
                "org.freedesktop.systemd1.NoSuchUnit",
                "org.freedesktop.systemd1.UnitMasked",
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (sd_bus_error_has_name(e, names[i]))
                        return true;
        return strncmp(e->name, "org.freedesktop.DBus.Error.Spawn.", 33) == 0;
}

static bool is_silent(const sd_bus_error *e) {
        return sd_bus_error_has_name(e, SD_BUS_ERROR_NO_REPLY) ||
               sd_bus_error_has_name(e, SD_BUS_ERROR_TIMEOUT) ||
               sd_bus_error_has_name(e, ERROR_NAME_TIMED_OUT) ||
               sd_bus_error_has_name(e, SD_BUS_ERROR_DISCONNECTED);
}

/* Anybody can make us ask: the first time is told, until it works again. */
static void tell_failing(Authorizer *a, const char *reason) {
        if (!a->is_failing)
                log_warning("polkit cannot be asked who may do what, so that only root may: %s",
                            reason);
        a->is_failing = true;
}

static void polkit_failed(Authorization *q, const sd_bus_error *e) {
        tell_failing(q->authorizer, e->message ?: e->name);
        if (is_absent(e))
                refuse(q, SD_BUS_ERROR_ACCESS_DENIED,
                       "There is no polkit on this bus: only root may do this.");
        else if (is_silent(e)) {
                if (sd_bus_error_has_name(e, SD_BUS_ERROR_TIMEOUT) ||
                    sd_bus_error_has_name(e, ERROR_NAME_TIMED_OUT))
                        cancel_at_polkit(q);
                refuse_code(q, ERROR_TIMEOUT,
                            "polkit has not said whether this is allowed, so nothing was done. Ask "
                            "again, or as root.");
        } else
                refuse(q, SD_BUS_ERROR_ACCESS_DENIED,
                       "polkit could not say whether this is allowed (%s). Root may do it.",
                       e->message ?: e->name);
}

static int on_polkit_answer(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        Authorization *q = userdata;
        int is_authorized, is_challenge, r;

        q->is_at_polkit = false;
        if (sd_bus_message_is_method_error(m, NULL)) {
                polkit_failed(q, sd_bus_message_get_error(m));
                return 0;
        }
        r = sd_bus_message_enter_container(m, 'r', "bba{ss}");
        if (r >= 0)
                r = sd_bus_message_read(m, "bb", &is_authorized, &is_challenge);
        if (r < 0) {
                tell_failing(q->authorizer, "its answer is none.");
                refuse(q, SD_BUS_ERROR_ACCESS_DENIED,
                       "polkit said something that cannot be understood. Root may do it.");
                return 0;
        }
        q->authorizer->is_failing = false;
        if (is_authorized)
                finish(q, NULL);
        else if (is_challenge && !q->is_interactive)
                refuse(q, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                       "This needs the action %s: authenticate, or ask as root.", q->action);
        else
                refuse(q, SD_BUS_ERROR_ACCESS_DENIED,
                       "You may not do this: it needs the action %s of polkit.", q->action);
        return 0;
}

static int ask_polkit(Authorization *q) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        Authorizer *a = q->authorizer;
        int r;

        (void) snprintf(q->cancellation_id, sizeof(q->cancellation_id), "p2pchat-%" PRIu64,
                        ++a->n_asked);
        r = sd_bus_message_new_method_call(a->bus, &m, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE,
                                           "CheckAuthorization");
        if (r >= 0)
                r = sd_bus_message_append(
                        m, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s", q->caller,
                        q->action, 0,
                        (uint32_t) (q->is_interactive ? POLKIT_ALLOW_USER_INTERACTION : 0),
                        q->cancellation_id);
        if (r >= 0)
                r = sd_bus_call_async(a->bus, &q->slot, m, on_polkit_answer, q,
                                      q->is_interactive ? PERSON_USEC : POLKIT_USEC);
        if (r >= 0)
                q->is_at_polkit = true;
        return r;
}

static size_t count_waiting(const Authorizer *a, const char *caller, uint32_t uid) {
        const Authorization *q;
        size_t n = 0;

        DL_FOREACH(a->questions, q)
                n += caller ? streq(q->caller, caller) : q->uid == uid;
        return n;
}

static int on_user(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        Authorization *q = userdata;
        uint32_t uid;

        q->slot = sd_bus_slot_unref(q->slot);
        if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "u", &uid) < 0) {
                refuse(q, SD_BUS_ERROR_ACCESS_DENIED, "The bus does not say who asks.");
                return 0;
        }
        if (uid == 0) {
                q->uid = 0;
                finish(q, NULL);
        } else if (count_waiting(q->authorizer, NULL, uid) >= WAITING_PER_USER_MAX)
                refuse_code(q, ERROR_BUSY,
                            "Too many of your calls wait for polkit already; try again later.");
        else {
                q->uid = uid;
                if (ask_polkit(q) < 0)
                        refuse_code(q, ERROR_INTERNAL, "polkit cannot be asked.");
        }
        return 0;
}

int authorize(Authorizer *a, const char *caller, const char *action, bool interactive,
              authorize_fn done, void *userdata, Authorization **ret) {
        _cleanup_(authorization_freep) Authorization *q = NULL;
        int r;

        if (!caller || strlen(caller) >= CALLER_SIZE)
                return -EINVAL;
        if (a->n >= WAITING_MAX || count_waiting(a, caller, 0) >= WAITING_PER_CALLER_MAX)
                return -EBUSY;
        q = new0(Authorization, 1);
        if (!q)
                return -ENOMEM;
        *q = (Authorization){
                .authorizer = a,
                .action = action,
                .is_interactive = interactive,
                .uid = UINT32_MAX,
                .done = done,
                .userdata = userdata,
        };
        (void) snprintf(q->caller, sizeof(q->caller), "%s", caller);
        DL_APPEND(a->questions, q);
        a->n++;
        r = sd_bus_call_method_async(a->bus, &q->slot, "org.freedesktop.DBus",
                                     "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                     "GetConnectionUnixUser", on_user, q, "s", caller);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(q);
        return 0;
}
