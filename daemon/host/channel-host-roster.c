/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows who is here, since when, and what of it has changed since; leaves who is told when to its
 * sessions. */
#include "base/log-pace.h"
#include "daemon/host/channel-host-internal.h"
#include "daemon/message-ids.h"

#define TAIL_BYTES 128 /* what stands behind the changes of a push */

static RosterRow *find(const Roster *roster, const char *username) {
        RosterRow *row;

        HASH_FIND_STR(roster->by_name, username, row);
        return row;
}

const RosterRow *roster_find(const Roster *roster, const char *username) {
        return find(roster, username);
}

bool roster_shows(const Roster *roster, const char *username) {
        const RosterRow *row = find(roster, username);

        return row && row->shown != PRESENCE_OFFLINE;
}

static void row_free(Roster *roster, RosterRow *row) {
        HASH_DEL(roster->by_name, row);
        DL_DELETE(roster->rows, row);
        if (row->leave_at > 0)
                DL_DELETE2(roster->leaving, row, leave_prev, leave_next);
        free(row);
}

void roster_forget_told(Roster *roster) {
        uint64_t told =
                roster->save_anew ? roster->published : MIN(roster->published, roster->saved);
        RosterRow *row, *next;
        HostSession *s;

        if (HASH_COUNT(roster->by_name) == roster->n_online)
                return;
        DL_FOREACH(roster->host->sessions, s)
                if (s->connected && s->presence_cursor < told)
                        told = s->presence_cursor;
        DL_FOREACH_SAFE(roster->rows, row, next) {
                if (row->generation > told)
                        return;
                if (row->shown == PRESENCE_OFFLINE)
                        row_free(roster, row);
        }
}

static void on_publish(void *userdata) {
        Roster *roster = userdata;
        ChannelHost *h = roster->host;

        roster->published = roster->generation;
        roster->n_published = roster->n_online;
        roster->next_publication = clock_boottime(h->rt->clock) + PRESENCE_INTERVAL_USEC;
        roster_forget_told(roster);
        sessions_wake(h);
        if (h->handlers.on_members)
                h->handlers.on_members(h, roster->generation, h->userdata);
}

static void move_to_end(Roster *roster, RosterRow *row) {
        row->generation = ++roster->generation;
        DL_DELETE(roster->rows, row);
        DL_APPEND(roster->rows, row);
        if (!clock_timer_is_armed(roster->publish_timer))
                clock_timer_arm_at(
                        roster->publish_timer,
                        MAX(roster->next_publication, clock_boottime(roster->host->rt->clock)));
        roster_save_soon(roster);
}

static void changed(Roster *roster, RosterRow *row) {
        move_to_end(roster, row);
        row->everybodys = row->generation;
}

/* Of those only who are shown: nobody else may be known by it. */
static void roster_tell(const Roster *roster, const char *message_id, const RosterRow *row,
                        const char *what) {
        const ChannelHost *h = roster->host;

        log_paced(h->rt->pace, row->username, LOG_INFO,
                  LOG_FIELDS("MESSAGE_ID", message_id, "CHAT_CHANNEL", h->name, "CHAT_USER",
                             row->username),
                  "%s %s %s", row->username, what, h->name);
}

static void show(Roster *roster, RosterRow *row, Presence status) {
        bool was_here = row->shown != PRESENCE_OFFLINE, is_here = status != PRESENCE_OFFLINE;

        if (is_here && !was_here)
                row->since = clock_realtime(roster->host->rt->clock);
        roster->n_online += is_here;
        roster->n_online -= was_here;
        row->shown = status;
        changed(roster, row);
        if (is_here && !was_here)
                roster_tell(roster, MESSAGE_MEMBER_CAME, row, "is in");
        else if (was_here && !is_here)
                roster_tell(roster, MESSAGE_MEMBER_WENT, row, "left");
}

static void stay(Roster *roster, RosterRow *row) {
        if (row->leave_at == 0)
                return;
        DL_DELETE2(roster->leaving, row, leave_prev, leave_next);
        row->leave_at = 0;
}

