/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows whether the user is at this machine or away, and whether the user's services outlive the
 * last session, by logind on the system bus, and when that may have changed. Leaves what counts as
 * away to session-read.h, and who is told to its owner. */
#include "daemon/bus/session-watch.h"

#include <sys/inotify.h>

#include "base/backoff.h"
#include "base/log.h"
#include "daemon/bus/session-read.h"

#define LOOK_USEC (250 * USEC_PER_MSEC) /* several signals come with one change */
#define AWAY_USEC (3 * USEC_PER_SEC)    /* … that others are told only if it lasts */
#define GONE_USEC (10 * USEC_PER_SEC)   /* logind is restarted in less */
/* logind tells everything but that a user lingers: it is a file of the user's name there, and the
 * directory comes with the first. */
#define LINGER_PARENT "/var/lib/systemd"
#define LINGER_DIRECTORY LINGER_PARENT "/linger"
#define RETRY_BASE_USEC USEC_PER_SEC
#define RETRY_MAX_USEC (5 * USEC_PER_MINUTE)

struct SessionWatch {
        const Runtime *rt; /* weak */
        session_watch_fn fn;
        void *userdata; /* weak */
        sd_bus *bus;    /* NULL: none is there */
        ClockTimer *retry, *look, *settle;
        Backoff backoff;
        SessionRead *read;
        bool is_stale;                 /* something changed since it was begun */
        bool is_away;                  /* as fn was told last */
        int lingers;                   /* likewise */
        sd_event_source *linger_files; /* NULL: cannot be watched */
        int told;                      /* to the journal: why it is not known; 0: it is */
};

/* Not known is a state of its own, which may last for ever: said once. */
static void say(SessionWatch *w, int r) {
        if (r < 0 && w->told == 0)
                log_info("Whether you are away is not known (%s%s): you are shown online.",
                         r == -ESRCH ? "logind knows of no session" : "logind: ",
                         r == -ESRCH ? "" : strerror(-r));
        else if (r >= 0 && w->told < 0)
                log_info("Whether you are away is known by logind again.");
        w->told = MIN(r, 0);
}

static void set_away(SessionWatch *w, bool is_away) {
        clock_timer_disarm(w->settle);
        if (w->is_away == is_away)
                return;
        log_debug("The user is %s", is_away ? "away" : "back");
        w->is_away = is_away;
        w->fn(is_away, w->lingers, w->userdata);
}

static void set_lingers(SessionWatch *w, int lingers) {
        if (w->lingers == lingers)
                return;
        w->lingers = lingers;
        w->fn(w->is_away, lingers, w->userdata);
}

static void on_settled(void *userdata) {
        set_away(userdata, true);
}

static void found(SessionWatch *w, bool is_away) {
        if (!is_away)
                set_away(w, false);
        else if (!w->is_away && !clock_timer_is_armed(w->settle))
                clock_timer_arm(w->settle, AWAY_USEC);
}

static void look_in(SessionWatch *w, uint64_t usec) {
        w->is_stale = w->read;
        if (!w->read)
                clock_timer_arm(w->look, usec);
}

static void on_read(int r, bool is_away, int lingers, void *userdata) {
        SessionWatch *w = userdata;

        w->read = session_read_free(w->read);
        say(w, r);
        set_lingers(w, r < 0 ? -1 : lingers);
        found(w, is_away);
        if (w->is_stale)
                look_in(w, LOOK_USEC);
}

static void on_look(void *userdata) {
        SessionWatch *w = userdata;
        int r;

        w->is_stale = false;
        r = session_read_new(w->bus, getuid(), on_read, w, &w->read);
        if (r < 0)
                log_fields(LOG_DEBUG, r, NULL, "Cannot ask logind");
}

/* ---- the bus ---- */

static void drop(SessionWatch *w) {
        clock_timer_disarm(w->look);
        w->read = session_read_free(w->read);
        w->bus = sd_bus_close_unref(w->bus);
}

static void lose(SessionWatch *w, int r) {
        drop(w);
        say(w, r);
        set_lingers(w, -1);
        found(w, false);
        clock_timer_arm(w->retry, backoff_next(&w->backoff, w->rt->random));
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        lose(userdata, -ECONNRESET);
        return 0;
}

static int on_changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        SessionWatch *w = userdata;

        if (!clock_timer_is_armed(w->look))
                look_in(w, LOOK_USEC);
        return 0;
}

