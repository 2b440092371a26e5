/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows who has a role and who is banned as lists of which a part fits into an answer; leaves the
 * answer to channel-host-read.c. */
#include "daemon/host/channel-host-internal.h"

typedef struct Page {
        const ChannelHost *host;
        const Channel *channel;
        bool with_keys;
        Writer *w;
        size_t max_size; /* of w */
        uint64_t left;
        const char *after; /* NULL: from the first */
        char *last;
        bool more;
} Page;

/* Takes back a row for which there is no room. 1: the page ends before it. */
static int page_add(Page *page, size_t size, bool needs_comma) {
        if (page->left > 0 && page->w->size <= page->max_size) {
                page->left--;
                return 0;
        }
        writer_truncate(page->w, size, needs_comma);
        page->more = true;
        return 1;
}

static int write_role(const char *username, Role role, void *userdata) {
        Page *page = userdata;
        const RoleChange *change = channel_get_role_change(page->channel, username);
        size_t size = page->w->size;
        bool needs_comma = page->w->needs_comma;
        int r;

        if (page->after && strcmp(username, page->after) <= 0)
                return 0;
        writer_begin_object(page->w, NULL);
        writer_string(page->w, "username", username);
        writer_string(page->w, "role", role_to_string(role));
        if (change) {
                writer_string(page->w, "by", change->by);
                writer_time(page->w, "since", change->time);
        }
        if (page->with_keys)
                keys_write(page->host, page->w, username);
        writer_end_object(page->w);
        r = page_add(page, size, needs_comma);
        if (r == 0)
                snprintf(page->last, LIST_NEXT_SIZE, "%s", username);
        return r;
}

/* NAME, or NAME KEY of a guest: in byte order as they are listed, since no name has a byte below a
 * blank. */
static void print_key(const ChannelBan *ban, char ret[static LIST_NEXT_SIZE]) {
        snprintf(ret, LIST_NEXT_SIZE, "%s%s%s", ban->target, ban->key_id[0] ? " " : "",
                 ban->key_id);
}

static int write_ban(const ChannelBan *ban, void *userdata) {
        Page *page = userdata;
        size_t size = page->w->size;
        bool needs_comma = page->w->needs_comma;
        char key[LIST_NEXT_SIZE];
        int r;

        print_key(ban, key);
        if (page->after && strcmp(key, page->after) <= 0)
                return 0;
        writer_begin_object(page->w, NULL);
        writer_string(page->w, "username", ban->target);
        writer_string(page->w, "key", ban->key_id[0] ? ban->key_id : NULL);
        writer_string(page->w, "by", ban->by);
        writer_string(page->w, "reason", ban->reason[0] ? ban->reason : NULL);
        writer_time(page->w, "since", ban->time);
        if (ban->until > 0)
                writer_time(page->w, "until", ban->until);
        writer_end_object(page->w);
        r = page_add(page, size, needs_comma);
        if (r == 0)
                strcpy(page->last, key);
        return r;
}

int lists_write(const ChannelHost *h, const Actor *actor, ListKind kind, Writer *w,
                const char *after, uint64_t limit, size_t max_size,
                char ret_next[static LIST_NEXT_SIZE]) {
        Page page = {
                .host = h,
                .channel = h->channel,
                .with_keys = channel_may_see_keys(h->channel, actor, host_now(h)),
                .w = w,
                .max_size = max_size,
                .left = limit,
                .after = after,
                .last = ret_next,
        };
        int r;

        ret_next[0] = '\0';
        writer_begin_array(w, kind == LIST_BANNED ? "banned" : "authorized");
        r = kind == LIST_BANNED ? channel_each_ban(h->channel, host_now(h), write_ban, &page)
                                : channel_each_role(h->channel, write_role, &page);
        writer_end_array(w);
        if (!page.more)
                ret_next[0] = '\0';
        return r;
}

int channel_host_list(const ChannelHost *h, const Actor *actor, ListKind kind, const char *after,
                      uint64_t limit, size_t max_bytes, Writer *w, Failure *f) {
        char next[LIST_NEXT_SIZE];
        int r;

        r = kind == LIST_BANNED ? channel_may_list_bans(h->channel, actor, host_now(h), f)
                                : channel_may_list_roles(h->channel, actor, host_now(h), f);
        if (r < 0)
                return r;
        writer_begin_object(w, NULL);
        r = lists_write(h, actor, kind, w, after, limit, w->size + max_bytes - LIST_RESERVE, next);
        if (r > 0)
                writer_string(w, "next", next);
        writer_end_object(w);
        if (r < 0 || w->error < 0)
                return failure_set(f, ERROR_INTERNAL, "Out of memory.");
        return 0;
}