void roster_row_leaves(Roster *roster, RosterRow *row) {
        stay(roster, row);
        row->leave_at = clock_boottime(roster->host->rt->clock) + PRESENCE_GRACE_USEC;
        DL_APPEND2(roster->leaving, row, leave_prev, leave_next);
        if (!clock_timer_is_armed(roster->leave_timer))
                clock_timer_arm_at(roster->leave_timer, roster->leaving->leave_at);
}

/* What sessions make more is shown at once; what they make less, when the grace is over. */
static void settle(Roster *roster, RosterRow *row, bool at_once) {
        Presence due = row->n_online > 0     ? PRESENCE_ONLINE
                       : row->n_sessions > 0 ? PRESENCE_AWAY
                                             : PRESENCE_OFFLINE;

        if (due < row->shown && !at_once) {
                roster_row_leaves(roster, row);
                return;
        }
        stay(roster, row);
        if (due != row->shown)
                show(roster, row, due);
}

static void on_leave(void *userdata) {
        Roster *roster = userdata;
        uint64_t now = clock_boottime(roster->host->rt->clock);

        while (roster->leaving && roster->leaving->leave_at <= now)
                settle(roster, roster->leaving, true);
        if (roster->leaving)
                clock_timer_arm_at(roster->leave_timer, roster->leaving->leave_at);
}

int roster_init(Roster *roster, ChannelHost *h) {
        int r;

        *roster = (Roster){ .host = h };
        r = clock_timer_new(h->rt->clock, on_publish, roster, &roster->publish_timer);
        if (r < 0)
                return r;
        r = clock_timer_new(h->rt->clock, on_leave, roster, &roster->leave_timer);
        return r < 0 ? r : roster_save_init(roster);
}

void roster_done(Roster *roster) {
        roster_save_done(roster);
        while (roster->rows)
                row_free(roster, roster->rows);
        roster->publish_timer = clock_timer_free(roster->publish_timer);
        roster->leave_timer = clock_timer_free(roster->leave_timer);
}

void roster_touch(Roster *roster, const char *username) {
        RosterRow *row = find(roster, username);

        if (row && row->shown != PRESENCE_OFFLINE)
                changed(roster, row);
}

void roster_touch_key(Roster *roster, const char *username) {
        RosterRow *row = find(roster, username);

        if (row && row->shown != PRESENCE_OFFLINE)
                move_to_end(roster, row);
}

RosterRow *roster_row_new(Roster *roster, const char *username, UserType type) {
        RosterRow *row = new0(RosterRow, 1);

        if (!row)
                return NULL;
        snprintf(row->username, sizeof(row->username), "%s", username);
        row->user_type = type;
        HASH_ADD_STR(roster->by_name, username, row);
        if (!row->hh.tbl) {
                free(row);
                return NULL;
        }
        DL_APPEND(roster->rows, row);
        return row;
}

int roster_join(Roster *roster, const Actor *actor, Presence status) {
        RosterRow *row = find(roster, actor->username);

        if (!row)
                row = roster_row_new(roster, actor->username, actor->user_type);
        if (!row)
                return -ENOMEM;
        row->n_sessions++;
        row->n_online += status == PRESENCE_ONLINE;
        memcpy(row->key_id, actor->key_id, sizeof(row->key_id));
        settle(roster, row, false);
        return 0;
}

void roster_leave(Roster *roster, const char *username, Presence status, bool at_once) {
        RosterRow *row = find(roster, username);

        assert(row && row->n_sessions > 0);
        row->n_sessions--;
        row->n_online -= status == PRESENCE_ONLINE;
        /* Where all go at once nobody is told in which order. */
        settle(roster, row, at_once && row->n_sessions == 0);
}

void roster_change(Roster *roster, const char *username, Presence from, Presence to) {
        RosterRow *row = find(roster, username);

        assert(row && row->n_sessions > 0);
        row->n_online -= from == PRESENCE_ONLINE;
        row->n_online += to == PRESENCE_ONLINE;
        settle(roster, row, row->leave_at == 0);
}

void roster_expel(Roster *roster, const char *username) {
        RosterRow *row = find(roster, username);

        if (row && row->n_sessions == 0)
                settle(roster, row, true);
}

