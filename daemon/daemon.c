/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows a whole daemon: a manager and its face on a bus. Any number of them fit into one process;
 * leaves the process itself to main(). */
#include "daemon/daemon.h"

#include "base/log.h"
#include "bus/log-control.h"
#include "daemon/bus/account-bus.h"
#include "daemon/bus/channel-bus.h"
#include "daemon/bus/manager-bus.h"
#include "daemon/bus/notify-bus.h"
#include "daemon/bus/session-watch.h"
#include "dbus/names.h"

#define STATUS_SIZE 512
#define NOTICE_SIZE 256

struct Daemon {
        const Runtime *rt; /* weak */
        DaemonHandlers handlers;
        void *userdata; /* weak */
        Manager *manager;
        Bus *bus;
        sd_bus *given; /* NULL: none was */
        bool wants_bus;
        bool has_started, is_stopping;
        ManagerBus *manager_bus;
        AccountBus *account_bus;
        ChannelBus *channel_bus;
        Notifier *notifier;
        NotifyBus *notify_bus;
        SessionWatch *sessions; /* NULL: not watched */
        char notice[NOTICE_SIZE];
        char status[STATUS_SIZE];
};

static void update_status(Daemon *d) {
        size_t n_channels, n_members;
        char status[STATUS_SIZE];
        const char *bus = "", *store = "", *linger = "";

        if (!d->has_started || d->is_stopping)
                return;
        switch (bus_get_state(d->bus)) {
        case BUS_WAITING:
                bus = "; no session bus, trying again";
                break;
        case BUS_NAME_TAKEN:
                bus = "; another daemon has the name on this bus";
                break;
        case BUS_OFF:
        case BUS_CONNECTING:
        case BUS_READY:
        case BUS_RELEASED:
        case BUS_STATE_MAX:
        case BUS_STATE_INVALID:
                break;
        }
        switch (manager_get_store_state(d->manager)) {
        case STORE_FULL:
                store = "The disk is full, nothing new is stored; ";
                break;
        case STORE_READ_ONLY:
                store = "The disk is read-only, nothing new is stored; ";
                break;
        case STORE_FAILING:
                store = "The disk fails, nothing new is stored; ";
                break;
        case STORE_DAMAGED:
                store = "The database is damaged and being looked at; ";
                break;
        case STORE_OK:
                if (*manager_get_store_aside(d->manager))
                        store = "The database was damaged and is set aside; ";
                break;
        case STORE_STATE_MAX:
        case STORE_STATE_INVALID:
                break;
        }
        manager_get_hosting(d->manager, &n_channels, &n_members);
        if (n_channels > 0 && streq(manager_get_lingering(d->manager), "no"))
                linger = "; ends when you log out, unless: loginctl enable-linger";
        (void) snprintf(status, sizeof(status), "%s%s %zu channel%s, %zu member%s%s%s%s%s", store,
                        *store ? "hosting" : "Hosting", n_channels, n_channels == 1 ? "" : "s",
                        n_members, n_members == 1 ? "" : "s", linger, bus, *d->notice ? "; " : "",
                        d->notice);
        if (streq(status, d->status))
                return;
        memcpy(d->status, status, sizeof(status));
        if (d->handlers.on_status)
                d->handlers.on_status(d, d->status, d->userdata);
}

static void begin_bus(Daemon *d) {
        int r;

        if (!d->has_started)
                return;
        if (d->given) {
                r = bus_adopt(d->bus, d->given);
                if (r < 0)
                        log_error_errno(r, "Cannot use the given bus");
        } else if (d->wants_bus)
                bus_open(d->bus);
}

static void on_started(Manager *m, int r, void *userdata) {
        Daemon *d = userdata;

        if (r >= 0 && !d->has_started) {
                d->has_started = true;
                manager_bus_changed(d->manager_bus);
                begin_bus(d);
                update_status(d);
        }
        if (d->handlers.on_started)
                d->handlers.on_started(d, r, d->userdata);
}

static void on_changed(Manager *m, void *userdata) {
        Daemon *d = userdata;

        manager_bus_changed(d->manager_bus);
        channel_bus_hosting_changed(d->channel_bus);
        update_status(d);
}

