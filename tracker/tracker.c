/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows a whole tracker: what it consists of, in which order it comes and goes; leaves all doing to
 * the parts. */
#include <utlist.h>

#include "base/log-pace.h"
#include "tracker/authority.h"
#include "tracker/db-sqlite.h"
#include "tracker/message-ids.h"
#include "tracker/tracker-internal.h"
#include "wire/limits.h"

/* A disk that hangs holds nobody up for longer: what is not answered is asked again. */
#define ANSWER_USEC_MAX (3 * USEC_PER_SEC)
#define STOP_USEC (3 * USEC_PER_SEC)         /* whoever has not left by then is cut */
#define RESUME_BASE_USEC (2 * USEC_PER_SEC)  /* a restart takes less */
#define RESUME_EACH_USEC (2 * USEC_PER_MSEC) /* 500 handshakes a second are no burden */
#define STATUS_USEC USEC_PER_SEC

struct Client {
        Tracker *tracker; /* weak */
        Session *session;
        Client *prev, *next;
};

static void client_free(Client *c) {
        Tracker *t = c->tracker;
        bool ready = session_is_ready(c->session);
        Address address = *session_get_address(c->session);

        DL_DELETE(t->clients, c);
        t->n_clients--;
        t->n_ready -= ready;
        session_free(c->session);
        free(c);
        if (t->listener)
                listener_conn_closed(t->listener, &address, ready);
}

static bool is_idle(void *userdata) {
        Tracker *t = userdata;

        return t->is_loaded && !t->services.is_stopping && t->n_clients == 0 && t->n_held == 0 &&
               t->trouble == 0 && directory_count_online(registry_get_directory(t->registry)) == 0;
}

static bool on_idle(void *userdata) {
        Tracker *t = userdata;

        /* Who has dialled already is served by this process: the next one would start for him only to
         * come here again. */
        if (t->listener && listener_is_dialled(t->listener))
                return false;
        return t->handlers.on_idle && t->handlers.on_idle(t, t->userdata);
}

void tracker_status_changed(Tracker *t) {
        idle_look(t->idle);
        if (t->is_loaded && !clock_timer_is_armed(t->status_timer))
                clock_timer_arm(t->status_timer, STATUS_USEC);
}

static void on_status(void *userdata) {
        Tracker *t = userdata;
        size_t n_online = directory_count_online(registry_get_directory(t->registry));
        char text[sizeof(t->status)];

        snprintf(text, sizeof(text), "%s%zu session%s, %zu channel%s online",
                 t->trouble == 0          ? ""
                 : t->trouble == -EBADMSG ? "The database is damaged; "
                                          : "The disk cannot be used; ",
                 t->n_ready, t->n_ready == 1 ? "" : "s", n_online, n_online == 1 ? "" : "s");
        if (streq(text, t->status))
                return;
        strcpy(t->status, text);
        if (t->handlers.on_status)
                t->handlers.on_status(t, text, t->userdata);
}

static void stopped(Tracker *t) {
        clock_timer_disarm(t->stop_timer);
        if (t->handlers.on_stopped)
                t->handlers.on_stopped(t, t->userdata);
}

static void on_session_ready(Session *s, void *userdata) {
        Client *c = userdata;
        Tracker *t = c->tracker;

        t->n_ready++;
        if (t->listener)
                listener_conn_handshaked(t->listener, session_get_address(s));
        tracker_status_changed(t);
}

static void check_stop(Tracker *t) {
        if (t->services.is_stopping && !t->has_said_goodbye && tracker_get_n_waiting(t) == 0 &&
            t->n_held == 0)
                clock_timer_arm(t->stop_timer, 0);
}

static void on_session_idle(Session *s, void *userdata) {
        Client *c = userdata;

        check_stop(c->tracker);
}

static void on_session_closed(Session *s, void *userdata) {
        Client *c = userdata;
        Tracker *t = c->tracker;

        client_free(c);
        tracker_status_changed(t);
        check_stop(t);
        if (t->has_said_goodbye && !t->clients)
                stopped(t);
}

