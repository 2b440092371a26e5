/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a page of a channel's log is asked for and given on the bus; leaves where it comes from
 * to channel-member.h, how entries look to entry-page.h. */
#include "daemon/bus/channel-bus-internal.h"
#include "daemon/bus/entry-page.h"

typedef struct MessagesOptions {
        const char *direction;
        char **kinds;
        uint64_t since, until; /* µs since the epoch */
} MessagesOptions;

/* What the completion must know. */
typedef struct Request {
        uint64_t anchor;
        uint32_t limit;
        bool before;
        char **kinds; /* NULL: all */
        uint64_t since, until;
} Request;

static void request_free(void *data) {
        Request *q = data;

        strv_free(q->kinds);
        free(q);
}

static bool is_wanted(const Entry *e, const void *userdata) {
        const Request *q = userdata;

        if (e->time < q->since || e->time > q->until)
                return false;
        if (!q->kinds)
                return true;
        for (char **kind = q->kinds; *kind; kind++)
                if (streq(*kind, e->kind_name))
                        return true;
        return false;
}

/* They have an index of their own: so what is rare is found without walking through all. */
static bool is_governance_only(const Request *q) {
        for (char **kind = q->kinds; kind && *kind; kind++)
                if (streq(*kind, entry_kind_to_string(ENTRY_MESSAGE)))
                        return false;
        return q->kinds;
}

static void on_page(const Failure *f, const Entry *entries, size_t n, bool more, bool from_host,
                    void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const Request *q = bus_operation_get_data(userdata);
        const ChannelObject *o = bus_operation_get_object(userdata);
        const EntryPageFilter filter = {
                .before = q->before,
                .limit = q->limit,
                .is_wanted = is_wanted,
                .userdata = q,
                .is_hidden = channel_object_hides,
                .member = o->member,
        };
        const Entry *next = NULL;
        size_t n_taken = 0;
        int r;

        r = bus_operation_new_reply(userdata, f, &reply);
        if (r >= 0)
                r = entry_page_append(reply, entries, n, &filter, &next, &n_taken);
        if (r >= 0)
                r = sd_bus_message_append(reply, "a{sv}", 4, "more", "b",
                                          (int) (more || n_taken < n), "next_anchor", "t",
                                          next ? next->seq : q->anchor, "synced_seq", "t",
                                          channel_member_get_synced_seq(o->member), "source", "s",
                                          from_host ? "host" : "local");
        bus_operation_reply(userdata, r, reply);
}

static int read_options(sd_bus_message *m, Request *q, sd_bus_error *error) {
        MessagesOptions o = { .until = UINT64_MAX };
        static const Option table[] = {
                { "direction", OPTION_STRING, offsetof(MessagesOptions, direction) },
                { "kinds", OPTION_STRINGS, offsetof(MessagesOptions, kinds) },
                { "since_usec", OPTION_UINT64, offsetof(MessagesOptions, since) },
                { "until_usec", OPTION_UINT64, offsetof(MessagesOptions, until) },
                {},
        };
        int r;

        r = options_read(m, table, &o, error);
        q->kinds = o.kinds;
        q->since = o.since;
        q->until = o.until;
        if (r < 0)
                return r;
        q->before = o.direction && streq(o.direction, "before");
        if (o.direction && !q->before && !streq(o.direction, "after"))
                return bus_error_code(error, ERROR_BAD_REQUEST,
                                      "direction must be after or before.");
        return 0;
}

int method_get_messages(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        ChannelObject *o = userdata;
        MemberOp *waiting = NULL;
        BusOperation *op;
        PageQuery query;
        Request *q;
        int r;

        q = new0(Request, 1);
        if (!q)
                return -ENOMEM;
        r = channel_object_new_operation(o, m, &op);
        if (r < 0) {
                request_free(q);
                return r;
        }
        bus_operation_set_data(op, q, request_free);
        r = sd_bus_message_read(m, "tu", &q->anchor, &q->limit);
        if (r >= 0)
                r = read_options(m, q, error);
        if (r >= 0 && (q->limit == 0 || q->limit > P2PCHAT_PAGE_ENTRIES_MAX))
                r = bus_error_code(error, ERROR_BAD_REQUEST, "limit must be 1 to %d.",
                                   P2PCHAT_PAGE_ENTRIES_MAX);
        if (r < 0)
                return bus_operation_refuse(op, r);

        query = (PageQuery){
                .anchor = q->anchor,
                .before = q->before,
                .limit = q->limit,
                .max_bytes = entry_page_text_max(q->limit),
                .governance_only = is_governance_only(q),
                .since = q->since,
                .until = MAX(q->until, UINT64_C(1)), /* 0 would be no end */
        };
        r = channel_member_read(o->member, &query, on_page, op, &waiting);
        return bus_operation_park(op, r, waiting, member_op_cancel, error);
}

int method_mark_read(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        static const Option table[] = { { "unread", OPTION_BOOL, 0 }, {} };
        ChannelObject *o = userdata;
        MemberOp *waiting = NULL;
        bool unread = false;
        BusOperation *op;
        uint64_t seq;
        int r;

        r = sd_bus_message_read_basic(m, 't', &seq);
        if (r >= 0)
                r = options_read(m, table, &unread, error);
        if (r >= 0)
                r = channel_object_new_operation(o, m, &op);
        if (r < 0)
                return r;
        r = channel_member_mark_read(o->member, seq, unread, channel_object_on_done, op, &waiting);
        return bus_operation_park(op, r, waiting, member_op_cancel, error);
}

int method_export(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        static const Option table[] = { { "format", OPTION_STRING, 0 }, {} };
        ExportFormat format = EXPORT_JSON;
        ChannelObject *o = userdata;
        MemberOp *waiting = NULL;
        const char *name = NULL;
        BusOperation *op;
        int fd, r;

        r = sd_bus_message_read_basic(m, 'h', &fd);
        if (r >= 0)
                r = options_read(m, table, &name, error);
        if (r < 0)
                return r;
        if (name)
                format = export_format_from_string(name);
        if (format < 0)
                return bus_error_code(error, ERROR_BAD_REQUEST, "format must be json or text.");
        r = channel_object_new_operation(o, m, &op);
        if (r < 0)
                return r;
        r = channel_member_export(o->member, fd, format, channel_object_on_done, op, &waiting);
        return bus_operation_park(op, r, waiting, member_op_cancel, error);
}
