/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the tracker's directory is read, searched and watched; leaves what a change means to
 * the manager. */
#include "daemon/account/account-internal.h"

#include <utlist.h>

#define WATCH_RETRY_BASE_USEC (2 * USEC_PER_SEC)
#define WATCH_RETRY_MAX_USEC (5 * USEC_PER_MINUTE)

/* ---- pages ---- */

typedef struct Page {
        DirectoryEntry *entries;
        size_t n;
        const char *next; /* borrowed from the payload */
        uint64_t generation;
} Page;

static void page_done(Page *p) {
        for (size_t i = 0; i < p->n; i++)
                directory_entry_done(&p->entries[i]);
        free(p->entries);
}

/* Those of a form that this version does not know are left out. */
static int read_entries(const Value *array, DirectoryEntry **ret, size_t *ret_n) {
        size_t n = value_kind(array) == VALUE_ARRAY ? value_length(array) : 0, n_read = 0;
        DirectoryEntry *entries = new0(DirectoryEntry, n ? n : 1);
        const char *bad;

        if (!entries)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if (directory_entry_read(value_at(array, i), &entries[n_read], &bad) >= 0)
                        n_read++;
                else
                        entries[n_read] = (DirectoryEntry){};
        *ret = entries;
        *ret_n = n_read;
        return 0;
}

static int page_read(const Value *payload, Page *ret) {
        const Value *channels = value_get(payload, "channels");

        if (value_kind(channels) != VALUE_ARRAY ||
            value_uint(value_get(payload, "generation"), &ret->generation) < 0)
                return -EBADMSG;
        ret->next = value_string(value_get(payload, "next"), NULL);
        if (ret->next && !name_is_valid(ret->next))
                return -EBADMSG;
        return read_entries(channels, &ret->entries, &ret->n);
}

static void write_query(Writer *w, const DirectoryQuery *q) {
        writer_begin_object(w, NULL);
        writer_string(w, "query", q->query);
        writer_string(w, "after", q->after);
        if (q->online_only)
                writer_bool(w, "online", true);
        writer_uint(w, "limit",
                    q->limit > 0 ? MIN(q->limit, (unsigned) LIST_LIMIT_MAX) : LIST_LIMIT_MAX);
        writer_end_object(w);
}

/* ---- LIST for people ---- */

typedef struct ListOp {
        AccountOp op;
        TrackerCall *call;
        char after[NAME_SIZE]; /* "": from the first */
        const Page *page;      /* borrowed while it completes */
} ListOp;

static void list_complete(Operation *o, const Failure *f) {
        ListOp *l = (ListOp *) o;
        const Page *p = l->page;

        if (f)
                l->op.directory(f, NULL, 0, NULL, 0, l->op.userdata);
        else
                l->op.directory(NULL, p->entries, p->n, p->next, p->generation, l->op.userdata);
}

static void list_release(Operation *o) {
        ListOp *l = (ListOp *) o;

        l->call = tracker_call_free(l->call);
}

static const OperationType list_type = { .complete = list_complete, .release = list_release };

static void on_listed(const Value *payload, const Failure *failure, void *userdata) {
        ListOp *l = userdata;
        _cleanup_(page_done) Page page = {};
        Failure f;

        l->call = NULL;
        if (!failure && page_read(payload, &page) < 0) {
                failure_set(&f, ERROR_PROTOCOL, "The tracker's list cannot be read.");
                failure = &f;
        } else if (!failure && page.next && strcmp(page.next, l->after) <= 0) {
                /* Who asks for page after page would do so for ever. */
                failure_set(&f, ERROR_PROTOCOL, "The tracker's list does not come to an end.");
                failure = &f;
        }
        l->page = &page;
        operation_complete(&l->op.base, failure);
}

int account_list(Account *a, const DirectoryQuery *q, account_directory_fn done, void *userdata,
                 AccountOp **ret_op) {
        _cleanup_(writer_done) Writer w = {};
        ListOp *l;
        int r;

        l = new0(ListOp, 1);
        if (!l)
                return -ENOMEM;
        l->op.account = a;
        l->op.userdata = userdata;
        l->op.directory = done;
        operation_init(&l->op.base, &list_type, &a->ops);

        snprintf(l->after, sizeof(l->after), "%s", q->after ?: "");
        write_query(&w, q);
        r = account_call(a, "LIST", &w, on_listed, l, &l->call);
        if (r < 0) {
                operation_drop(&l->op.base);
                return r;
        }
        if (ret_op)
                *ret_op = &l->op;
        return 0;
}

/* ---- one channel by its name ---- */

struct DirectoryLookup {
        Account *account; /* weak */
        DirectoryLookup *prev, *next;
        char name[NAME_SIZE];
        char after[NAME_SIZE]; /* what was asked for last: names above it */
        TrackerCall *call;
        account_lookup_fn done;
        void *userdata; /* weak */
};

DirectoryLookup *directory_lookup_free(DirectoryLookup *l) {
        if (!l)
                return NULL;
        DL_DELETE(l->account->lookups, l);
        tracker_call_free(l->call);
        free(l);
        return NULL;
}

static void lookup_complete(DirectoryLookup *l, const Failure *f, const DirectoryEntry *entry) {
        account_lookup_fn done = l->done;
        void *userdata = l->userdata;

        directory_lookup_free(l);
        done(f, entry, userdata);
}

/* LIST finds substrings, in order of name: from just before the name on, what it finds first is
 * the channel itself, but for names that hold it twice. */
