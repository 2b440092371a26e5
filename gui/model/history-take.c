/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what an entry that came does to those that are held: it fills, removes, or shows that the
 * log is another one. Leaves asking to history-ask.c. */
#include "gui/model/history-internal.h"
#include "gui/model/now.h"
#include "gui/model/words.h"

static gboolean is_message(GVariant *entry) {
        const char *kind;

        g_variant_get_child(entry, 2, "&s", &kind);
        return g_str_equal(kind, "message");
}

static guint64 seq_of(GVariant *entry) {
        guint64 seq;

        g_variant_get_child(entry, 0, "t", &seq);
        return seq;
}

static gboolean is_removed(GVariant *entry) {
        g_autoptr(GVariant) extra = g_variant_get_child_value(entry, 6);
        g_autoptr(GVariant) redacted = g_variant_lookup_value(extra, "redacted", NULL);

        return redacted != NULL;
}

/* The same entry, of which redacted (a{sv}, taken) is left. */
static GVariant *entry_removed(GVariant *entry, GVariant *redacted) {
        GVariant *parts[7], *left;
        GVariantDict extra;

        g_variant_dict_init(&extra, NULL);
        g_variant_dict_insert_value(&extra, "redacted", redacted);
        for (gsize i = 0; i < 6; i++)
                parts[i] = g_variant_get_child_value(entry, i);
        parts[6] = g_variant_dict_end(&extra);
        left = g_variant_ref_sink(g_variant_new_tuple(parts, G_N_ELEMENTS(parts)));
        for (gsize i = 0; i < 6; i++)
                g_variant_unref(parts[i]);
        return left;
}

static void replace(ChatHistory *self, guint64 seq, GVariant *redacted) {
        g_autoptr(GVariant) taken = g_variant_ref_sink(redacted);
        GVariant *entry = chat_pages_get(self->pages, seq);
        g_autoptr(GVariant) left = NULL;

        if (!entry || !is_message(entry) || is_removed(entry))
                return;
        left = entry_removed(entry, taken);
        chat_pages_put(self->pages, seq, left);
}

static void remove_live(ChatHistory *self, guint64 seq, const char *words) {
        ChatLiveOne *one = chat_live_find(self->live, seq);
        g_autoptr(ChatMessage) message = one ? g_object_ref(one->message) : NULL;

        if (message)
                chat_message_remove(message, words);
}

void history_redact(ChatHistory *self, GVariant *entry) {
        g_autoptr(GVariant) extra = g_variant_get_child_value(entry, 6);
        g_autofree char *words = NULL;
        const char *kind, *by, *reason = "";
        GVariantDict redacted;
        guint64 seq, target, time;

        g_variant_get(entry, "(t&s&s&s&sta{sv})", &seq, NULL, &kind, &by, NULL, &time, NULL);
        if (!g_str_equal(kind, "redact") || !g_variant_lookup(extra, "target_seq", "t", &target) ||
            target == 0 || target >= seq)
                return;
        g_variant_lookup(extra, "reason", "&s", &reason);
        g_variant_dict_init(&redacted, NULL);
        g_variant_dict_insert(&redacted, "by", "s", by);
        g_variant_dict_insert(&redacted, "seq", "t", seq);
        g_variant_dict_insert(&redacted, "time", "t", time);
        if (*reason)
                g_variant_dict_insert(&redacted, "reason", "s", reason);
        replace(self, target, g_variant_dict_end(&redacted));
        words = chat_words_removed(by, reason);
        remove_live(self, target, words);
}

/* Of the same number it is another one than the one that is held or shown. */
static gboolean is_other(ChatHistory *self, guint64 seq, const char *id) {
        GVariant *held = chat_pages_get(self->pages, seq);
        ChatLiveOne *one = chat_live_find(self->live, seq);
        const char *known;

        if (held) {
                g_variant_get_child(held, 1, "&s", &known);
                if (!g_str_equal(known, id))
                        return TRUE;
        }
        known = one ? chat_message_get_id(one->message) : "";
        return *known && !g_str_equal(known, id);
}

gboolean history_take(ChatHistory *self, GVariant *entries, guint64 first, guint64 last,
                      guint *ret_n) {
        gsize n = g_variant_n_children(entries);

        *ret_n = 0;
        for (gsize i = 0; i < n; i++) {
                g_autoptr(GVariant) entry = g_variant_get_child_value(entries, i);
                const char *id, *sender;

                if (seq_of(entry) < first || seq_of(entry) > last)
                        continue;
                g_variant_get(entry, "(t&s&s&s&sta{sv})", NULL, &id, NULL, &sender, NULL, NULL,
                              NULL);
                if (is_other(self, seq_of(entry), id)) {
                        history_reset(self, self->end);
                        return FALSE;
                }
                chat_pages_put(self->pages, seq_of(entry), entry);
                (*ret_n)++;
                if (is_message(entry) && self->own && g_str_equal(sender, self->own))
                        g_signal_emit_by_name(self, "own-stored", id);
                history_redact(self, entry);
        }
        return TRUE;
}

static gboolean is_expired(gint64 time, guint64 days) {
        const gint64 age = chat_now() - time;

        return age > 0 && (guint64) age / G_USEC_PER_SEC / 86400 >= days;
}

static void expire_page(ChatHistory *self, guint64 index, guint64 days) {
        for (guint64 i = 0; i <= CHAT_HISTORY_PAGE; i++) {
                guint64 seq = index * CHAT_HISTORY_PAGE + i, time;
                GVariant *entry = seq > 0 ? chat_pages_get(self->pages, seq) : NULL;

                if (!entry)
                        continue;
                g_variant_get_child(entry, 5, "t", &time);
                if (is_expired((gint64) MIN(time, (guint64) G_MAXINT64), days)) {
                        GVariantDict redacted;

                        g_variant_dict_init(&redacted, NULL);
                        g_variant_dict_insert(&redacted, CHAT_MESSAGE_EXPIRED, "t", days);
                        replace(self, seq, g_variant_dict_end(&redacted));
                }
        }
}

void history_expire(ChatHistory *self) {
        const guint64 days = chat_remote_number(CHAT_REMOTE(self->channel), "RetentionDays");
        g_autoptr(GPtrArray) live = NULL;
        g_autofree char *words = NULL;

        if (days == 0 || self->clock_is_wrong)
                return;
        for (guint i = 0; i < chat_pages_get_n(self->pages); i++)
                expire_page(self, chat_pages_get_index(self->pages, i), days);
        words = chat_words_expired(days);
        live = chat_live_list(self->live);
        for (guint i = 0; i < live->len; i++) {
                ChatMessage *m = live->pdata[i];
                if (is_expired(chat_message_get_time(m), days))
                        chat_message_remove(m, words);
        }
}