static void on_account_added(Manager *m, Account *a, void *userdata) {
        Daemon *d = userdata;

        account_bus_set(d->account_bus, a);
        manager_bus_changed(d->manager_bus);
}

static void on_account_removed(Manager *m, Account *a, void *userdata) {
        Daemon *d = userdata;

        account_bus_set(d->account_bus, NULL);
        manager_bus_changed(d->manager_bus);
}

static void on_account_changed(Manager *m, Account *a, void *userdata) {
        Daemon *d = userdata;

        account_bus_changed(d->account_bus);
        manager_bus_changed(d->manager_bus);
}

static void on_channel_added(Manager *m, ChannelMember *c, void *userdata) {
        Daemon *d = userdata;
        int r;

        r = channel_bus_added(d->channel_bus, c);
        if (r < 0)
                log_error_errno(r, "Cannot show channel %s on the bus", channel_member_get_name(c));
        update_status(d);
}

static void on_channel_removed(Manager *m, ChannelMember *c, void *userdata) {
        Daemon *d = userdata;

        notifier_channel_removed(d->notifier, c);
        channel_bus_removed(d->channel_bus, c);
        update_status(d);
}

static void on_channel_changed(Manager *m, ChannelMember *c, void *userdata) {
        Daemon *d = userdata;

        channel_bus_changed(d->channel_bus, c);
        notifier_channel_changed(d->notifier, c);
        update_status(d);
}

static void on_entries_appended(Manager *m, ChannelMember *c, uint64_t first, uint64_t last,
                                void *userdata) {
        Daemon *d = userdata;

        channel_bus_entries_appended(d->channel_bus, c, first, last);
}

static void on_heard(Manager *m, ChannelMember *c, const Entry *entries, size_t n, void *userdata) {
        Daemon *d = userdata;

        channel_bus_heard(d->channel_bus, c, entries, n);
        notifier_heard(d->notifier, c, entries, n);
}

static void on_outbox_changed(Manager *m, ChannelMember *c, uint64_t generation, void *userdata) {
        Daemon *d = userdata;

        channel_bus_outbox_changed(d->channel_bus, c, generation);
}

static void on_members_changed(Manager *m, ChannelMember *c, uint64_t generation, void *userdata) {
        Daemon *d = userdata;

        channel_bus_members_changed(d->channel_bus, c, generation);
        update_status(d);
}

static void on_directory_changed(Manager *m, uint64_t generation, void *userdata) {
        Daemon *d = userdata;

        manager_bus_directory_changed(d->manager_bus, generation);
}

static void on_stopped(Manager *m, void *userdata) {
        Daemon *d = userdata;

        if (d->handlers.on_stopped)
                d->handlers.on_stopped(d, d->userdata);
}

static void on_progress(Manager *m, const char *step, uint64_t n_done, uint64_t n_total,
                        void *userdata) {
        Daemon *d = userdata;

        manager_bus_progress(d->manager_bus, step, n_done, n_total);
}

static int add_objects(Bus *b, sd_bus *connection, void *userdata) {
        Daemon *d = userdata;
        int r;

        r = manager_bus_add_objects(d->manager_bus, connection);
        if (r >= 0)
                r = account_bus_add_objects(d->account_bus, connection);
        if (r >= 0)
                r = channel_bus_add_objects(d->channel_bus, connection);
        if (r >= 0)
                r = notify_bus_add_matches(d->notify_bus, connection);
        if (r >= 0)
                r = log_control_add_object(connection, "p2pchatd");
        return r;
}

static void on_bus_trouble(Bus *b, BusState next, int error, const char *what, void *userdata) {
        bool was_there = bus_get_state(b) == BUS_READY || bus_get_state(b) == BUS_NAME_TAKEN;

        if (next == BUS_NAME_TAKEN)
                log_warning("%s; end it, or this one can only be reached by its peers", what);
        else
                log_fields(was_there ? LOG_WARNING : LOG_NOTICE, error, NULL,
                           "%s; peers are served all the same, and the bus is tried again", what);
}