static int accept_conn(Tracker *t, int fd, const Address *peer) {
        static const ConnHandlers no_handlers = { 0 };
        static const SessionHandlers handlers = {
                .on_ready = on_session_ready,
                .on_closed = on_session_closed,
                .on_idle = on_session_idle,
        };
        Client *c;
        Conn *conn;
        int r;

        r = conn_new(t->rt, fd, peer, authority_get_tls(t->authority), true, &no_handlers, NULL,
                     &conn);
        if (r < 0)
                return r;
        c = new0(Client, 1);
        if (!c) {
                conn_free(conn);
                return -ENOMEM;
        }
        c->tracker = t;
        r = session_new(&t->services, conn, ++t->n_accepted, &handlers, c, &c->session);
        if (r < 0) {
                free(c);
                return r;
        }
        DL_APPEND(t->clients, c);
        t->n_clients++;
        idle_look(t->idle);
        return 0;
}

static void on_conn(Listener *l, int fd, const Address *peer, void *userdata) {
        Tracker *t = userdata;
        int r;

        r = accept_conn(t, fd, peer);
        if (r < 0) {
                log_warning_errno(r, "Cannot serve a new connection");
                listener_conn_closed(l, peer, false);
        }
}

static void on_refused(Listener *l, const Address *peer, const char *which_cap, uint64_t n_refused,
                       void *userdata) {
        Tracker *t = userdata;
        char ip[ADDRESS_STRING_SIZE];

        address_print_ip(peer, ip);
        log_paced(t->rt->pace, ip, LOG_WARNING,
                  LOG_FIELDS("MESSAGE_ID", MESSAGE_TRACKER_CONNECTION_REFUSED, "CHAT_PEER", ip,
                             "CHAT_LIMIT", which_cap),
                  "Refused a connection from %s: too many (%s), %llu so far.", ip, which_cap,
                  (unsigned long long) n_refused);
}

static int serve(Tracker *t) {
        static const ListenerHandlers handlers = { .on_conn = on_conn, .on_refused = on_refused };
        int r;

        r = watch_new(t->rt, registry_get_directory(t->registry), &t->watch);
        if (r < 0)
                return r;
        t->services.watch = t->watch;
        return listener_new(t->rt, TAKE_FD(t->listen_fd), &handlers, t, &t->listener);
}

static void on_authority(void *userdata) {
        Tracker *t = userdata;
        Client *c;

        DL_FOREACH(t->clients, c)
                session_tell_authority(c->session, authority_get_ca_pem(t->authority));
}

static int check_peer(const Subject *peer, void *userdata) {
        Tracker *t = userdata;

        return revocations_has(t->revocations, peer->key_id) ? -EKEYREVOKED : 0;
}

static void on_revoked(const char *user, const DbRevocation *revoked, size_t n, bool is_deleted,
                       void *userdata) {
        Tracker *t = userdata;
        char count[24];
        Client *c, *tmp;
        int r;

        r = revocations_add(t->revocations, revoked, n);
        if (r < 0)
                log_error_errno(r, "Cannot keep that keys of %s were revoked", user);
        snprintf(count, sizeof(count), "%zu", n);
        log_fields(LOG_NOTICE, 0,
                   LOG_FIELDS("MESSAGE_ID", MESSAGE_TRACKER_KEYS_REVOKED, "CHAT_USER", user,
                              "CHAT_KEYS", count, "CHAT_KEY", n == 1 ? revoked[0].key : NULL),
                   "%zu key%s of %s revoked.", n, n == 1 ? "" : "s", user);
        registry_end_leases(t->registry, user, revoked, n);
        if (is_deleted) {
                log_fields(LOG_NOTICE, 0,
                           LOG_FIELDS("MESSAGE_ID", MESSAGE_TRACKER_DELETED, "CHAT_USER", user),
                           "The account of %s is deleted.", user);
                registry_forget_owner(t->registry, user);
        }
        DL_FOREACH_SAFE(t->clients, c, tmp)
                if (session_is_revoked(c->session))
                        session_go_away(c->session, "revoked", 0);
}

