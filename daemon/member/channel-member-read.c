/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a page of the log is read: from our copy, or, below its beginning, from the host.
 * Leaves what is live to channel-member-stream.c. */
#include "daemon/member/channel-member-internal.h"

typedef struct ReadOp {
        MemberOp op;
        PageQuery query;
        bool holds_since; /* what is held begins before query.since */
        bool asked_host;
        uint64_t host_before; /* what it was asked with; 0: for the newest, or after something */
        uint64_t host_last;   /* the log had this entry then */
        unsigned host_limit;
        bool joins;     /* what it was asked for ends where the copy begins */
        Entry *entries; /* from the host, on their way to our copy */
        size_t n_entries;
        bool more;
} ReadOp;

static void read_complete(Operation *o, const Failure *f) {
        MemberOp *op = (MemberOp *) o;

        op->fn.page(f, NULL, 0, false, false, op->userdata);
}

static void read_release(Operation *o) {
        ReadOp *x = (ReadOp *) o;

        member_op_release(o);
        x->entries = entries_free(x->entries, x->n_entries);
        x->n_entries = 0;
}

static const OperationType read_type = { .complete = read_complete, .release = read_release };

static void read_end(ReadOp *x, const Entry *entries, size_t n, bool more, bool from_host) {
        member_page_fn done = x->op.fn.page;
        void *userdata = x->op.userdata;
        Entry *mine = TAKE_PTR(x->entries);
        size_t n_mine = x->n_entries;

        operation_drop(&x->op.base);
        done(NULL, entries, n, more, from_host, userdata);
        entries_free(mine, n_mine);
}

static void read_failed(ReadOp *x, int r) {
        Failure f;

        member_fail_store(x->op.member, &f, r, "Cannot read the log");
        operation_complete(&x->op.base, &f);
}

static bool has_end(const PageQuery *q) {
        return q->until > 0 && q->until < UINT64_MAX;
}

/* Is what is asked for older than what is held here, and is there somebody to ask? */
static bool wants_host(const ReadOp *x, size_t n) {
        const ChannelMember *c = x->op.member;
        const PageQuery *q = &x->query;
        uint64_t first = c->stored.first_seq > 0 ? c->stored.first_seq : member_since(c) + 1;

        if (x->asked_host || c->host || !c->connected || x->holds_since)
                return false;
        if (q->before)
                return n < q->limit && c->stored.first_seq != 1 && c->stored.last_seq > 0 &&
                       q->anchor != 1;
        return first > 1 && q->anchor < first - 1;
}

static int read_local(ReadOp *x, store_page_fn done) {
        const ChannelMember *c = x->op.member;

        return store_read_page(c->store, c->stored.row, &x->query, done, x, &x->op.job);
}

static int read_host_entries(const Value *payload, size_t limit, Entry **ret, size_t *ret_n,
                             bool *ret_more) {
        const Value *array = value_get(payload, "entries");
        size_t n = value_length(array);
        Entry *entries;
        const char *bad;

        if (value_kind(array) != VALUE_ARRAY || n > limit)
                return -EBADMSG;
        entries = new0(Entry, n ? n : 1);
        if (!entries)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if (entry_read(value_at(array, i), &entries[i], &bad) < 0 ||
                    (i > 0 && entries[i].seq != entries[i - 1].seq + 1)) {
                        entries_free(entries, i + 1);
                        return -EBADMSG;
                }
        *ret_more = false;
        if (n > 0) /* who asks for page after page comes to an end */
                (void) value_bool(value_get(payload, "more"), ret_more);
        *ret = entries;
        *ret_n = n;
        return 0;
}

static void on_page_again(int r, const Entry *entries, size_t n, bool more, void *userdata) {
        ReadOp *x = userdata;
        const ChannelMember *c = x->op.member;

        x->op.job = NULL;
        if (r < 0) {
                read_failed(x, r);
                return;
        }
        if (x->query.before && c->stored.first_seq > 1 &&
            (x->n_entries == 0 || x->entries[0].time >= x->query.since))
                more = true;
        read_end(x, entries, n, more, true);
}

