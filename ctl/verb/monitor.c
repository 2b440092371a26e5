/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what has happened since it was told the last time, with a cursor for each channel, so that
 * neither a signal that is missed nor a daemon that dies loses or repeats a line; leaves how it is
 * told to monitor-line.c. */
#include "ctl/verb/monitor.h"

#define PAGE_ENTRIES 500              /* the API's most */
#define RETRY_USEC (2 * USEC_PER_SEC) /* of what failed with the daemon there */

static void watched_free(Watched *w) {
        char **owned[] = { &w->path, &w->id, &w->name, &w->state, &w->reason };

        for (size_t i = 0; i < ELEMENTSOF(owned); i++)
                free(*owned[i]);
        free(w);
}

void monitor_done(Monitor *m) {
        for (size_t i = 0; i < m->n_channels; i++)
                watched_free(m->channels[i]);
        free(m->channels);
        snapshot_done(&m->last);
}

static Watched *find(Monitor *m, const char *path) {
        for (size_t i = 0; i < m->n_channels; i++)
                if (streq_ptr(m->channels[i]->path, path))
                        return m->channels[i];
        return NULL;
}

static Watched *add(Monitor *m, const char *path) {
        Watched **grown, *w;

        grown = reallocarray(m->channels, m->n_channels + 1, sizeof(Watched *));
        if (!grown)
                return NULL;
        m->channels = grown;
        w = new0(Watched, 1);
        if (!w || free_and_strdup(&w->path, path) < 0) {
                free(w);
                return NULL;
        }
        m->channels[m->n_channels++] = w;
        return w;
}

/* ---- what the bus says ---- */

static void on_added(const char *path, uint64_t last_seq, void *userdata) {
        Monitor *m = userdata;
        Watched *w = find(m, path) ?: add(m, path);

        if (w && !w->is_placed && w->added == 0)
                w->added = last_seq;
}

static void on_event(Ctl *ctl, const char *path, const char *member, void *userdata) {
        Monitor *m = userdata;
        Watched *w = path ? find(m, path) : NULL;

        if (w && streq_ptr(member, "EntriesAppended")) {
                w->has_entries = true;
                return;
        }
        m->has_changes = true;
        if (w && streq_ptr(member, "OutboxChanged"))
                w->has_outbox = true;
        if (w && streq_ptr(member, "MembersChanged"))
                w->has_members = true;
        if (streq_ptr(member, "NameOwnerChanged"))
                for (size_t i = 0; i < m->n_channels; i++)
                        m->channels[i]->has_entries = true;
}

/* ---- where a channel begins ---- */

static bool is_asked_for(const Monitor *m, const ChannelView *c) {
        if (!*m->wanted)
                return true;
        for (char **wanted = m->wanted; *wanted; wanted++)
                if (strcasecmp(*wanted, c->name) == 0 || streq(*wanted, c->id))
                        return true;
        return false;
}

/* So many entries before what is to come. */
static int go_back(Monitor *m, Watched *w) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(entry_page_done) EntryPage page = {};
        const EntryQuery query = { .limit = (uint32_t) m->n_before, .before = true };
        int r;

        if (m->n_before == 0)
                return EXIT_OK;
        r = client_try_page(m->ctl, w->path, &query, &error, &page);
        if (r < 0)
                return client_fail(m->ctl, &error, r);
        if (page.n > 0)
                w->cursor = page.entries[0].seq - 1;
        return EXIT_OK;
}

/* One that is there already: what comes to this computer from now on. One that appears: what is
 * said there from then on, so all of one that is made here, and nothing of a backlog. */
static int place(Monitor *m, Watched *w, const ChannelView *c) {
        w->is_placed = true;
        if (m->file && cursor_file_get(m->file, w->id, &w->cursor))
                return EXIT_OK;
        if (!m->is_begun) {
                w->cursor = c->synced_seq;
                return go_back(m, w);
        }
        if (c->hosted)
                w->cursor = w->added > 1 ? w->added : 0;
        else if (w->added > 0 || c->last_seq > 0)
                w->cursor = w->added > 0 ? w->added : c->last_seq;
        else
                w->is_placed = false; /* its host was not reached yet */
        return EXIT_OK;
}