static void on_revocations_ready(Revocations *v, int r, void *userdata) {
        Tracker *t = userdata;

        if (r < 0) {
                tracker_database_failed(t, r);
                return;
        }
        t->is_loaded = true;
        r = serve(t);
        if (r < 0)
                log_error_errno(r, "Cannot listen");
        else
                tracker_status_changed(t);
        if (t->handlers.on_ready)
                t->handlers.on_ready(t, r, t->userdata);
}

static void on_registry_ready(Registry *g, int r, void *userdata) {
        Tracker *t = userdata;

        if (r >= 0)
                r = revocations_new(t->rt, t->db, on_revocations_ready, t, &t->revocations);
        t->services.revocations = t->revocations;
        if (r < 0)
                tracker_database_failed(t, r);
}

static void on_registry_change(Registry *g, void *userdata) {
        Tracker *t = userdata;

        if (t->watch)
                watch_changed(t->watch);
        tracker_status_changed(t);
}

static void say_goodbye(Tracker *t) {
        uint64_t spread = RESUME_BASE_USEC + t->n_clients * RESUME_EACH_USEC;
        Client *c, *tmp;

        t->has_said_goodbye = true;
        clock_timer_arm(t->stop_timer, t->clients ? STOP_USEC : 0);
        DL_FOREACH_SAFE(t->clients, c, tmp)
                session_go_away(c->session, "stopping", spread);
}

static void on_stop_timer(void *userdata) {
        Tracker *t = userdata;

        if (!t->has_said_goodbye) {
                say_goodbye(t);
                return;
        }
        while (t->clients)
                client_free(t->clients);
        stopped(t);
}

static int load(Tracker *t) {
        static const RegistryHandlers handlers = {
                .on_ready = on_registry_ready,
                .on_change = on_registry_change,
        };
        int r;

        t->revocations = t->services.revocations = revocations_free(t->revocations);
        t->registry = t->services.registry = registry_free(t->registry);
        r = registry_new(t->rt, t->db, t->settings->lease_seconds * USEC_PER_SEC, &handlers, t,
                         &t->registry);
        t->services.registry = t->registry;
        return r;
}

static void on_load_timer(void *userdata) {
        Tracker *t = userdata;
        int r;

        r = db_get_trouble(t->db) == 0 ? load(t) : -EAGAIN;
        if (r < 0)
                clock_timer_arm(t->load_timer, LOAD_RETRY_USEC);
}

static int start(Tracker *t) {
        const TrackerSettings *s = t->settings;
        int r;

        r = tracker_database_find(s, &t->path);
        if (r < 0)
                return r;
        r = clock_timer_new(t->rt->clock, on_status, t, &t->status_timer);
        if (r < 0)
                return r;
        r = idle_new(t->rt, is_idle, on_idle, t, &t->idle);
        if (r < 0)
                return r;
        idle_set_usec(t->idle, s->idle_exit_usec);
        r = clock_timer_new(t->rt->clock, on_stop_timer, t, &t->stop_timer);
        if (r < 0)
                return r;
        r = clock_timer_new(t->rt->clock, on_load_timer, t, &t->load_timer);
        if (r < 0)
                return r;
        r = authority_new(t->rt, s->state_directory, s->credentials_directory, &t->authority);
        if (r < 0)
                return r;
        r = db_sqlite_new(t->rt, t->path, &t->db);
        if (r < 0)
                return r;
        db_watch(t->db, tracker_database_trouble, t);
        r = accounts_new(t->rt, s, t->authority, t->db, &t->accounts);
        if (r < 0)
                return r;
        accounts_on_revoked(t->accounts, on_revoked, t);
        authority_set_check(t->authority, check_peer, t);
        authority_on_changed(t->authority, on_authority, t);
        r = load(t);
        if (r < 0)
                return r;
        r = holders_new(&t->holders);
        if (r < 0)
                return r;
        t->services = (Services){
                .rt = t->rt,
                .holders = t->holders,
                .accounts = t->accounts,
                .registry = t->registry,
        };
        return 0;
}