static bool has_guests(const Entry *entries, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (entries[i].kind == ENTRY_MESSAGE && entries[i].user_type == USER_GUEST)
                        return true;
        return false;
}

static void show_host_page(ReadOp *x) {
        const PageQuery *q = &x->query;
        uint64_t first = x->op.member->stored.first_seq;

        while (q->before && q->anchor > 0 && x->n_entries > 0 &&
               x->entries[x->n_entries - 1].seq >= q->anchor)
                entry_done(&x->entries[--x->n_entries]);
        /* What is held is shown from here. */
        while (!q->before && first > 0 && x->n_entries > 0 &&
               x->entries[x->n_entries - 1].seq >= first) {
                entry_done(&x->entries[--x->n_entries]);
                x->more = true;
        }
        read_end(x, x->entries, x->n_entries, x->more, true);
}

/* What has joined the copy by now, which may be another page than the one that was asked for. */
static void show_copy(ReadOp *x) {
        if (read_local(x, on_page_again) < 0)
                show_host_page(x);
}

static void on_kept(int r, void *userdata) {
        ReadOp *x = userdata;
        ChannelMember *c = x->op.member;

        x->op.job = NULL;
        if (r >= 0 && x->entries[0].seq < c->stored.first_seq) {
                c->stored.first_seq = x->entries[0].seq;
                if (has_guests(x->entries, x->n_entries))
                        outbox_changed(c); /* what we said as a guest may be among it */
                channel_member_count_mentions(c);
                member_changed(c);
        }
        if (r >= 0 || (r == -EILSEQ && x->joins)) /* another page was kept meanwhile */
                show_copy(x);
        else
                show_host_page(x);
}

/* What the first entry says: no other way tells it to who joined later in the log. */
static void learn(ChannelMember *c, const Entry *entries, size_t n) {
        if (n > 0 && entries[0].kind == ENTRY_CREATE)
                member_apply(c, &entries[0]);
}

/* A page follows, or comes before, what was asked for without a hole, and is not empty where a log
 * has none: so who asks for page after page comes to an end, and has seen it all. Of a time it may
 * lie anywhere in that direction. */
static bool is_page_asked_for(const ReadOp *x) {
        const PageQuery *q = &x->query;
        uint64_t last = x->n_entries > 0 ? x->entries[x->n_entries - 1].seq : 0;

        if (!q->before && x->n_entries == 0)
                return q->since > 0 || has_end(q) || q->anchor >= x->host_last;
        if (!q->before)
                return x->entries[0].seq == q->anchor + 1 ||
                       (q->since > 0 && x->entries[0].seq > q->anchor);
        if (x->host_before == 0)
                return last >= x->host_last || has_end(q);
        return last == x->host_before - 1 ||
               (last < x->host_before && (last >= x->host_last || has_end(q)));
}

/* Whatever the host says. */
static bool has_more(const ReadOp *x) {
        const PageQuery *q = &x->query;

        if (x->n_entries == 0)
                return false;
        if (q->before)
                return x->entries[0].seq > 1 && x->entries[0].time >= q->since;
        return x->more || (!has_end(q) && x->entries[x->n_entries - 1].seq < x->host_last);
}

static void on_history(int r, const Value *payload, const Failure *failure, void *userdata) {
        ReadOp *x = userdata;
        ChannelMember *c = x->op.member;
        Failure f;

        x->op.call = NULL;
        if (r == 0 && failure) {
                operation_complete(&x->op.base, failure);
                return;
        }
        if (r == 0)
                r = read_host_entries(payload, x->host_limit, &x->entries, &x->n_entries, &x->more);
        if (r >= 0 && !is_page_asked_for(x))
                r = -EBADMSG;
        if (r < 0) {
                failure_set(&f,
                            r == -ETIMEDOUT ? ERROR_TIMEOUT
                            : r == -EBADMSG ? ERROR_PROTOCOL
                                            : ERROR_HOST_OFFLINE,
                            "The host did not answer with a page of its log.");
                operation_complete(&x->op.base, &f);
                return;
        }
        x->more = has_more(x);
        learn(c, x->entries, x->n_entries); /* on disk ahead of the copy */
        if (x->query.before && x->n_entries > 0 && c->stored.first_seq > 0 &&
            x->entries[x->n_entries - 1].seq + 1 == c->stored.first_seq &&
            store_copy_older(c->store, c->stored.row, x->entries, x->n_entries, on_kept, x,
                             &x->op.job) >= 0)
                return;
        if (x->joins)
                show_copy(x);
        else
                show_host_page(x);
}

