/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a channel of the directory is spelt; leaves who may see what of it to the tracker. */
#include "wire/directory-entry.h"

#include "base/names.h"

void directory_entry_done(DirectoryEntry *e) {
        free(e->topic);
        *e = (DirectoryEntry){};
}

static void write_addresses(Writer *w, const DirectoryEntry *e) {
        char text[ADDRESS_STRING_SIZE];

        writer_begin_array(w, "addresses");
        for (size_t i = 0; i < e->n_addresses; i++) {
                address_print(&e->addresses[i], text);
                writer_string(w, NULL, text);
        }
        writer_end_array(w);

        if (e->n_addresses > 0) {
                address_print_ip(&e->addresses[0], text);
                writer_string(w, "peer_server_ip", text);
                writer_uint(w, "peer_server_port", address_port(&e->addresses[0]));
        }
}

void directory_entry_write(Writer *w, const char *key, const DirectoryEntry *e,
                           bool with_addresses) {
        writer_begin_object(w, key);
        writer_string(w, "channel_name", e->channel_name);
        writer_string(w, "channel_id", e->channel_id);
        writer_string(w, "owner", e->owner);
        writer_string(w, "host", e->host);
        if (with_addresses)
                write_addresses(w, e);
        else {
                writer_begin_array(w, "addresses");
                writer_end_array(w);
        }
        writer_string(w, "view_permission", e->restricted ? "restricted" : "public");
        writer_string(w, "topic", e->topic ?: "");
        writer_uint(w, "members", e->members);
        writer_uint(w, "last_seq", e->last_seq);
        writer_uint(w, "epoch", e->epoch);
        writer_bool(w, "online", e->online);
        writer_time(w, "since", e->since);
        writer_end_object(w);
}

typedef struct DirectoryText {
        const char *channel_name, *channel_id, *owner, *host, *view_permission, *topic, *since;
        const Value *addresses;
        uint64_t members, last_seq, epoch;
        bool online;
} DirectoryText;

static bool copy_name(char ret[static NAME_SIZE], const char *s) {
        if (!name_is_valid(s))
                return false;
        memcpy(ret, s, strlen(s) + 1);
        return true;
}

static int read_addresses(const Value *list, DirectoryEntry *e) {
        for (size_t i = 0; i < value_length(list); i++) {
                const char *s = value_string(value_at(list, i), NULL);

                if (!s)
                        return -EBADMSG;
                if (e->n_addresses < ADDRESSES_MAX &&
                    address_parse(s, false, &e->addresses[e->n_addresses]) >= 0)
                        e->n_addresses++;
        }
        return 0;
}

int directory_entry_read(const Value *v, DirectoryEntry *ret, const char **ret_bad) {
#define TEXT(f) offsetof(DirectoryText, f)
        static const Field table[] = {
                { "channel_name", FIELD_STRING, TEXT(channel_name), true, 1, NAME_MAX_BYTES },
                { "channel_id", FIELD_STRING, TEXT(channel_id), true, 1, UUID_STRING_SIZE - 1 },
                { "owner", FIELD_STRING, TEXT(owner), true, 1, NAME_MAX_BYTES },
                { "host", FIELD_STRING, TEXT(host), true, 1, NAME_MAX_BYTES },
                { "addresses", FIELD_ARRAY, TEXT(addresses), true },
                { "view_permission", FIELD_STRING, TEXT(view_permission), true },
                { "topic", FIELD_STRING, TEXT(topic), true, 0, TOPIC_BYTES_MAX },
                { "members", FIELD_UINT, TEXT(members), true },
                { "last_seq", FIELD_UINT, TEXT(last_seq), true },
                { "epoch", FIELD_UINT, TEXT(epoch), true },
                { "online", FIELD_BOOL, TEXT(online), true },
                { "since", FIELD_STRING, TEXT(since), true },
                {},
        };
#undef TEXT
        _cleanup_(directory_entry_done) DirectoryEntry e = {};
        DirectoryText text;
        int r;

        if (value_kind(v) != VALUE_OBJECT) {
                *ret_bad = "channel";
                return -EBADMSG;
        }
        if (fields_read(v, table, &text, ret_bad) < 0)
                return -EBADMSG;

        if (!copy_name(e.channel_name, text.channel_name))
                *ret_bad = "channel_name";
        else if (!uuid_is_valid(text.channel_id))
                *ret_bad = "channel_id";
        else if (!copy_name(e.owner, text.owner))
                *ret_bad = "owner";
        else if (!copy_name(e.host, text.host))
                *ret_bad = "host";
        else if (read_addresses(text.addresses, &e) < 0)
                *ret_bad = "addresses";
        else if (!streq(text.view_permission, "public") &&
                 !streq(text.view_permission, "restricted"))
                *ret_bad = "view_permission";
        else if (time_parse(text.since, &e.since) < 0)
                *ret_bad = "since";
        else {
                memcpy(e.channel_id, text.channel_id, strlen(text.channel_id));
                e.restricted = streq(text.view_permission, "restricted");
                e.members = text.members;
                e.last_seq = text.last_seq;
                e.epoch = text.epoch;
                e.online = text.online;
                r = text_sanitize(text.topic, strlen(text.topic), false, &e.topic, NULL);
                if (r < 0)
                        return r;
                *ret = e;
                e.topic = NULL;
                return 0;
        }
        return -EBADMSG;
}