/* ---- what has changed ---- */

static int tell_state(Monitor *m, Watched *w, const char *state, const char *reason) {
        if (streq_ptr(w->state, state) && streq_ptr(w->reason, reason))
                return EXIT_OK;
        if (free_and_strdup(&w->state, state) < 0 || free_and_strdup(&w->reason, reason) < 0)
                return client_fail(m->ctl, NULL, -ENOMEM);
        if (!m->is_begun)
                return EXIT_OK;
        return monitor_tell(m, &(MonitorLine){
                                       .channel = w,
                                       .kind = "state",
                                       .state = w->state,
                                       .reason = w->reason,
                               });
}

static int tell_count(Monitor *m, Watched *w, const char *kind, uint32_t count, uint32_t *told,
                      bool *is_due) {
        bool is_told = m->is_begun && (*is_due || *told != count);

        *told = count;
        *is_due = false;
        if (!is_told)
                return EXIT_OK;
        return monitor_tell(m, &(MonitorLine){
                                       .channel = w,
                                       .kind = kind,
                                       .count = count,
                                       .has_count = true,
                               });
}

static int tell_channel(Monitor *m, const ChannelView *c) {
        Watched *w = find(m, c->path) ?: add(m, c->path);
        int r;

        if (!w || free_and_strdup(&w->id, c->id) < 0 || free_and_strdup(&w->name, c->name) < 0)
                return client_fail(m->ctl, NULL, -ENOMEM);
        w->is_here = true;
        r = tell_state(m, w, c->state, c->reason);
        if (r == EXIT_OK)
                r = tell_count(m, w, "members", c->members, &w->members, &w->has_members);
        if (r == EXIT_OK)
                r = tell_count(m, w, "outbox", c->outbox, &w->outbox, &w->has_outbox);
        if (r == EXIT_OK && !w->is_placed) {
                r = place(m, w, c);
                w->has_entries = true;
        }
        return r;
}

static int tell_account(Monitor *m, Snapshot *now) {
        const AccountView *a = &m->last.account, *b = &now->account;
        bool is_same = streq_ptr(a->path, b->path) && streq_ptr(a->state, b->state) &&
                       streq_ptr(a->reason, b->reason) && streq_ptr(a->username, b->username) &&
                       streq_ptr(a->user_type, b->user_type) && streq_ptr(a->tracker, b->tracker);
        AccountView kept = m->last.account;

        m->last.account = now->account;
        now->account = kept;
        if (is_same || !m->is_begun)
                return EXIT_OK;
        return monitor_tell(m, &(MonitorLine){ .kind = "account", .account = &m->last.account });
}

static int tell_daemon(Monitor *m, bool is_away) {
        if (m->is_away == is_away)
                return EXIT_OK;
        m->is_away = is_away;
        return monitor_tell(
                m, &(MonitorLine){ .kind = "daemon", .state = is_away ? "away" : "running" });
}

static int tell_changes(Monitor *m) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(snapshot_done) Snapshot s = {};
        int r;

        m->has_changes = false;
        r = client_try_snapshot(m->ctl, &error, &s);
        if (r < 0 && client_is_away(&error))
                return m->is_begun ? tell_daemon(m, true) : client_fail(m->ctl, &error, r);
        if (r < 0) {
                if (!m->is_begun)
                        return client_fail(m->ctl, &error, r);
                m->has_failed = m->has_changes = true;
                return client_check_bus(m->ctl);
        }
        r = tell_daemon(m, false);
        if (r == EXIT_OK)
                r = tell_account(m, &s);
        for (size_t i = 0; i < m->n_channels; i++)
                m->channels[i]->is_here = false;
        for (size_t i = 0; i < s.n_channels && r == EXIT_OK; i++)
                if (is_asked_for(m, s.channels + i))
                        r = tell_channel(m, s.channels + i);
        for (size_t i = 0; i < m->n_channels && r == EXIT_OK; i++)
                if (!m->channels[i]->is_here && m->channels[i]->state)
                        r = tell_state(m, m->channels[i], "gone", NULL);
        m->is_begun = true;
        return r;
}