static void on_bus_state(Bus *b, BusState state, void *userdata) {
        log_debug("The session bus is %s", bus_state_to_string(state));
        update_status(userdata);
}

void daemon_set_handlers(Daemon *d, const DaemonHandlers *handlers, void *userdata) {
        d->handlers = *handlers;
        d->userdata = userdata;
}

Manager *daemon_get_manager(Daemon *d) {
        return d->manager;
}

void daemon_open_bus(Daemon *d) {
        assert(!d->given);
        d->wants_bus = true;
        begin_bus(d);
}

static void on_sessions(bool is_away, int lingers, void *userdata) {
        Daemon *d = userdata;

        manager_set_lingers(d->manager, lingers);
        manager_set_away(d->manager, is_away);
}

int daemon_watch_sessions(Daemon *d) {
        assert(!d->sessions);
        return session_watch_new(d->rt, on_sessions, d, &d->sessions);
}

void daemon_set_notice(Daemon *d, const char *notice) {
        (void) snprintf(d->notice, sizeof(d->notice), "%s", notice);
        update_status(d);
}

void daemon_set_popups(Daemon *d, bool desktop, bool text) {
        notifier_set(d->notifier, desktop, text);
}

int daemon_start(Daemon *d) {
        return manager_start(d->manager);
}

int daemon_stop(Daemon *d) {
        d->is_stopping = true;
        return manager_stop(d->manager);
}

static const BusHandlers bus_handlers = {
        .add_objects = add_objects,
        .on_state = on_bus_state,
        .on_trouble = on_bus_trouble,
};

static const ManagerObserver observer = {
        .on_started = on_started,
        .on_changed = on_changed,
        .on_account_added = on_account_added,
        .on_account_removed = on_account_removed,
        .on_account_changed = on_account_changed,
        .on_channel_added = on_channel_added,
        .on_channel_removed = on_channel_removed,
        .on_channel_changed = on_channel_changed,
        .on_entries_appended = on_entries_appended,
        .on_heard = on_heard,
        .on_outbox_changed = on_outbox_changed,
        .on_members_changed = on_members_changed,
        .on_directory_changed = on_directory_changed,
        .on_stopped = on_stopped,
        .on_progress = on_progress,
};

int daemon_new(const Runtime *rt, sd_bus *bus, const ManagerSettings *settings, Daemon **ret) {
        _cleanup_(daemon_freep) Daemon *d = NULL;
        int r;

        d = new0(Daemon, 1);
        if (!d)
                return -ENOMEM;
        *d = (Daemon){ .rt = rt, .given = sd_bus_ref(bus) };
        r = manager_new(rt, settings, &d->manager);
        if (r >= 0)
                r = bus_new(rt, BUS_SESSION, P2PCHAT_BUS_NAME, &bus_handlers, d, &d->bus);
        if (r >= 0)
                r = notifier_new(rt, &d->notifier);
        if (r >= 0)
                r = notify_bus_new(d->bus, d->notifier, &d->notify_bus);
        if (r >= 0)
                r = manager_bus_new(rt, d->bus, d->manager, d->notifier, &d->manager_bus);
        if (r >= 0)
                r = account_bus_new(rt, d->bus, &d->account_bus);
        if (r >= 0)
                r = channel_bus_new(rt, d->bus, d->manager, &d->channel_bus);
        if (r < 0)
                return r;
        manager_set_observer(d->manager, &observer, d);
        *ret = TAKE_PTR(d);
        return 0;
}

/* Calls that wait are answered while what they wait for is still there to be cancelled; then nobody
 * asks any more, and the manager can go. */
Daemon *daemon_free(Daemon *d) {
        if (!d)
                return NULL;
        if (d->manager)
                manager_set_observer(d->manager, &(ManagerObserver){ 0 }, NULL);
        session_watch_free(d->sessions);
        bus_free(d->bus);
        channel_bus_free(d->channel_bus);
        account_bus_free(d->account_bus);
        manager_bus_free(d->manager_bus);
        manager_free(d->manager);
        notify_bus_free(d->notify_bus);
        notifier_free(d->notifier);
        sd_bus_unref(d->given);
        free(d);
        return NULL;
}
