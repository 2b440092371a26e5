/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a log entry is spelt and which bounds it keeps; leaves its effect to others. */
#include "wire/entry.h"

#include "base/names.h"
#include "wire/limits.h"

/* An entry stands in BODY, payload, and an array. */
#define ENTRY_DEPTH_MAX (JSON_DEPTH_MAX - 3)

static const char *const user_type_table[USER_TYPE_MAX] = {
        [USER_REGISTERED] = "REGISTERED",
        [USER_GUEST] = "GUEST",
};

static const char *const presence_table[PRESENCE_MAX] = {
        [PRESENCE_OFFLINE] = "offline",
        [PRESENCE_AWAY] = "away",
        [PRESENCE_ONLINE] = "online",
};

static const char *const entry_kind_table[ENTRY_KIND_MAX] = {
        [ENTRY_MESSAGE] = "message", [ENTRY_CREATE] = "create", [ENTRY_HOST] = "host",
        [ENTRY_TOPIC] = "topic",     [ENTRY_VIEW] = "view",     [ENTRY_ROLE] = "role",
        [ENTRY_KICK] = "kick",       [ENTRY_BAN] = "ban",       [ENTRY_UNBAN] = "unban",
        [ENTRY_REDACT] = "redact",   [ENTRY_OTHER] = "other",
};

static const char *const role_table[ROLE_MAX] = {
        [ROLE_NONE] = "none",
        [ROLE_MEMBER] = "member",
        [ROLE_MODERATOR] = "moderator",
        [ROLE_OWNER] = "owner",
};

static int table_find(const char *const *table, int n, const char *s) {
        for (int i = 0; s && i < n; i++)
                if (streq(table[i], s))
                        return i;
        return -EINVAL;
}

const char *user_type_to_string(UserType t) {
        return t >= 0 && t < USER_TYPE_MAX ? user_type_table[t] : NULL;
}

UserType user_type_from_string(const char *s) {
        return table_find(user_type_table, USER_TYPE_MAX, s);
}

const char *presence_to_string(Presence p) {
        return p >= 0 && p < PRESENCE_MAX ? presence_table[p] : NULL;
}

Presence presence_from_string(const char *s) {
        return table_find(presence_table, PRESENCE_MAX, s);
}

const char *entry_kind_to_string(EntryKind k) {
        return k >= 0 && k < ENTRY_KIND_MAX ? entry_kind_table[k] : NULL;
}

EntryKind entry_kind_from_string(const char *s) {
        int k = table_find(entry_kind_table, ENTRY_KIND_MAX, s);

        return k < 0 ? ENTRY_OTHER : (EntryKind) k;
}

const char *role_to_string(Role r) {
        return r >= 0 && r < ROLE_MAX ? role_table[r] : NULL;
}

Role role_from_string(const char *s) {
        return table_find(role_table, ROLE_MAX, s);
}

void entry_done(Entry *e) {
        free(e->extra);
        *e = (Entry){};
}

int entry_copy(const Entry *e, Entry *ret) {
        char *extra = NULL;

        if (e->extra) {
                extra = strndup(e->extra, e->n_extra);
                if (!extra)
                        return -ENOMEM;
        }
        *ret = *e;
        ret->extra = extra;
        return 0;
}

Entry *entries_free(Entry *entries, size_t n) {
        for (size_t i = 0; entries && i < n; i++)
                entry_done(&entries[i]);
        free(entries);
        return NULL;
}

void entry_write(Writer *w, const char *key, const Entry *e) {
        writer_begin_object(w, key);
        writer_uint(w, "seq", e->seq);
        writer_string(w, "id", e->id);
        writer_string(w, "kind", e->kind_name[0] ? e->kind_name : entry_kind_to_string(e->kind));
        writer_string(w, "username", e->username);
        writer_string(w, "user_type", user_type_to_string(e->user_type));
        writer_time(w, "time", e->time);
        if (e->extra)
                writer_members(w, e->extra, e->n_extra);
        writer_end_object(w);
}

/* *ret_n: the bytes of the text that was written, before JSON's escapes. */
static int write_sanitized_string(Writer *w, const char *key, const Value *v, size_t *ret_n) {
        _cleanup_free_ char *clean = NULL;
        bool multiline = !key || (!streq(key, "topic") && !streq(key, "reason"));
        size_t n;
        const char *s = value_string(v, &n);
        int r;

        if (!text_is_valid(s, n, multiline)) {
                r = text_sanitize(s, n, multiline, &clean, &n);
                if (r < 0)
                        return r;
                s = clean;
        }
        writer_string_n(w, key, s, n);
        *ret_n = n;
        return 0;
}

