/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what of a log is asked for next, one page and one end at a time; leaves what an answer does
 * to history-take.c. */
#include "gui/i18n.h"
#include "gui/model/history-internal.h"

/* The redactions of a time that nobody looked at: rare, and their answers small. */
#define SCAN_ENTRIES 500

typedef struct Request {
        ChatHistory *self; /* not owned: cancelled before it goes */
        GCancellable *cancellable;
        guint64 index;       /* of a page */
        guint64 first, last; /* what is missing */
        guint64 end;         /* of the log, as it was asked for */
} Request;

static void request_free(Request *q) {
        g_object_unref(q->cancellable);
        g_free(q);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Request, request_free)

static Request *request_new(ChatHistory *self) {
        Request *q = g_new0(Request, 1);

        q->self = self;
        q->cancellable = g_object_ref(self->cancellable);
        q->end = self->end;
        return q;
}

/* Entries; NULL: it failed, or nobody waits any more and *ret_is_over. */
static GVariant *request_finish(Request *q, GObject *source, GAsyncResult *result,
                                gboolean *ret_more, guint64 *ret_next, gboolean *ret_is_over,
                                GError **error) {
        GVariant *entries = chat_channel_get_messages_finish(CHAT_CHANNEL(source), result, ret_more,
                                                             ret_next, error);

        *ret_is_over = g_cancellable_is_cancelled(q->cancellable);
        return entries;
}

static gboolean is_failed(ChatHistory *self, guint64 index) {
        return g_hash_table_contains(self->failed, &index);
}

static gboolean on_retry(gpointer userdata) {
        ChatHistory *self = userdata;

        self->retry = 0;
        chat_history_retry(self);
        return G_SOURCE_REMOVE;
}

/* What a host that is offline has comes with the host: "state" tells. */
static void retry_later(ChatHistory *self) {
        if (self->retry == 0 && g_str_equal(chat_channel_get_state(self->channel), "live"))
                self->retry = g_timeout_add_seconds(HISTORY_RETRY_SECONDS, on_retry, self);
}

static void page_failed(ChatHistory *self, guint64 index, const char *error) {
        g_hash_table_add(self->failed, g_memdup2(&index, sizeof(index)));
        history_set_error(self, error);
        retry_later(self);
}

/* ---- the page that somebody waits for ---- */

typedef struct Nearest {
        ChatHistory *self;
        guint64 index, distance;
        gboolean is_there;
} Nearest;

static void look_whether_wanted(ChatLiveOne *one, gpointer userdata) {
        Nearest *nearest = userdata;
        ChatHistory *self = nearest->self;
        guint64 index = chat_pages_index_of(one->seq), asked = chat_pages_index_of(self->asked);
        guint64 distance = index > asked ? index - asked : asked - index;

        if (one->generation == self->generation || is_failed(self, index))
                return;
        if (nearest->is_there && nearest->distance <= distance)
                return;
        nearest->is_there = TRUE;
        nearest->index = index;
        nearest->distance = distance;
}

gboolean history_find_wanted(ChatHistory *self, guint64 *ret_index) {
        Nearest nearest = { .self = self };

        if (self->asked == 0)
                return FALSE;
        chat_live_each(self->live, look_whether_wanted, &nearest);
        *ret_index = nearest.index;
        return nearest.is_there;
}

/* Beside the page that was asked for last, as long as somebody looks at that one. */
static gboolean find_neighbour(ChatHistory *self, guint64 *ret_index) {
        guint64 here, first, last;

        if (self->asked == 0 || self->n == 0 || !chat_live_find(self->live, self->asked))
                return FALSE;
        here = chat_pages_index_of(self->asked);
        for (int i = 0; i < 2; i++) {
                if (i == 0 ? here == 0 : here >= chat_pages_index_of(self->n))
                        continue;
                *ret_index = i == 0 ? here - 1 : here + 1;
                if (!is_failed(self, *ret_index) &&
                    chat_pages_missing(self->pages, *ret_index, self->n, &first, &last))
                        return TRUE;
        }
        return FALSE;
}

