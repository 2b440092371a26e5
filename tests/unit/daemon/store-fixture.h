/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows a store in a directory of its own and how a test waits for it; leaves what is expected to
 * the tests. */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "daemon/store/store.h"
#include "support/scratch.h"

#include <cmocka.h>

#define START (UINT64_C(1700000000) * USEC_PER_SEC)
#define WAIT_USEC (20 * USEC_PER_SEC)
#define TRACKER_ID "0123456789abcdef0123456789abcdef"
#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* What the last step of the schema took out of it. */
#define ENTRY_OF_BEFORE                                                                            \
        "PRAGMA writable_schema=ON;"                                                               \
        "UPDATE sqlite_schema SET sql = replace(sql, 'channel INTEGER NOT NULL',"                  \
        " 'channel INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE')"                   \
        " WHERE type = 'table' AND name = 'entry';"                                                \
        "PRAGMA writable_schema=RESET;"

typedef struct Fixture {
        char *directory;
        char path[PATH_MAX];
        bool on_threads;
        sd_event *event;
        Clock *clock;
        Workers *workers;
        Runtime rt;
        Store *store;
} Fixture;

/* What the last request gave, copied. */
typedef struct Result {
        bool done;
        int r;
        uint64_t row, read_seq, n_unread, n_mentions, synced_seq, n_finished;
        char id[UUID_STRING_SIZE];
        Entry *entries;
        size_t n_entries;
        Appended appended[64];
        size_t n_appended;
        bool more;
        OutboxRow *rows;
        size_t n_rows;
        StoredChannel *channels;
        size_t n_channels;
        bool has_tracker, has_identity;
        StoredTracker tracker;
        StoredIdentity identity;
        bool invisible;
} Result;

static inline void *copy_of(const void *array, size_t n, size_t size) {
        void *copy = calloc(n + 1, size);

        assert_non_null(copy);
        if (n > 0)
                memcpy(copy, array, n * size);
        return copy;
}

static inline const char *string_of(const char *s) {
        return s ? strdup(s) : NULL;
}

static inline void result_done(Result *q) {
        entries_free(q->entries, q->n_entries);
        for (size_t i = 0; i < q->n_rows; i++) {
                free((char *) q->rows[i].text);
                free((char *) q->rows[i].meta);
        }
        free(q->rows);
        for (size_t i = 0; i < q->n_channels; i++) {
                free((char *) q->channels[i].reason);
                free((char *) q->channels[i].topic);
                free((char *) q->channels[i].ignored);
        }
        free(q->channels);
        free((char *) q->tracker.address);
        free((char *) q->tracker.ca_pem);
        free((StoredRevocation *) q->tracker.revoked);
        free((char *) q->tracker.attempt.key_pem);
        free((char *) q->identity.key_pem);
        free((char *) q->identity.certificate_pem);
        *q = (Result){};
}

/* ---- callbacks ---- */

static inline void on_done(int r, void *userdata) {
        Result *q = userdata;

        q->r = r;
        q->done = true;
}

static inline void on_row(int r, uint64_t row, void *userdata) {
        Result *q = userdata;

        q->row = row;
        on_done(r, q);
}

static inline void on_loaded(int r, const StoredTracker *tracker, const StoredIdentity *identity,
                             void *userdata) {
        Result *q = userdata;

        q->has_tracker = tracker;
        q->has_identity = identity;
        if (tracker) {
                q->tracker = *tracker;
                q->tracker.address = string_of(tracker->address);
                q->tracker.ca_pem = string_of(tracker->ca_pem);
                q->tracker.revoked =
                        copy_of(tracker->revoked, tracker->n_revoked, sizeof(StoredRevocation));
        }
        if (tracker)
                q->tracker.attempt.key_pem = string_of(tracker->attempt.key_pem);
        if (identity) {
                q->identity = *identity;
                q->identity.key_pem = string_of(identity->key_pem);
                q->identity.certificate_pem = string_of(identity->certificate_pem);
        }
        on_done(r, q);
}

static inline void on_channels(int r, const StoredChannel *channels, size_t n, bool invisible,
                               void *userdata) {
        Result *q = userdata;

        q->invisible = invisible;
        q->channels = copy_of(channels, n, sizeof(StoredChannel));
        q->n_channels = n;
        for (size_t i = 0; i < n; i++) {
                q->channels[i].reason = string_of(channels[i].reason);
                q->channels[i].topic = string_of(channels[i].topic);
                q->channels[i].ignored = string_of(channels[i].ignored);
        }
        on_done(r, q);
}

static inline void on_read_mark(int r, uint64_t read_seq, uint64_t n_unread, uint64_t n_mentions,
                                void *userdata) {
        Result *q = userdata;

        q->n_mentions = n_mentions;
        q->read_seq = read_seq;
        q->n_unread = n_unread;
        on_done(r, q);
}