/* A value_each_fn over any depth that a frame can have; userdata is the Writer. A member with a key
 * that no text may be is left out: mended, it could be a second one of another's key. */
static int write_sanitized(const char *key, const Value *v, void *userdata) {
        Writer *w = userdata;
        size_t n;
        int r = 0;

        if (key && !text_is_valid(key, strlen(key), true))
                return 0;
        switch (value_kind(v)) {
        case VALUE_NULL:
        case VALUE_BOOL:
        case VALUE_NUMBER:
                writer_value(w, key, v);
                return 0;
        case VALUE_STRING:
                return write_sanitized_string(w, key, v, &n);
        case VALUE_OBJECT:
                writer_begin_object(w, key);
                r = value_each(v, write_sanitized, w);
                writer_end_object(w);
                return r;
        case VALUE_ARRAY:
                writer_begin_array(w, key);
                for (size_t i = 0; r >= 0 && i < value_length(v); i++)
                        r = write_sanitized(NULL, value_at(v, i), w);
                writer_end_array(w);
                return r;
        }
        return -EBADMSG;
}

/* What entry_read() knows while it walks the members. */
typedef struct EntryReader {
        Writer *w;
        bool is_message;
        bool is_stub; /* … whose content was removed: only who did it is taken */
        size_t n_content;
        size_t n_other; /* bytes of members that have no bound of their own */
        const char *bad;
} EntryReader;

static bool key_is_fixed(const char *key) {
        static const char *const keys[] = { "seq", "id", "kind", "username", "user_type", "time" };

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (streq(keys[i], key))
                        return true;
        return false;
}

static int read_content(EntryReader *reader, const Value *v) {
        reader->bad = "message_content";
        if (!value_string(v, NULL))
                return -EBADMSG;
        return write_sanitized_string(reader->w, "message_content", v, &reader->n_content);
}

static int read_meta(EntryReader *reader, const Value *v) {
        size_t start;
        int r;

        reader->bad = "meta";
        if (value_kind(v) != VALUE_OBJECT)
                return -EBADMSG;
        writer_key(reader->w, "meta");
        start = reader->w->size;
        r = write_sanitized(NULL, v, reader->w);
        return r < 0 ? r : reader->w->size - start > META_BYTES_MAX ? -EBADMSG : 0;
}

static int read_member(const char *key, const Value *v, void *userdata) {
        EntryReader *reader = userdata;
        size_t start = reader->w->size;
        int r;

        if (key_is_fixed(key) || (reader->is_stub && !streq(key, "redacted")))
                return 0;
        if (reader->is_message && streq(key, "message_content"))
                return v ? read_content(reader, v) : 0;
        if (reader->is_message && streq(key, "meta"))
                return v ? read_meta(reader, v) : 0;

        reader->bad = "entry";
        r = write_sanitized(key, v, reader->w);
        if (r < 0)
                return r;
        reader->n_other += reader->w->size - start;
        return reader->n_other > ENTRY_EXTRA_BYTES_MAX ? -EBADMSG : 0;
}

static int read_extra(const Value *v, Entry *e, const char **ret_bad) {
        _cleanup_(writer_done) Writer w = {};
        EntryReader reader = { .w = &w, .is_message = e->kind == ENTRY_MESSAGE };
        int r;

        reader.is_stub = reader.is_message && value_kind(value_get(v, "redacted")) == VALUE_OBJECT;
        writer_begin_object(&w, NULL);
        r = value_each(v, read_member, &reader);
        writer_end_object(&w);
        if (r >= 0 && reader.is_message) {
                reader.bad = "message_content";
                if (reader.n_content > MESSAGE_BYTES_MAX ||
                    (reader.n_content == 0 && !reader.is_stub))
                        r = -EBADMSG;
        }
        if (r < 0) {
                *ret_bad = reader.bad;
                return r;
        }
        return writer_take(&w, &e->extra, &e->n_extra);
}

typedef struct EntryText {
        uint64_t seq;
        const char *id, *kind, *username, *user_type, *time;
} EntryText;