/* ---- entries ---- */

/* What was told is out of our hands, and then noted. */
static int settle(Monitor *m) {
        if (fflush(stdout) != 0)
                return EXIT_FAILED; /* nobody reads any more */
        if (!m->file)
                return EXIT_OK;
        for (size_t i = 0; i < m->n_channels; i++) {
                const Watched *w = m->channels[i];

                if (w->is_placed && w->id && cursor_file_set(m->file, w->id, w->cursor) < 0)
                        return client_fail(m->ctl, NULL, -ENOMEM);
        }
        return cursor_file_write(m->ctl, m->file);
}

/* A page, so that no channel keeps the others waiting. */
static int tell_entries(Monitor *m, Watched *w) {
        const EntryQuery query = { .anchor = w->cursor, .limit = PAGE_ENTRIES };
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(entry_page_done) EntryPage page = {};
        int r;

        w->has_entries = false;
        r = client_try_page(m->ctl, w->path, &query, &error, &page);
        if (r < 0) {
                /* Of a daemon or a channel that is not there a signal tells when it is. */
                if (!client_is_away(&error) &&
                    !sd_bus_error_has_name(&error, SD_BUS_ERROR_UNKNOWN_OBJECT))
                        m->has_failed = w->has_entries = true;
                return client_check_bus(m->ctl);
        }
        for (size_t k = 0; k < page.n; k++) {
                r = monitor_tell(m, &(MonitorLine){ .channel = w, .entry = page.entries + k });
                if (r != EXIT_OK)
                        return r;
                w->cursor = MAX(w->cursor, page.entries[k].seq);
                r = m->command ? settle(m) : EXIT_OK;
                if (r != EXIT_OK)
                        return r;
        }
        if (page.more && page.n > 0)
                w->has_entries = true;
        return settle(m);
}

/* Of one that was told to be away nothing is told before it is back. */
static bool has_due_entries(const Monitor *m, const Watched *w) {
        return w->has_entries && w->is_placed && w->is_here && !m->is_away;
}

static int tell_all(Monitor *m) {
        bool is_due;
        int r;

        m->has_failed = false;
        do {
                is_due = false;
                r = m->has_changes ? tell_changes(m) : EXIT_OK;
                for (size_t i = 0; i < m->n_channels && r == EXIT_OK && !m->has_failed; i++) {
                        Watched *w = m->channels[i];

                        if (!has_due_entries(m, w))
                                continue;
                        r = tell_entries(m, w);
                        is_due = true;
                }
                /* Meanwhile others may have written much: the bus is heard between pages. */
                while (r == EXIT_OK && sd_bus_process(m->ctl->bus, NULL) > 0)
                        ;
        } while (r == EXIT_OK && !m->has_failed && (is_due || m->has_changes));
        return r == EXIT_OK ? settle(m) : r;
}

static bool is_due(const Monitor *m) {
        for (size_t i = 0; i < m->n_channels; i++)
                if (has_due_entries(m, m->channels[i]))
                        return true;
        return m->has_changes;
}

int monitor_run_all(Monitor *m) {
        _cleanup_(client_watch_freep) ClientWatch *watch = NULL;
        int r;

        /* Watching begins before the first look, so that nothing falls between the two. */
        r = client_watch(m->ctl, on_event, m, &watch);
        if (r != EXIT_OK)
                return r;
        client_watch_set_added(watch, on_added);
        m->has_changes = true;
        for (;;) {
                r = tell_all(m);
                if (r != EXIT_OK)
                        return r;
                m->ctl->no_start = true;
                do {
                        r = client_wait_with(m->ctl, -1, m->has_failed ? RETRY_USEC : UINT64_MAX);
                        if (r == -EPIPE)
                                return EXIT_OK;
                        if (r < 0 && r != -ETIMEDOUT)
                                return client_check_bus(m->ctl) ?: client_fail(m->ctl, NULL, r);
                } while (r == 0 && !m->has_failed && !is_due(m));
        }
}