static inline void keep_entries(Result *q, const Entry *entries, size_t n) {
        q->entries = calloc(n + 1, sizeof(Entry));
        assert_non_null(q->entries);
        for (; q->n_entries < n; q->n_entries++)
                assert_int_equal(entry_copy(&entries[q->n_entries], &q->entries[q->n_entries]), 0);
}

static inline void on_appended(int r, const Appended *results, size_t n_results,
                               const Entry *entries, size_t n_entries, void *userdata) {
        Result *q = userdata;

        assert_true(n_results <= ELEMENTSOF(q->appended));
        if (n_results > 0)
                memcpy(q->appended, results, n_results * sizeof(Appended));
        q->n_appended = n_results;
        keep_entries(q, entries, n_entries);
        on_done(r, q);
}

static inline void on_copied(int r, const Copied *result, void *userdata) {
        Result *q = userdata;

        if (r >= 0) {
                q->synced_seq = result->synced_seq;
                q->n_unread = result->n_unread;
                q->n_mentions = result->n_mentions;
                q->n_finished = result->n_outbox_finished;
        }
        on_done(r, q);
}

static inline void on_page(int r, const Entry *entries, size_t n, bool more, void *userdata) {
        Result *q = userdata;

        keep_entries(q, entries, n);
        q->more = more;
        on_done(r, q);
}

static inline void on_entry_id(int r, const char *id, void *userdata) {
        Result *q = userdata;

        snprintf(q->id, sizeof(q->id), "%s", id);
        on_done(r, q);
}

static inline void keep_rows(Result *q, const OutboxRow *rows, size_t n) {
        q->rows = copy_of(rows, n, sizeof(OutboxRow));
        q->n_rows = n;
        for (size_t i = 0; i < n; i++) {
                q->rows[i].text = string_of(rows[i].text);
                q->rows[i].meta = string_of(rows[i].meta);
        }
}

static inline void on_outbox_added(int r, const OutboxRow *existing, void *userdata) {
        Result *q = userdata;

        keep_rows(q, existing, existing ? 1 : 0);
        on_done(r, q);
}

static inline void on_outbox(int r, const OutboxRow *rows, size_t n, bool more, void *userdata) {
        Result *q = userdata;

        keep_rows(q, rows, n);
        q->more = more;
        on_done(r, q);
}

/* ---- the fixture ---- */

static inline void open_store(Fixture *f) {
        assert_int_equal(store_new(&f->rt, f->path, &f->store), 0);
}

static inline void reopen_store(Fixture *f) {
        f->store = store_free(f->store);
        open_store(f);
}

static inline int setup_with(void **state, bool on_threads) {
        Fixture *f = new0(Fixture, 1);

        assert_non_null(f);
        f->on_threads = on_threads;
        f->directory = scratch_new();
        snprintf(f->path, sizeof(f->path), "%s/peer.sqlite", f->directory);
        assert_true(sd_event_new(&f->event) >= 0);
        assert_int_equal(clock_new_virtual(f->event, START, &f->clock), 0);
        if (on_threads)
                assert_int_equal(workers_new(f->event, 1, &f->workers), 0);
        else
                assert_int_equal(workers_new_inline(f->event, &f->workers), 0);
        f->rt = (Runtime){ .event = f->event, .clock = f->clock, .workers = f->workers };
        open_store(f);
        *state = f;
        return 0;
}

static inline int setup(void **state) {
        return setup_with(state, false);
}

static inline int setup_on_threads(void **state) {
        return setup_with(state, true);
}

typedef void (*each_file_fn)(const char *path, void *userdata);
static inline void each_file(const Fixture *f, each_file_fn fn, void *userdata) {
        DIR *d = opendir(f->directory);
        struct dirent *entry;
        char path[PATH_MAX];

        assert_non_null(d);
        while ((entry = readdir(d))) {
                if (entry->d_name[0] == '.')
                        continue;
                snprintf(path, sizeof(path), "%s/%s", f->directory, entry->d_name);
                fn(path, userdata);
        }
        closedir(d);
}

static inline void remove_file(const char *path, void *userdata) {
        assert_int_equal(unlink(path), 0);
}

static inline int teardown(void **state) {
        Fixture *f = *state;

        store_free(f->store);
        workers_free(f->workers);
        clock_free(f->clock);
        sd_event_unref(f->event);
        scratch_free(f->directory);
        free(f);
        return 0;
}

static inline int wait_for(Fixture *f, Result *q) {
        while (!q->done)
                assert_true(sd_event_run(f->event, WAIT_USEC) > 0);
        return q->r;
}

/* submitted is what the request returned at once; the result of an earlier one is gone. */
#define CALL(f, q, submit)                                                                         \
        ({                                                                                         \
                int _submitted;                                                                    \
                result_done(q);                                                                    \
                _submitted = (submit);                                                             \
                _submitted < 0 ? _submitted : wait_for((f), (q));                                  \
        })