int entry_read(const Value *v, Entry *ret, const char **ret_bad) {
        static const Field table[] = {
                { "seq", FIELD_UINT, offsetof(EntryText, seq), true, 1, NUMBER_MAX },
                { "id", FIELD_STRING, offsetof(EntryText, id), true, 1, UUID_STRING_SIZE - 1 },
                { "kind", FIELD_STRING, offsetof(EntryText, kind), true, 1, 32 },
                { "username", FIELD_STRING, offsetof(EntryText, username), true, 1,
                  NAME_MAX_BYTES },
                { "user_type", FIELD_STRING, offsetof(EntryText, user_type), true },
                { "time", FIELD_STRING, offsetof(EntryText, time), true },
                {},
        };
        Entry e = {};
        EntryText text;
        int r;

        if (value_kind(v) != VALUE_OBJECT) {
                *ret_bad = "entry";
                return -EBADMSG;
        }
        if (fields_read(v, table, &text, ret_bad) < 0)
                return -EBADMSG;

        e.seq = text.seq;
        e.kind = entry_kind_from_string(text.kind);
        e.user_type = user_type_from_string(text.user_type);
        if (!uuid_is_valid(text.id))
                *ret_bad = "id";
        else if (!text_is_valid(text.kind, strlen(text.kind), false))
                *ret_bad = "kind";
        else if (!name_is_valid(text.username))
                *ret_bad = "username";
        else if (e.user_type < 0)
                *ret_bad = "user_type";
        else if (time_parse(text.time, &e.time) < 0)
                *ret_bad = "time";
        else {
                memcpy(e.id, text.id, strlen(text.id));
                memcpy(e.kind_name, text.kind, strlen(text.kind));
                memcpy(e.username, text.username, strlen(text.username));
                r = read_extra(v, &e, ret_bad);
                if (r < 0)
                        return r;
                *ret = e;
                return 0;
        }
        return -EBADMSG;
}

typedef struct MetaProbe {
        unsigned depth, max;
} MetaProbe;

/* A value_each_fn: nothing is too deep, and all that is text may be text. */
static int probe_meta(const char *key, const Value *v, void *userdata) {
        MetaProbe *p = userdata;
        const char *s;
        size_t n;
        int r = 0;

        if (key && !text_is_valid(key, strlen(key), true))
                return -EINVAL;
        s = value_string(v, &n);
        if (s && !text_is_valid(s, n, true))
                return -EINVAL;
        if (value_kind(v) != VALUE_OBJECT && value_kind(v) != VALUE_ARRAY)
                return 0;
        if (p->depth == p->max)
                return -EINVAL;
        p->depth++;
        if (value_kind(v) == VALUE_OBJECT)
                r = value_each(v, probe_meta, p);
        for (size_t i = 0; r >= 0 && i < value_length(v); i++)
                r = probe_meta(NULL, value_at(v, i), p);
        p->depth--;
        return r;
}

int entry_extra_message(const char *text, const char *meta_json, char **ret, size_t *ret_n) {
        _cleanup_(value_unrefp) Value *meta = NULL;
        _cleanup_(writer_done) Writer w = {};
        MetaProbe probe = { .depth = 1, .max = ENTRY_DEPTH_MAX };
        size_t n = strlen(text), start;
        int r;

        if (n < 1 || n > MESSAGE_BYTES_MAX || !text_is_valid(text, n, true))
                return -EINVAL;

        writer_begin_object(&w, NULL);
        writer_string_n(&w, "message_content", text, n);
        if (meta_json) {
                r = value_parse(meta_json, strlen(meta_json), &meta);
                if (r == -ENOMEM)
                        return r;
                if (r < 0 || value_kind(meta) != VALUE_OBJECT || probe_meta(NULL, meta, &probe) < 0)
                        return -EINVAL;
                writer_key(&w, "meta");
                start = w.size;
                writer_value(&w, NULL, meta);
                if (w.size - start > META_BYTES_MAX)
                        return -EINVAL;
        }
        writer_end_object(&w);
        return writer_take(&w, ret, ret_n);
}

int entry_extra_redacted(const char *by, uint64_t seq, uint64_t time, const char *reason,
                         char **ret, size_t *ret_n) {
        _cleanup_(writer_done) Writer w = {};

        if (reason && (!reason[0] || strlen(reason) > REASON_BYTES_MAX ||
                       !text_is_valid(reason, strlen(reason), false)))
                reason = NULL;
        writer_begin_object(&w, NULL);
        writer_begin_object(&w, "redacted");
        writer_string(&w, "by", by);
        writer_uint(&w, "seq", seq);
        writer_time(&w, "time", time);
        writer_string(&w, "reason", reason);
        writer_end_object(&w);
        writer_end_object(&w);
        return writer_take(&w, ret, ret_n);
}

bool entry_is_stub(const Entry *e) {
        return e->kind == ENTRY_MESSAGE && e->extra &&
               strncmp(e->extra, ENTRY_STUB_PREFIX, strlen(ENTRY_STUB_PREFIX)) == 0;
}
