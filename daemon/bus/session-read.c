/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how logind is asked whether a user is at the machine, and what counts as that. Leaves when
 * to ask to session-watch.h. */
#include "daemon/bus/session-read.h"

#define SESSIONS_MAX 64 /* of one user that are looked at; logind's default for all is 8192 */

struct SessionRead {
        sd_bus *bus; /* weak: who asks ends this first */
        session_read_fn fn;
        void *userdata; /* weak */
        sd_bus_slot *calls[SESSIONS_MAX];
        size_t n_calls, n_pending;
        bool is_here;
        int lingers; /* -1: not known */
};

typedef struct Session {
        const char *class, *type, *state;
        int active, idle, locked;
} Session;

static const struct {
        const char *name;
        char type;
        size_t offset;
} session_properties[] = {
        { "Class", 's', offsetof(Session, class) },
        { "Type", 's', offsetof(Session, type) },
        { "State", 's', offsetof(Session, state) },
        { "Active", 'b', offsetof(Session, active) },
        { "IdleHint", 'b', offsetof(Session, idle) },
        { "LockedHint", 'b', offsetof(Session, locked) },
};

static int read_property(sd_bus_message *m, Session *s) {
        const char *name, *contents;
        int r;

        r = sd_bus_message_read_basic(m, 's', &name);
        if (r >= 0)
                r = sd_bus_message_peek_type(m, NULL, &contents);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(session_properties); i++) {
                const char type[] = { session_properties[i].type, 0 };

                if (streq(name, session_properties[i].name) && streq(contents, type))
                        return sd_bus_message_read(m, "v", type,
                                                   (char *) s + session_properties[i].offset);
        }
        return sd_bus_message_skip(m, "v");
}

static int read_session(sd_bus_message *m, Session *ret) {
        int r;

        *ret = (Session){ .class = "", .type = "", .state = "" };
        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = read_property(m, ret);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r;
}

static bool is_somebody(const Session *s) {
        return strncmp(s->class, "user", strlen("user")) == 0 && *s->type &&
               !streq(s->type, "unspecified") && !streq(s->state, "closing");
}

static int end(SessionRead *q, int r) {
        q->fn(r, r >= 0 && !q->is_here, q->lingers, q->userdata);
        return 0;
}

/* One that cannot be read has ended meanwhile. */
static int on_session(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        SessionRead *q = userdata;
        Session s;

        if (!sd_bus_message_is_method_error(m, NULL) && read_session(m, &s) >= 0 &&
            is_somebody(&s) && s.active && !s.idle && !s.locked)
                q->is_here = true;
        return --q->n_pending > 0 ? 0 : end(q, 0);
}

/* It is not started for this. */
static int call(SessionRead *q, const char *path, const char *interface, const char *method,
                sd_bus_message_handler_t fn, const char *types, ...) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        va_list ap;
        int r;

        r = sd_bus_message_new_method_call(q->bus, &m, LOGIND_NAME, path, interface, method);
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, false);
        if (r < 0)
                return r;
        va_start(ap, types);
        r = sd_bus_message_appendv(m, types, ap);
        va_end(ap);
        if (r >= 0)
                r = sd_bus_call_async(q->bus, &q->calls[q->n_calls], m, fn, q, 0);
        if (r < 0)
                return r;
        q->n_calls++;
        q->n_pending++;
        return 0;
}

static void forget_calls(SessionRead *q) {
        for (size_t i = 0; i < q->n_calls; i++)
                sd_bus_slot_unref(q->calls[i]);
        q->n_calls = q->n_pending = 0;
}

static int on_sessions(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        SessionRead *q = userdata;
        const char *path;
        int r;

        forget_calls(q);
        if (sd_bus_message_is_method_error(m, NULL))
                return end(q, -sd_bus_message_get_errno(m));
        r = sd_bus_message_enter_container(m, 'v', "a(so)");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "(so)");
        while (r >= 0 && q->n_calls < ELEMENTSOF(q->calls) &&
               (r = sd_bus_message_read(m, "(so)", NULL, &path)) > 0)
                r = call(q, path, "org.freedesktop.DBus.Properties", "GetAll", on_session, "s",
                         LOGIND_NAME ".Session");
        return r < 0 || q->n_pending == 0 ? end(q, r) : 0;
}

/* Asked ahead of the sessions, and answered ahead of them. */
static int on_linger(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        SessionRead *q = userdata;
        int lingers;

        if (!sd_bus_message_is_method_error(m, NULL) &&
            sd_bus_message_read(m, "v", "b", &lingers) >= 0)
                q->lingers = lingers;
        return 0;
}

static int on_user(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        SessionRead *q = userdata;
        const char *path;
        int r;

        forget_calls(q);
        if (sd_bus_message_is_method_error(m, LOGIND_NAME ".NoSuchUser"))
                return end(q, -ESRCH);
        if (sd_bus_message_is_method_error(m, NULL))
                return end(q, -sd_bus_message_get_errno(m));
        r = sd_bus_message_read_basic(m, 'o', &path);
        if (r >= 0)
                r = call(q, path, "org.freedesktop.DBus.Properties", "Get", on_linger, "ss",
                         LOGIND_NAME ".User", "Linger");
        if (r >= 0)
                r = call(q, path, "org.freedesktop.DBus.Properties", "Get", on_sessions, "ss",
                         LOGIND_NAME ".User", "Sessions");
        return r < 0 ? end(q, r) : 0;
}

int session_read_new(sd_bus *bus, uid_t uid, session_read_fn fn, void *userdata,
                     SessionRead **ret) {
        _cleanup_(session_read_freep) SessionRead *q = NULL;
        int r;

        q = new0(SessionRead, 1);
        if (!q)
                return -ENOMEM;
        *q = (SessionRead){ .bus = bus, .fn = fn, .userdata = userdata, .lingers = -1 };
        r = call(q, LOGIND_PATH, LOGIND_MANAGER, "GetUser", on_user, "u", (uint32_t) uid);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(q);
        return 0;
}

SessionRead *session_read_free(SessionRead *q) {
        if (!q)
                return NULL;
        forget_calls(q);
        free(q);
        return NULL;
}