/* ---- what most tests begin with ---- */

#define PEM_BODY "MC4CAQAwBQYDK2VwBCIEIGNvcnJlY3QtaG9yc2UtYmF0dGVyeS1zdGFwbGUt"
#define PEM(body) "-----BEGIN PRIVATE KEY-----\n" body "\n-----END PRIVATE KEY-----\n"

static inline void save_tracker(Fixture *f, const char *tracker_id) {
        Result q = {};
        StoredTracker t = { .pin = "sha256:00", .address = "localhost:1", .ca_pem = "CA" };

        snprintf(t.tracker_id, sizeof(t.tracker_id), "%s", tracker_id);
        assert_int_equal(CALL(f, &q, store_save_tracker(f->store, &t, on_done, &q, NULL)), 0);
        result_done(&q);
}

static inline uint64_t sign_in(Fixture *f, const char *username, UserType type,
                               const char *key_pem) {
        Result q = {};
        StoredIdentity i = {
                .tracker_id = TRACKER_ID,
                .user_type = type,
                .key_pem = key_pem,
                .certificate_pem = "CERTIFICATE",
        };
        uint64_t row;

        snprintf(i.username, sizeof(i.username), "%s", username);
        assert_int_equal(CALL(f, &q, store_sign_in(f->store, &i, on_row, &q, NULL)), 0);
        row = q.row;
        assert_true(row > 0);
        result_done(&q);
        return row;
}

static inline StoredChannel channel_named(uint64_t identity, const char *name, bool hosted) {
        StoredChannel c = {
                .identity = identity,
                .owner = "alice",
                .host = "alice",
                .hosted = hosted,
                .wanted = true,
                .role = ROLE_MEMBER,
                .view = VIEW_PUBLIC,
                .send = SEND_REGISTERED,
                .epoch = 1,
        };

        snprintf(c.name, sizeof(c.name), "%s", name);
        snprintf(c.channel_id, sizeof(c.channel_id), "00000000-0000-4000-8000-%012u",
                 (unsigned) (name[0] * 256 + name[strlen(name) - 1]));
        return c;
}

static inline uint64_t save_channel(Fixture *f, const StoredChannel *c) {
        Result q = {};
        uint64_t row;

        assert_int_equal(CALL(f, &q, store_save_channel(f->store, c, on_row, &q, NULL)), 0);
        row = q.row;
        assert_true(row > 0);
        result_done(&q);
        return row;
}

/* bob, with one channel. */
static inline uint64_t make_channel(Fixture *f, bool hosted) {
        uint64_t identity;
        StoredChannel c;

        save_tracker(f, TRACKER_ID);
        identity = sign_in(f, "bob", USER_REGISTERED, PEM(PEM_BODY));
        c = channel_named(identity, "lobby", hosted);
        return save_channel(f, &c);
}

/* The first channel of whoever is signed in, *q keeping its strings. */
static inline const StoredChannel *load_channel(Fixture *f, Result *q) {
        uint64_t identity;

        assert_int_equal(CALL(f, q, store_load(f->store, on_loaded, q, NULL)), 0);
        assert_true(q->has_identity);
        identity = q->identity.row;
        assert_int_equal(CALL(f, q, store_load_channels(f->store, identity, on_channels, q, NULL)),
                         0);
        assert_true(q->n_channels > 0);
        return &q->channels[0];
}

static inline void uuid_of(unsigned n, char ret[static UUID_STRING_SIZE]) {
        snprintf(ret, UUID_STRING_SIZE, "11111111-1111-4111-8111-%012u", n);
}

static inline Proposal proposal_of(unsigned id, const char *username, const char *extra) {
        Proposal p = {
                .kind = ENTRY_MESSAGE,
                .user_type = USER_REGISTERED,
                .key_id = KEY_A,
                .extra = extra,
                .n_extra = strlen(extra),
        };

        uuid_of(id, p.id);
        snprintf(p.username, sizeof(p.username), "%s", username);
        return p;
}

static inline Entry entry_of(uint64_t seq, unsigned id, const char *kind, const char *username) {
        static char extra[] = "{\"message_content\":\"hi\"}";
        Entry e = {
                .seq = seq,
                .time = START + seq,
                .kind = entry_kind_from_string(kind),
                .user_type = USER_REGISTERED,
                .extra = extra,
                .n_extra = strlen(extra),
        };

        uuid_of(id, e.id);
        snprintf(e.username, sizeof(e.username), "%s", username);
        snprintf(e.kind_name, sizeof(e.kind_name), "%s", kind);
        return e;
}

static inline int add_row(Fixture *f, Result *q, uint64_t channel, unsigned id, const char *text) {
        OutboxRow add = { .text = text, .queued = START };

        uuid_of(id, add.id);
        return CALL(f, q, store_outbox_add(f->store, channel, &add, on_outbox_added, q, NULL));
}