/* The wire's times are whole milliseconds, and so are those of entries. */
static uint64_t round_up(uint64_t usec) {
        return usec > UINT64_MAX - USEC_PER_MSEC ? usec : usec + USEC_PER_MSEC - 1;
}

static int ask_host(ReadOp *x) {
        ChannelMember *c = x->op.member;
        const PageQuery *q = &x->query;
        _cleanup_(writer_done) Writer w = {};

        x->asked_host = true;
        x->host_last = c->stored.last_seq;
        /* The host leaves out no kinds. */
        x->host_limit = q->governance_only ? HISTORY_LIMIT_MAX : q->limit;
        x->joins = q->before && c->stored.first_seq > 0 && !has_end(q);
        member_begin_request(c, &w);
        /* Older pages join what is held, whatever was asked for, so that no hole stays between; but
         * a time can be far below, and all between would come first: that is only shown. */
        if (q->before)
                x->host_before = c->stored.first_seq > 0 ? c->stored.first_seq : q->anchor;
        if (q->before && has_end(q) && q->anchor > 0)
                x->host_before = MIN(x->host_before, q->anchor);
        if (x->host_before > 0)
                writer_uint(&w, "before", x->host_before);
        else if (!q->before) {
                writer_uint(&w, "after", q->anchor);
                if (q->since > 0)
                        writer_time(&w, "since", round_up(q->since));
        }
        if (has_end(q))
                writer_time(&w, "until", q->until);
        writer_uint(&w, "limit", x->host_limit);
        writer_end_object(&w);
        return member_call(c, "HISTORY", &w, on_history, x, &x->op.call);
}

static void on_page(int r, const Entry *entries, size_t n, bool more, void *userdata) {
        ReadOp *x = userdata;

        x->op.job = NULL;
        if (r >= 0 && !x->op.member->host)
                learn(x->op.member, entries, n);
        if (r < 0)
                read_failed(x, r);
        else if ((more && x->query.before) || !wants_host(x, n) || ask_host(x) < 0)
                read_end(x, entries, n, more, false);
}

/* Of the first entry that is held. */
static void on_first(int r, const Entry *entries, size_t n, bool more, void *userdata) {
        ReadOp *x = userdata;

        x->op.job = NULL;
        x->holds_since = r >= 0 && n > 0 && entries[0].time < x->query.since;
        if (r >= 0)
                r = read_local(x, on_page);
        if (r < 0)
                read_failed(x, r);
}

static int read_begin(ReadOp *x) {
        static const PageQuery first = { .limit = 1 };
        const ChannelMember *c = x->op.member;

        if (x->query.since == 0 || c->host || c->stored.first_seq <= 1)
                return read_local(x, on_page);
        return store_read_page(c->store, c->stored.row, &first, on_first, x, &x->op.job);
}

int channel_member_read(ChannelMember *c, const PageQuery *q, member_page_fn done, void *userdata,
                        MemberOp **ret_op) {
        ReadOp *x = new0(ReadOp, 1);
        int r;

        if (!x)
                return -ENOMEM;
        member_op_init(&x->op, c, &read_type, userdata);
        x->op.fn.page = done;
        x->query = *q;
        if (x->query.limit == 0 || x->query.limit > HISTORY_LIMIT_MAX)
                x->query.limit = HISTORY_LIMIT_MAX;
        r = read_begin(x);
        return member_op_begun(&x->op, r, ret_op);
}
