/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a scripted daemon has a channel with a log of any length, made as it is read; leaves
 * the rest of the daemon to scripted-daemon.h. */
#include "support/scripted-log.h"

#include "dbus/names.h"

typedef struct Put {
        char *kind, *sender;
        GVariant *extra;
} Put;

struct ScriptedLog {
        ScriptedDaemon *d;
        char *path;
        guint64 n, first, incarnation;
        gboolean has_host;
        guint page_max;
        GHashTable *puts; /* seq → Put */
};

const char *scripted_log_get_path(ScriptedLog *log) {
        return log->path;
}

static void put_free(gpointer data) {
        Put *put = data;

        g_free(put->kind);
        g_free(put->sender);
        g_variant_unref(put->extra);
        g_free(put);
}

void scripted_put(ScriptedLog *log, guint64 seq, const char *kind, const char *sender,
                  GVariant *extra) {
        Put *put = g_new0(Put, 1);

        put->kind = g_strdup(kind);
        put->sender = g_strdup(sender);
        put->extra = g_variant_ref_sink(extra);
        g_hash_table_replace(log->puts, g_memdup2(&seq, sizeof(seq)), put);
}

char *scripted_log_id_of(ScriptedLog *log, guint64 seq) {
        return g_strdup_printf("00000000-0000-4000-8%03" G_GINT64_MODIFIER
                               "x-%012" G_GINT64_MODIFIER "x",
                               log->incarnation, seq);
}

static const char *kind_of(ScriptedLog *log, guint64 seq) {
        Put *put = g_hash_table_lookup(log->puts, &seq);

        return put ? put->kind : "message";
}

static void append_entry(ScriptedLog *log, GVariantBuilder *entries, guint64 seq) {
        static const char *const senders[] = { "alice", "bob", "guest-carol" };
        Put *put = g_hash_table_lookup(log->puts, &seq);
        const char *sender = put ? put->sender : senders[seq / 3 % 3];
        g_autofree char *id = scripted_log_id_of(log, seq);
        g_autofree char *text = g_strdup_printf("message %" G_GUINT64_FORMAT, seq);
        g_autoptr(GVariant) extra = put ? g_variant_ref(put->extra) : NULL;

        if (!extra)
                extra = g_variant_ref_sink(g_variant_new_parsed("{'text': <%s>}", text));
        g_variant_builder_add(entries, "(tsssst@a{sv})", seq, id, kind_of(log, seq), sender,
                              g_str_has_prefix(sender, "guest-") ? "guest" : "registered",
                              (guint64) SCRIPTED_TIME + seq * (guint64) SCRIPTED_STEP, extra);
}

static gboolean is_wanted(ScriptedLog *log, guint64 seq, char **kinds) {
        return !kinds || g_strv_contains((const char *const *) kinds, kind_of(log, seq));
}

static GVariant *page_end(GVariantBuilder *entries, gboolean more, guint64 next, guint64 n) {
        GVariantBuilder page;

        g_variant_builder_init(&page, G_VARIANT_TYPE_VARDICT);
        g_variant_builder_add(&page, "{sv}", "more", g_variant_new_boolean(more));
        g_variant_builder_add(&page, "{sv}", "next_anchor", g_variant_new_uint64(next));
        g_variant_builder_add(&page, "{sv}", "synced_seq", g_variant_new_uint64(n));
        return g_variant_new("(a(tssssta{sv})a{sv})", entries, &page);
}

/* As a member's daemon does: before what is held it asks the host, and what is asked for with
 * before joins what is held. */
static GVariant *get_messages(ScriptedDaemon *d, const char *path, GVariant *parameters,
                              gpointer userdata, GError **error) {
        ScriptedLog *log = userdata;
        g_autoptr(GVariant) options = NULL;
        g_auto(GStrv) kinds = NULL;
        const char *direction = "after";
        guint64 anchor, first, last, n_taken = 0, begin;
        GVariantBuilder entries;
        gboolean before;
        guint limit;

        g_variant_get(parameters, "(tu@a{sv})", &anchor, &limit, &options);
        g_variant_lookup(options, "direction", "&s", &direction);
        g_variant_lookup(options, "kinds", "^as", &kinds);
        before = g_str_equal(direction, "before");
        g_assert_true(limit >= 1 && limit <= P2PCHAT_PAGE_ENTRIES_MAX);
        if (log->page_max > 0)
                limit = MIN(limit, log->page_max);
        begin = log->has_host ? 1 : log->first;
        g_variant_builder_init(&entries, G_VARIANT_TYPE("a(tssssta{sv})"));
        if (before) {
                last = anchor == 0 ? log->n : MIN(anchor - 1, log->n);
                first = last >= limit ? MAX(begin, last - limit + 1) : begin;
                if (log->has_host && first < log->first && last + 1 >= log->first)
                        log->first = first;
                for (guint64 seq = first; seq <= last; seq++)
                        append_entry(log, &entries, seq);
                return page_end(&entries, first > begin, first, log->n);
        }
        first = MAX(anchor + 1, begin);
        for (last = first; last <= log->n && n_taken < limit; last++)
                if (is_wanted(log, last, kinds)) {
                        append_entry(log, &entries, last);
                        n_taken++;
                }
        return page_end(&entries, last <= log->n, last - 1, log->n);
}