static int lookup_ask(DirectoryLookup *l, const char *after, tracker_reply_fn reply) {
        _cleanup_(writer_done) Writer w = {};

        snprintf(l->after, sizeof(l->after), "%s", after);
        write_query(&w, &(DirectoryQuery){ .query = l->name, .after = after, .limit = 1 });
        return account_call(l->account, "LIST", &w, reply, l, &l->call);
}

static void on_looked_up(const Value *payload, const Failure *failure, void *userdata) {
        DirectoryLookup *l = userdata;
        _cleanup_(page_done) Page page = {};
        const DirectoryEntry *found = NULL;
        Failure f;

        l->call = NULL;
        if (failure) {
                lookup_complete(l, failure, NULL);
                return;
        }
        if (page_read(payload, &page) < 0) {
                failure_set(&f, ERROR_PROTOCOL, "The tracker's list cannot be read.");
                lookup_complete(l, &f, NULL);
                return;
        }
        for (size_t i = 0; i < page.n && !found; i++)
                if (streq(page.entries[i].channel_name, l->name))
                        found = &page.entries[i];
        /* Past its place in the order there is none; a next that does not lead on is none either.
         * A page may be empty and yet not the end: the tracker looks at so many names at a time. */
        if (!found && page.next && strcmp(page.next, l->after) > 0 &&
            strcmp(page.next, l->name) < 0 && lookup_ask(l, page.next, on_looked_up) >= 0)
                return;

        if (!found)
                failure_set(&f, ERROR_NO_SUCH_CHANNEL, "The tracker knows no channel named %s.",
                            l->name);
        lookup_complete(l, found ? NULL : &f, found);
}

int account_lookup(Account *a, const char *name, account_lookup_fn done, void *userdata,
                   DirectoryLookup **ret) {
        _cleanup_(directory_lookup_freep) DirectoryLookup *l = NULL;
        char before[NAME_SIZE];
        int r;

        l = new0(DirectoryLookup, 1);
        if (!l)
                return -ENOMEM;
        *l = (DirectoryLookup){ .account = a, .done = done, .userdata = userdata };
        DL_APPEND(a->lookups, l);
        r = name_fold(name, l->name);
        if (r < 0)
                return r;
        if (!l->name[0])
                return -EINVAL;
        memcpy(before, l->name, sizeof(before));
        before[strlen(before) - 1] = 0;
        r = lookup_ask(l, before, on_looked_up);
        if (r < 0)
                return r;
        if (ret)
                *ret = l;
        TAKE_PTR(l);
        return 0;
}

/* ---- WATCH ---- */

static void directory_changed(Account *a, const DirectoryEntry *changed, size_t n_changed,
                              const char *const *removed, size_t n_removed, bool reset) {
        a->handlers.on_directory(a, changed, n_changed, removed, n_removed, reset, a->generation,
                                 a->userdata);
}

/* Refused or not answered, and the connection goes on: nothing else would ask again. */
static void watch_later(Account *a) {
        clock_timer_arm(a->watch_timer, backoff_next(&a->watch_backoff, a->rt->random));
}

static void on_watched(const Value *payload, const Failure *failure, void *userdata) {
        Account *a = userdata;
        bool reset = true;

        a->watch_call = NULL;
        if (failure) {
                watch_later(a);
                return;
        }
        (void) value_bool(value_get(payload, "reset"), &reset);
        /* What was listed before anybody watched may have changed since. */
        if (a->generation == 0 && a->watch_backoff.n_attempts > 0)
                reset = true;
        backoff_reset(&a->watch_backoff);
        /* Where it is not reset, what changed is pushed with generations of its own. */
        if (reset || a->generation == 0)
                (void) value_uint(value_get(payload, "generation"), &a->generation);
        if (reset)
                directory_changed(a, NULL, 0, NULL, 0, true);
}

void account_watch(Account *a) {
        _cleanup_(writer_done) Writer w = {};

        clock_timer_disarm(a->watch_timer);
        writer_begin_object(&w, NULL);
        writer_bool(&w, "on", true);
        if (a->generation > 0)
                writer_uint(&w, "generation", a->generation);
        writer_end_object(&w);
        a->watch_call = tracker_call_free(a->watch_call);
        if (account_call(a, "WATCH", &w, on_watched, a, &a->watch_call) < 0)
                watch_later(a);
}

static void on_watch_timer(void *userdata) {
        Account *a = userdata;

        if (account_is_online(a)) /* else every new connection begins with it */
                account_watch(a);
}

int account_watch_init(Account *a) {
        a->watch_backoff =
                (Backoff){ .base_usec = WATCH_RETRY_BASE_USEC, .max_usec = WATCH_RETRY_MAX_USEC };
        return clock_timer_new(a->rt->clock, on_watch_timer, a, &a->watch_timer);
}

void account_directory_push(Account *a, const Value *payload) {
        const Value *removed = value_get(payload, "removed");
        size_t n_removed = value_kind(removed) == VALUE_ARRAY ? value_length(removed) : 0, n = 0;
        _cleanup_free_ const char **names = new0(const char *, n_removed + 1);
        _cleanup_(page_done) Page page = {};
        bool reset = false;

        if (!names || read_entries(value_get(payload, "changed"), &page.entries, &page.n) < 0)
                return;
        for (size_t i = 0; i < n_removed; i++) {
                const char *name = value_string(value_at(removed, i), NULL);

                if (name)
                        names[n++] = name;
        }
        (void) value_uint(value_get(payload, "generation"), &a->generation);
        (void) value_bool(value_get(payload, "reset"), &reset);
        directory_changed(a, page.entries, page.n, names, n, reset);
}