static void mark_page(ChatLiveOne *one, gpointer userdata) {
        g_hash_table_add(userdata, GSIZE_TO_POINTER((gsize) chat_pages_index_of(one->seq) + 1));
}

/* Of those that nobody looks at, or else of all, the farthest one goes. */
static void make_room(ChatHistory *self, guint64 index) {
        g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
        guint64 farthest = 0, distance = 0;
        gboolean is_seen_farthest = TRUE;

        if (chat_pages_has(self->pages, index) ||
            chat_pages_get_n(self->pages) < CHAT_HISTORY_PAGES_MAX)
                return;
        chat_live_each(self->live, mark_page, seen);
        for (guint i = 0; i < chat_pages_get_n(self->pages); i++) {
                guint64 held = chat_pages_get_index(self->pages, i);
                guint64 d = held > index ? held - index : index - held;
                gboolean is_seen = g_hash_table_contains(seen, GSIZE_TO_POINTER((gsize) held + 1));

                if (is_seen > is_seen_farthest || (is_seen == is_seen_farthest && d <= distance))
                        continue;
                farthest = held;
                distance = d;
                is_seen_farthest = is_seen;
        }
        chat_pages_drop(self->pages, farthest);
}

static void hold(ChatHistory *self, guint64 index) {
        make_room(self, index);
        chat_pages_hold(self->pages, index);
}

static void on_page(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(Request) q = userdata;
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) entries = NULL;
        ChatHistory *self = q->self;
        gboolean more, is_over;
        guint64 next;
        guint n = 0;

        entries = request_finish(q, source, result, &more, &next, &is_over, &error);
        if (is_over)
                return;
        g_object_ref(self);
        self->asks_page = FALSE;
        if (entries) {
                hold(self, q->index);
                if (!history_take(self, entries, q->first, q->last, &n)) {
                        g_object_unref(self);
                        return;
                }
        }
        if (n > 0)
                history_set_error(self, "");
        else
                page_failed(self, q->index,
                            error ? error->message
                                  : _("Older messages come when the channel’s host is online."));
        history_fill(self);
        history_find_unread(self);
        history_expire(self);
        history_pump(self);
        g_object_unref(self);
}

/* Towards the begin of what is held here, so that what the host gives is kept: after that it is
 * here for ever. What lies deeper is only looked at. */
static gboolean joins_copy(ChatHistory *self, guint64 first, guint64 last) {
        guint64 held = chat_channel_get_first_seq(self->channel);

        return held > 0 && first < held && last + 1 >= held;
}

static void ask_page(ChatHistory *self, guint64 index) {
        ChatMessagesQuery query = {};
        Request *q;
        guint64 first, last;

        if (!chat_pages_missing(self->pages, index, self->n, &first, &last))
                return;
        q = request_new(self);
        q->index = index;
        q->first = first;
        q->last = last;
        query.before = joins_copy(self, first, last);
        query.anchor = query.before ? last + 1 : first - 1;
        query.limit = (guint) (last - first + 1);
        self->asks_page = TRUE;
        self->n_asked++;
        chat_channel_get_messages_async(self->channel, &query, self->cancellable, on_page, q);
}

/* ---- what is new ---- */

/* Somebody sees where it ends: what is new comes filled, so that rows have their height at once. */
static gboolean is_end_seen(ChatHistory *self) {
        ChatLiveOne *one = self->n > 0 ? chat_live_find(self->live, self->n) : NULL;

        return one && one->generation == self->generation;
}