void scripted_log_set(ScriptedLog *log, const char *property, GVariant *value) {
        scripted_set(log->d, log->path, P2PCHAT_INTERFACE_CHANNEL, property, value);
}

void scripted_set_state(ScriptedLog *log, const char *state) {
        scripted_log_set(log, "State", g_variant_new_string(state));
}

void scripted_append(ScriptedLog *log, guint64 k) {
        guint64 first = log->n + 1;

        log->n += k;
        scripted_emit(log->d, log->path, P2PCHAT_INTERFACE_CHANNEL, "EntriesAppended",
                      g_variant_new("(tta{sv})", first, log->n, NULL));
        scripted_log_set(log, "SyncedSeq", g_variant_new_uint64(log->n));
}

void scripted_begin_anew(ScriptedLog *log, guint64 n) {
        log->n = n;
        log->incarnation++;
        g_hash_table_remove_all(log->puts);
}

void scripted_set_held(ScriptedLog *log, guint64 first, gboolean has_host) {
        if (first != log->first)
                scripted_log_set(log, "FirstSeq", g_variant_new_uint64(first));
        log->first = first;
        log->has_host = has_host;
}

void scripted_set_page_max(ScriptedLog *log, guint n) {
        log->page_max = n;
}

static void add_string(GVariantBuilder *b, const char *name, const char *value) {
        g_variant_builder_add(b, "{sv}", name, g_variant_new_string(value));
}

static void add_number(GVariantBuilder *b, const char *name, guint64 value) {
        g_variant_builder_add(b, "{sv}", name, g_variant_new_uint64(value));
}

static GVariant *channel_properties(ScriptedLog *log, const char *name) {
        GVariantBuilder b;

        g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
        add_string(&b, "Id", "11111111-2222-4333-8444-555555555555");
        add_string(&b, "Name", name);
        add_string(&b, "Topic", "");
        add_string(&b, "Owner", "bob");
        add_string(&b, "Host", "bob");
        add_string(&b, "Role", "none");
        add_string(&b, "ViewPermission", "public");
        add_string(&b, "SendPermission", "everyone");
        add_string(&b, "State", "live");
        add_string(&b, "StateReason", "");
        add_string(&b, "Notify", "all");
        add_number(&b, "FirstSeq", log->first);
        add_number(&b, "SyncedSeq", log->n);
        add_number(&b, "LastSeq", log->n);
        add_number(&b, "ReadSeq", log->n);
        g_variant_builder_add(&b, "{sv}", "RetentionDays", g_variant_new_uint32(0));
        g_variant_builder_add(&b, "{sv}", "Unread", g_variant_new_uint32(0));
        g_variant_builder_add(&b, "{sv}", "Mentions", g_variant_new_uint32(0));
        g_variant_builder_add(&b, "{sv}", "OutboxCount", g_variant_new_uint32(0));
        g_variant_builder_add(&b, "{sv}", "MembersOnline", g_variant_new_uint32(2));
        g_variant_builder_add(&b, "{sv}", "Ignored", g_variant_new_strv(NULL, 0));
        return g_variant_builder_end(&b);
}

ScriptedLog *scripted_log_new(ScriptedDaemon *d, const char *name, guint64 n) {
        ScriptedLog *log = g_new0(ScriptedLog, 1);

        log->d = d;
        log->n = n;
        log->first = n > 0 ? 1 : 0;
        log->has_host = TRUE;
        log->path = g_strdup_printf(P2PCHAT_PATH_CHANNELS "/%s", name);
        log->puts = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, put_free);
        scripted_answer_by(d, "GetMessages", get_messages, log);
        scripted_answer(d, "GetOutbox", g_variant_new_parsed("(@a(sstusa{sv}) [], '')"));
        scripted_add(d, log->path, P2PCHAT_INTERFACE_CHANNEL, channel_properties(log, name));
        return log;
}

void scripted_log_free(ScriptedLog *log) {
        g_hash_table_unref(log->puts);
        g_free(log->path);
        g_free(log);
}
