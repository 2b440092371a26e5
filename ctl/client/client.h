/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what only the daemon has: its objects as they are now, log entries, what happens. Leaves
 * what is shown to the verbs. */
#pragma once

#include "ctl/client/client-call.h"

/* As client_call(), for as long as it takes. progress (may be NULL) is told how far it is; total 0:
 * nobody knows. */
typedef void (*client_progress_fn)(const char *step, uint64_t n_done, uint64_t n_total,
                                   void *userdata);
int client_call_long(Ctl *ctl, sd_bus_message *m, client_progress_fn progress, void *userdata,
                     sd_bus_message **ret_reply);

typedef struct ManagerView {
        char *version;
        char *default_account;
        uint32_t outbox;
        char **listen; /* NULL-terminated */
        int64_t clock_offset;
        char *store_state, *store_reason, *lingering;
        bool invisible;
} ManagerView;

typedef struct AccountView {
        char *path; /* NULL: no tracker was ever set */
        char *tracker, *pin, *offered_pin, *state, *reason;
        char *username, *user_type; /* user_type "none": nobody is signed in */
        uint64_t expires;
} AccountView;

typedef struct ChannelView {
        char *path;
        char *id, *name, *topic, *owner, *host, *role, *view, *send, *state, *reason;
        char *text, *previous, *successor;
        uint64_t first_seq, synced_seq, last_seq, read_seq;
        uint32_t unread, mentions, outbox, members, retention_days, message_rate, message_burst;
        bool hosted;
        char *reachable, *reachable_reason, *observed;
        char **addresses; /* NULL-terminated; NULL: not hosted here */
        char **ignored;   /* NULL-terminated */
        char *notify;
} ChannelView;

/* Everything in one answer of the object manager. */
typedef struct Snapshot {
        ManagerView manager;
        AccountView account;
        ChannelView *channels; /* by name */
        size_t n_channels;
} Snapshot;
void snapshot_done(Snapshot *s);
int client_get_snapshot(Ctl *ctl, Snapshot *ret);
/* The same, but a failure is handed back instead of told; r as of sd_bus_call(). */
int client_try_snapshot(Ctl *ctl, sd_bus_error *ret_error, Snapshot *ret);
/* In place of who was ignored in the channel with that path; ends with NULL. */
int client_set_ignored(Ctl *ctl, const char *path, char **names);
/* "all", "mentions", "none" */
int client_set_notify(Ctl *ctl, const char *path, const char *notify);
/* By name or id; what is not there is told. *ret is to be freed in any case, and with it the
 * channel.
 */
int client_get_channel(Ctl *ctl, const char *name, Snapshot *ret, ChannelView **ret_channel);
/* The same for what the log of a channel says of it; told where nothing of it has come here yet. */
int client_get_rules(Ctl *ctl, const char *name, Snapshot *ret, ChannelView **ret_channel);
int client_find_channel(Ctl *ctl, const char *name, char **ret_path);

/* One log entry as the bus tells it. */
typedef struct EntryView {
        uint64_t seq, time;
        char *kind, *username, *user_type, *id;
        char *text, *topic, *role, *target, *view, *send, *reason; /* NULL: not in this entry */
        char *json; /* the whole ENTRY, one line, but for whether it is hidden */
        char *removed_by, *removed_why; /* of a message that lost its text; NULL: not said */
        uint64_t target_seq;            /* 0: not in this entry */
        uint64_t until;                 /* of a ban; 0: it has no end */
        bool has_retention, has_rate, has_burst; /* this entry sets it */
        uint64_t retention_days, message_rate, message_burst;
        bool hidden; /* a message of somebody whom the person ignores */
} EntryView;

typedef struct EntryPage {
        EntryView *entries;
        size_t n;
        bool more;
        uint64_t next_anchor; /* of the page behind, which may be there though this one is empty */
        uint64_t first_seq;   /* of a search: the first entry that is here */
} EntryPage;
void entry_page_done(EntryPage *p);
/* Only those that fn says, asked in their order. */
void entry_page_keep(EntryPage *p, bool (*fn)(const EntryView *e, void *userdata), void *userdata);
typedef struct EntryQuery {
        uint64_t anchor;
        uint32_t limit;
        bool before;
        uint64_t since, until; /* µs since the epoch; until 0: no end */
} EntryQuery;
/* r: 0 or negative errno, with error set where the daemon said why. */
int client_try_page(Ctl *ctl, const char *path, const EntryQuery *query, sd_bus_error *ret_error,
                    EntryPage *ret);

/* The same of what is found with these words. */
int client_try_search(Ctl *ctl, const char *path, const char *words, uint64_t anchor,
                      uint32_t limit, bool before, sd_bus_error *ret_error, EntryPage *ret);

/* A message that was typed here. Its strings are borrowed. */
typedef struct OutboxRowView {
        const char *id, *text, *state;
        const char *error; /* a name on the bus; NULL: none */
        uint64_t queued;   /* µs since the epoch */
        uint32_t attempts;
} OutboxRowView;
typedef int (*client_outbox_fn)(const OutboxRowView *row, void *userdata);
/* All rows of the channel with that path, in order; a negative fn ends it, as a failure. */
int client_each_outbox_row(Ctl *ctl, const char *path, client_outbox_fn fn, void *userdata);

/* match: EntriesAppended, State and so on of any channel, and a daemon that comes or goes. */
typedef void (*client_event_fn)(Ctl *ctl, const char *path, const char *member, void *userdata);
typedef struct ClientWatch ClientWatch;
int client_watch(Ctl *ctl, client_event_fn fn, void *userdata, ClientWatch **ret);
/* Tells as well of each channel that appears, before fn of that: how far its host's log went at
 * that moment, as far as it was known; 0: it was not. The watch's userdata. */
typedef void (*client_added_fn)(const char *path, uint64_t last_seq, void *userdata);
void client_watch_set_added(ClientWatch *w, client_added_fn fn);
ClientWatch *client_watch_free(ClientWatch *w);
DEFINE_CLEANUP(ClientWatch *, client_watch_free);
/* Handles what is on the bus, waits for it when there is nothing. 0 or negative errno. */
int client_wait(Ctl *ctl);
/* The same for who writes to stdout meanwhile: -EPIPE when nobody reads it any more. Waits for fd
 * (negative: none) to be readable as well: 1; at most timeout_usec (UINT64_MAX: for ever):
 * -ETIMEDOUT. */
int client_wait_with(Ctl *ctl, int fd, uint64_t timeout_usec);
/* Whether a call failed because nobody has the daemon's name: a signal tells when somebody has. */
bool client_is_away(const sd_bus_error *error);
/* A bus that has gone takes everything along: what is wrong was told. EXIT_OK: it is there. */
int client_check_bus(Ctl *ctl);