static void on_end(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(Request) q = userdata;
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) entries = NULL;
        ChatHistory *self = q->self;
        gboolean more, is_over;
        guint64 next, last;
        guint n = 0;

        entries = request_finish(q, source, result, &more, &next, &is_over, &error);
        if (is_over)
                return;
        g_object_ref(self);
        self->asks_end = FALSE;
        if (entries) {
                hold(self, chat_pages_index_of(q->first));
                if (chat_pages_index_of(q->first) != chat_pages_index_of(q->last))
                        hold(self, chat_pages_index_of(q->last));
                if (!history_take(self, entries, q->first, q->last, &n)) {
                        g_object_unref(self);
                        return;
                }
        }
        for (last = q->first - 1; last < q->last && chat_pages_get(self->pages, last + 1);)
                last++;
        if (self->looked_to == self->n)
                self->looked_to = last;
        /* Whatever failed, a page shows it. */
        history_announce(self, last == self->n ? self->end : last);
        history_fill(self);
        history_find_unread(self);
        history_pump(self);
        g_object_unref(self);
}

static void on_scanned(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(Request) q = userdata;
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) entries = NULL;
        ChatHistory *self = q->self;
        gboolean more = FALSE, is_over;
        guint64 next = 0;

        entries = request_finish(q, source, result, &more, &next, &is_over, &error);
        if (is_over)
                return;
        g_object_ref(self);
        self->asks_end = FALSE;
        for (gsize i = 0; entries && i < g_variant_n_children(entries); i++) {
                g_autoptr(GVariant) entry = g_variant_get_child_value(entries, i);
                history_redact(self, entry);
        }
        if (!entries) {
                self->end_failed = TRUE;
                retry_later(self);
        } else if (more && next > self->looked_to && next < q->end)
                self->looked_to = next;
        else
                self->looked_to = MAX(self->looked_to, q->end);
        history_pump(self);
        g_object_unref(self);
}

static void ask_end(ChatHistory *self) {
        Request *q = request_new(self);
        const ChatMessagesQuery query = { .anchor = self->n,
                                          .limit = (guint) (self->end - self->n) };

        q->first = self->n + 1;
        q->last = self->end;
        self->asks_end = TRUE;
        self->n_asked++;
        chat_channel_get_messages_async(self->channel, &query, self->cancellable, on_end, q);
}

static void scan(ChatHistory *self) {
        const ChatMessagesQuery query = {
                .anchor = self->looked_to,
                .limit = SCAN_ENTRIES,
                .kind = "redact",
        };
        Request *q = request_new(self);

        q->end = self->n;
        self->asks_end = TRUE;
        self->n_asked++;
        chat_channel_get_messages_async(self->channel, &query, self->cancellable, on_scanned, q);
}

static void pump_end(ChatHistory *self) {
        if (self->end > self->n && is_end_seen(self) && self->end - self->n <= CHAT_HISTORY_PAGE) {
                ask_end(self);
                return;
        }
        if (self->end > self->n)
                history_announce(self, self->end);
        if (chat_pages_get_n(self->pages) == 0 && chat_live_get_n(self->live) == 0)
                self->looked_to = self->n;
        if (self->looked_to < self->n && !self->end_failed)
                scan(self);
}

static gboolean on_pump(gpointer userdata) {
        g_autoptr(ChatHistory) self = g_object_ref(userdata);
        guint64 index;

        self->pump = 0;
        if (chat_remote_get_away(CHAT_REMOTE(self->channel)))
                return G_SOURCE_REMOVE;
        if (!self->asks_end)
                pump_end(self);
        if (!self->asks_page && (history_find_wanted(self, &index) || find_neighbour(self, &index)))
                ask_page(self, index);
        history_tell_loading(self);
        return G_SOURCE_REMOVE;
}

void history_pump(ChatHistory *self) {
        /* Ahead of drawing: what is asked now may be there with the frame after the next. */
        if (self->pump == 0)
                self->pump = g_idle_add_full(G_PRIORITY_HIGH_IDLE, on_pump, self, NULL);
}

void history_cancel(ChatHistory *self) {
        g_cancellable_cancel(self->cancellable);
        g_clear_object(&self->cancellable);
        self->cancellable = g_cancellable_new();
        self->asks_page = self->asks_end = FALSE;
}
