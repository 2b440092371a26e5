/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the entry behind which a member is in its channel's log, and where a copy begins that holds
 * nothing yet; leaves what follows to channel-member-stream.c. */
#include "daemon/member/channel-member-internal.h"

uint64_t member_since(const ChannelMember *c) {
        const StoredChannel *s = &c->stored;

        return s->synced_seq > 0 ? s->synced_seq : s->has_begin ? s->begin_seq : 0;
}

void member_write_since(const ChannelMember *c, Writer *w) {
        const StoredChannel *s = &c->stored;
        const char *id = s->synced_seq > 0 ? s->synced_id : s->begin_id;
        uint64_t since = member_since(c);

        writer_uint(w, "since", since);
        if (since > 0 && id[0])
                writer_string(w, "since_id", id);
        else if (since == 0 && s->has_backlog && !s->has_begin)
                writer_uint(w, "backlog", s->backlog);
}

void member_begin(ChannelMember *c, uint64_t last_seq) {
        StoredChannel *s = &c->stored;

        if (s->synced_seq > 0 || s->has_begin)
                return;
        s->has_begin = true;
        s->begin_seq = s->has_backlog ? last_seq - MIN(last_seq, s->backlog) : 0;
        s->begin_id[0] = '\0';
}

static void on_begin(int r, const Value *payload, const Failure *failure, void *userdata) {
        ChannelMember *c = userdata;
        const Value *v = value_at(value_get(payload, "entries"), 0);
        Entry e = {};
        const char *bad;

        c->begin_call = NULL;
        if (r < 0 || failure || !v || entry_read(v, &e, &bad) < 0)
                return; /* asked for with the next OK */
        if (e.seq == c->stored.begin_seq) {
                memcpy(c->stored.begin_id, e.id, sizeof(c->stored.begin_id));
                member_save_soon(c);
        }
        entry_done(&e);
}

void member_learn_begin(ChannelMember *c) {
        StoredChannel *s = &c->stored;
        _cleanup_(writer_done) Writer w = {};

        if (s->synced_seq > 0 || s->begin_seq == 0 || s->begin_id[0] || c->begin_call)
                return;
        member_begin_request(c, &w);
        writer_uint(&w, "before", s->begin_seq + 1);
        writer_uint(&w, "limit", 1);
        writer_end_object(&w);
        (void) member_call(c, "HISTORY", &w, on_begin, c, &c->begin_call);
}