int tracker_new(const Runtime *rt, const TrackerSettings *settings, int listen_fd, Tracker **ret) {
        _cleanup_(tracker_freep) Tracker *t = NULL;
        int r;

        t = new0(Tracker, 1);
        if (!t) {
                close_fd(listen_fd);
                return -ENOMEM;
        }
        *t = (Tracker){ .rt = rt, .settings = settings, .listen_fd = listen_fd };
        t->started = clock_boottime(rt->clock);
        r = start(t);
        if (r < 0)
                return log_error_errno(r, "Cannot start the tracker");
        *ret = TAKE_PTR(t);
        return 0;
}

Tracker *tracker_free(Tracker *t) {
        if (!t)
                return NULL;
        /* The door, then who is inside, then what serves them: nobody is answered any more. */
        listener_free(TAKE_PTR(t->listener));
        while (t->clients)
                client_free(t->clients);
        watch_free(t->watch);
        holders_free(t->holders);
        revocations_free(t->revocations);
        registry_free(t->registry);
        accounts_free(t->accounts);
        db_free(t->db);
        authority_free(t->authority);
        idle_free(t->idle);
        clock_timer_free(t->status_timer);
        clock_timer_free(t->stop_timer);
        clock_timer_free(t->load_timer);
        free(t->path);
        close_fd(t->listen_fd);
        free(t);
        return NULL;
}

void tracker_set_handlers(Tracker *t, const TrackerHandlers *handlers, void *userdata) {
        t->handlers = *handlers;
        t->userdata = userdata;
}

void tracker_settings_changed(Tracker *t) {
        accounts_settings_changed(t->accounts);
        idle_set_usec(t->idle, t->settings->idle_exit_usec);
}

void tracker_stop(Tracker *t) {
        if (t->services.is_stopping)
                return;
        t->services.is_stopping = true;
        listener_free(TAKE_PTR(t->listener));
        clock_timer_arm(t->stop_timer, ANSWER_USEC_MAX);
        check_stop(t);
}

const char *tracker_get_pin(const Tracker *t) {
        return authority_get_pin(t->authority);
}

const char *tracker_get_id(const Tracker *t) {
        return authority_get_tracker_id(t->authority);
}

int tracker_get_address(const Tracker *t, Address *ret) {
        return t->listener ? listener_get_address(t->listener, ret) : -EAGAIN;
}

size_t tracker_get_n_waiting(const Tracker *t) {
        const Client *c;
        size_t n = 0;

        DL_FOREACH(t->clients, c)
                n += !session_is_idle(c->session);
        return n;
}

Db *tracker_get_db(Tracker *t) {
        return t->db;
}

Accounts *tracker_get_accounts(Tracker *t) {
        return t->accounts;
}

Registry *tracker_get_registry(Tracker *t) {
        return t->registry;
}

Authority *tracker_get_authority(Tracker *t) {
        return t->authority;
}

void tracker_hold(Tracker *t) {
        t->n_held++;
        idle_look(t->idle);
}

void tracker_release(Tracker *t) {
        assert(t->n_held > 0);
        t->n_held--;
        idle_look(t->idle);
        check_stop(t);
}

void tracker_get_counts(const Tracker *t, TrackerCounts *ret) {
        const Directory *d = registry_get_directory(t->registry);

        *ret = (TrackerCounts){
                .uptime_usec = clock_boottime(t->rt->clock) - t->started,
                .n_connections = t->n_clients,
                .n_sessions = t->n_ready,
                .n_channels = d ? directory_count(d) : 0,
                .n_leases = d ? directory_count_online(d) : 0,
                .trouble = t->trouble,
        };
}