static void write_change(const Roster *roster, Writer *w, const RosterRow *row, bool with_key) {
        writer_begin_object(w, NULL);
        writer_string(w, "username", row->username);
        writer_string(w, "user_type", user_type_to_string(row->user_type));
        writer_string(w, "role",
                      role_to_string(channel_get_role(roster->host->channel, row->username)));
        writer_string(w, "status", presence_to_string(row->shown));
        if (with_key)
                keys_write(roster->host, w, row->username);
        writer_end_object(w);
}

bool roster_has_news(const Roster *roster, const HostSession *s) {
        return s->presence_cursor < roster->published;
}

int roster_pull(Roster *roster, HostSession *s, Writer *out) {
        const ChannelHost *h = roster->host;
        bool counts_only = roster->n_published > PRESENCE_ONLINE_MAX;
        bool sees_keys = channel_may_see_keys(h->channel, &s->actor, host_now(h));
        size_t start = out->size, n = 0;
        uint64_t told = roster->published;
        RosterRow *row = roster->rows ? roster->rows->prev : NULL; /* the latest change */

        while (row && row != roster->rows && row->prev->generation > s->presence_cursor)
                row = row->prev;

        host_begin_push(roster->host, out, "PRESENCE");
        writer_begin_array(out, "changes");
        for (; row && row->generation <= roster->published; row = row->next) {
                size_t before = out->size;
                bool needs_comma = out->needs_comma;

                if ((sees_keys ? row->generation : row->everybodys) <= s->presence_cursor ||
                    streq(row->username, s->actor.username))
                        continue;
                n++;
                if (counts_only)
                        break;
                write_change(roster, out, row,
                             sees_keys && keys_are_news(roster->host, row->username,
                                                        s->presence_cursor));
                if (out->size - start > FRAME_BYTES_MAX - TAIL_BYTES) {
                        writer_truncate(out, before, needs_comma);
                        told = row->generation - 1;
                        break;
                }
        }
        writer_end_array(out);
        writer_uint(out, "generation", told);
        writer_uint(out, "members_online", roster->n_published);
        if (counts_only)
                writer_bool(out, "reset", true);
        host_end_push(out);

        s->presence_cursor = told;
        if (n > 0 || s->n_told != roster->n_published) {
                s->n_told = roster->n_published;
                return 1;
        }
        writer_truncate(out, start, false);
        return 0;
}

static int compare_rows(const void *a, const void *b) {
        return strcmp((*(const RosterRow *const *) a)->username,
                      (*(const RosterRow *const *) b)->username);
}

void roster_write_row(const Roster *roster, Writer *w, const char *key, const RosterEntry *m) {
        writer_begin_object(w, key);
        writer_string(w, "username", m->username);
        writer_string(w, "user_type", user_type_to_string(m->user_type));
        writer_string(w, "role", role_to_string(m->role));
        writer_string(w, "status", presence_to_string(m->status));
        writer_time(w, "since", m->since);
        writer_end_object(w);
}

int channel_host_each_member(const ChannelHost *h, const char *after,
                             channel_host_each_member_fn fn, void *userdata) {
        _cleanup_free_ const RosterRow **rows = NULL;
        size_t n = 0;
        int r;

        if (h->roster.n_online == 0)
                return 0;
        rows = new0(const RosterRow *, h->roster.n_online);
        if (!rows)
                return -ENOMEM;
        for (const RosterRow *row = h->roster.by_name; row; row = row->hh.next)
                if (row->shown != PRESENCE_OFFLINE && (!after || strcmp(row->username, after) > 0))
                        rows[n++] = row;
        qsort(rows, n, sizeof(*rows), compare_rows);

        for (size_t i = 0; i < n; i++) {
                RosterEntry m = {
                        .user_type = rows[i]->user_type,
                        .role = channel_get_role(h->channel, rows[i]->username),
                        .status = rows[i]->shown,
                        .since = rows[i]->since,
                };

                memcpy(m.username, rows[i]->username, sizeof(m.username));
                r = fn(&m, userdata);
                if (r != 0)
                        return r;
        }
        return 0;
}

uint64_t channel_host_get_generation(const ChannelHost *h) {
        return h->roster.generation;
}

size_t channel_host_get_n_online(const ChannelHost *h) {
        return h->roster.n_online;
}