static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *name, *before, *now;

        if (sd_bus_message_read(m, "sss", &name, &before, &now) >= 0)
                look_in(userdata, *now ? LOOK_USEC : GONE_USEC);
        return 0;
}

static int on_matched(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        SessionWatch *w = userdata;

        if (sd_bus_message_is_method_error(m, NULL))
                return 0; /* what is known now may be all there is */
        backoff_reset(&w->backoff);
        return 0;
}

static const char *const matches[] = {
        "type='signal',sender='" LOGIND_NAME "',interface='" LOGIND_MANAGER "',path='" LOGIND_PATH
        "'",
        "type='signal',sender='" LOGIND_NAME "',interface='org.freedesktop.DBus.Properties',"
        "member='PropertiesChanged',path_namespace='" LOGIND_PATH "/session'",
        "type='signal',sender='" LOGIND_NAME "',interface='org.freedesktop.DBus.Properties',"
        "member='PropertiesChanged',path_namespace='" LOGIND_PATH "/user'",
};

/* Everything here is queued, nothing waits for an answer. */
static int set_up(SessionWatch *w) {
        int r;

        r = sd_bus_attach_event(w->bus, w->rt->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_bus_match_signal_async(
                        w->bus, NULL, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
                        "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, NULL, w);
        if (r >= 0)
                r = sd_bus_add_match_async(w->bus, NULL,
                                           "type='signal',sender='org.freedesktop.DBus',"
                                           "interface='org.freedesktop.DBus',"
                                           "member='NameOwnerChanged',arg0='" LOGIND_NAME "'",
                                           on_owner_changed, on_matched, w);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(matches); i++)
                r = sd_bus_add_match_async(w->bus, NULL, matches[i], on_changed, NULL, w);
        return r;
}

static void on_retry(void *userdata) {
        SessionWatch *w = userdata;
        int r;

        r = sd_bus_open_system_with_description(&w->bus, "p2pchatd-sessions");
        if (r >= 0)
                r = set_up(w);
        if (r < 0)
                lose(w, r);
        else
                on_look(w);
}

/* ---- what logind does not tell ---- */

/* The directory, or what it will be in. */
static void watch_files(SessionWatch *w, sd_event_inotify_handler_t fn) {
        const uint32_t mask = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR;

        w->linger_files = sd_event_source_disable_unref(w->linger_files);
        if (sd_event_add_inotify(w->rt->event, &w->linger_files, LINGER_DIRECTORY,
                                 mask | IN_DELETE_SELF, fn, w) < 0)
                (void) sd_event_add_inotify(w->rt->event, &w->linger_files, LINGER_PARENT, mask, fn,
                                            w);
}

static int on_files(sd_event_source *s, const struct inotify_event *e, void *userdata) {
        SessionWatch *w = userdata;

        if (e->mask & (IN_ISDIR | IN_DELETE_SELF | IN_IGNORED | IN_UNMOUNT))
                watch_files(w, on_files);
        if (w->bus && !clock_timer_is_armed(w->look))
                look_in(w, LOOK_USEC);
        return 0;
}

int session_watch_new(const Runtime *rt, session_watch_fn fn, void *userdata, SessionWatch **ret) {
        _cleanup_(session_watch_freep) SessionWatch *w = NULL;
        int r;

        w = new0(SessionWatch, 1);
        if (!w)
                return -ENOMEM;
        *w = (SessionWatch){
                .rt = rt,
                .fn = fn,
                .userdata = userdata,
                .lingers = -1,
                .backoff = { .base_usec = RETRY_BASE_USEC, .max_usec = RETRY_MAX_USEC },
        };
        r = clock_timer_new(rt->clock, on_retry, w, &w->retry);
        if (r >= 0)
                r = clock_timer_new(rt->clock, on_look, w, &w->look);
        if (r >= 0)
                r = clock_timer_new(rt->clock, on_settled, w, &w->settle);
        if (r < 0)
                return r;
        watch_files(w, on_files);
        clock_timer_arm(w->retry, 0);
        *ret = TAKE_PTR(w);
        return 0;
}

SessionWatch *session_watch_free(SessionWatch *w) {
        if (!w)
                return NULL;
        drop(w);
        sd_event_source_disable_unref(w->linger_files);
        clock_timer_free(w->retry);
        clock_timer_free(w->look);
        clock_timer_free(w->settle);
        free(w);
        return NULL;
}
