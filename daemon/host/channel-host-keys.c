/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows with which keys who has a role was here, so that a new one is news for moderators: another
 * device, or somebody else. Leaves who has one to channel.h. */
#include "base/log.h"
#include "daemon/host/channel-host-internal.h"
#include "daemon/message-ids.h"

struct RoleKeys {
        char username[NAME_SIZE];
        StoredRoleKey *keys; /* in the order of their coming, ROLE_KEYS_PER_USER_MAX at most */
        size_t n;
        uint64_t generation; /* of the roster, when the last one was news; 0: it was none */
        UT_hash_handle hh;   /* ChannelHost.role_keys */
};

static RoleKeys *find(const ChannelHost *h, const char *username) {
        RoleKeys *k;

        HASH_FIND_STR(h->role_keys, username, k);
        return k;
}

void keys_done(ChannelHost *h) {
        RoleKeys *k, *next;

        HASH_ITER(hh, h->role_keys, k, next) {
                HASH_DEL(h->role_keys, k);
                free(k->keys);
                free(k);
        }
}

static RoleKeys *find_or_add(ChannelHost *h, const char *username) {
        RoleKeys *k = find(h, username);

        if (k)
                return k;
        k = new0(RoleKeys, 1);
        if (!k)
                return NULL;
        snprintf(k->username, sizeof(k->username), "%s", username);
        HASH_ADD_STR(h->role_keys, username, k);
        if (!k->hh.tbl) {
                free(k);
                return NULL;
        }
        return k;
}

static int push_key(RoleKeys *k, const StoredRoleKey *key) {
        StoredRoleKey *keys;

        if (k->n == ROLE_KEYS_PER_USER_MAX)
                memmove(k->keys, k->keys + 1, --k->n * sizeof(*k->keys));
        keys = reallocarray(k->keys, k->n + 1, sizeof(*keys));
        if (!keys)
                return -ENOMEM;
        k->keys = keys;
        keys[k->n++] = *key;
        return 0;
}

int keys_load(ChannelHost *h, const StoredRoleKey *keys, size_t n) {
        for (size_t i = 0; i < n; i++) {
                RoleKeys *k = find_or_add(h, keys[i].username);

                if (!k || push_key(k, &keys[i]) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* Which one it is, as far as people compare it. */
static void tell(ChannelHost *h, RoleKeys *k, const StoredRoleKey *key, Role role) {
        log_fields(LOG_NOTICE, 0,
                   LOG_FIELDS("MESSAGE_ID", MESSAGE_ROLE_KEY_NEW, "CHAT_CHANNEL", h->name,
                              "CHAT_USER", key->username, "CHAT_KEY", key->key_id),
                   "%s, %s of %s, is here with a key that was not seen before: %.16s",
                   key->username, role_to_string(role), h->name, key->key_id);
        roster_touch_key(&h->roster, key->username);
        k->generation = h->roster.generation;
        h->key_news = *key;
}

static void note(ChannelHost *h, const Actor *actor, bool quietly) {
        Role role = channel_get_role(h->channel, actor->username);
        StoredRoleKey key = { .since = host_now(h) };
        RoleKeys *k;
        bool is_news;
        int r;

        if (actor->user_type != USER_REGISTERED || role < ROLE_MEMBER)
                return;
        k = find_or_add(h, actor->username);
        for (size_t i = 0; k && i < k->n; i++)
                if (streq(k->keys[i].key_id, actor->key_id))
                        return;
        memcpy(key.username, actor->username, sizeof(key.username));
        memcpy(key.key_id, actor->key_id, sizeof(key.key_id));
        is_news = k && k->n > 0 && !quietly;
        r = k ? push_key(k, &key) : -ENOMEM;
        if (r >= 0)
                r = store_save_role_key(h->store, h->row, &key);
        if (r < 0) /* after a restart it is news again */
                log_fields(store_log_level(h->store, r), r, LOG_FIELDS("CHAT_CHANNEL", h->name),
                           "Cannot keep a key of %s", actor->username);
        if (is_news)
                tell(h, k, &key, role);
}

void keys_seen(ChannelHost *h, const Actor *actor) {
        note(h, actor, false);
}

/* The devices that were there before the role are none that came to it. */
void keys_role_given(ChannelHost *h, const char *username) {
        const RoleKeys *k = find(h, username);
        bool quietly = !k || k->n == 0;
        const HostSession *s;

        DL_FOREACH(h->sessions, s)
                if (s->connected && s->appearance.is_seen && streq(s->actor.username, username))
                        note(h, &s->actor, quietly);
}

void keys_write(const ChannelHost *h, Writer *w, const char *username) {
        const RoleKeys *k = find(h, username);
        const StoredRoleKey *last;

        if (!k || k->n == 0)
                return;
        last = &k->keys[k->n - 1];
        writer_string(w, "key", last->key_id);
        writer_time(w, "key_since", last->since);
        writer_uint(w, "keys", k->n);
}

bool keys_are_news(const ChannelHost *h, const char *username, uint64_t generation) {
        const RoleKeys *k = find(h, username);

        return k && k->generation > generation;
}

const StoredRoleKey *channel_host_get_key_news(const ChannelHost *h) {
        return h->key_news.since > 0 ? &h->key_news : NULL;
}
