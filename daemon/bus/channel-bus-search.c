/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a search is asked for and answered on the bus; leaves finding to channel-member.h, how
 * entries look to entry-page.h. */
#include "daemon/bus/channel-bus-internal.h"
#include "daemon/bus/entry-page.h"

typedef struct SearchOptions {
        const char *direction;
        uint64_t anchor;
} SearchOptions;

/* What the completion must know; borrowed from the call. */
typedef struct Request {
        uint32_t limit;
        bool before;
} Request;

static void on_found(const Failure *f, const Entry *entries, size_t n, bool more,
                     uint64_t next_anchor, void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const Request *q = bus_operation_get_data(userdata);
        const ChannelObject *o = bus_operation_get_object(userdata);
        const EntryPageFilter filter = {
                .before = q->before,
                .limit = q->limit,
                .is_hidden = channel_object_hides,
                .member = o->member,
        };
        const Entry *next = NULL;
        size_t n_taken = 0;
        int r;

        r = bus_operation_new_reply(userdata, f, &reply);
        if (r >= 0)
                r = entry_page_append(reply, entries, n, &filter, &next, &n_taken);
        if (r >= 0 && n_taken < n) {
                more = true;
                next_anchor = next->seq;
        }
        if (r >= 0)
                r = sd_bus_message_append(
                        reply, "a{sv}", 5, "more", "b", (int) more, "next_anchor", "t", next_anchor,
                        "first_seq", "t", channel_member_get_first_seq(o->member), "synced_seq",
                        "t", channel_member_get_synced_seq(o->member), "source", "s", "local");
        bus_operation_reply(userdata, r, reply);
}

int method_search(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        static const Option table[] = {
                { "direction", OPTION_STRING, offsetof(SearchOptions, direction) },
                { "anchor", OPTION_UINT64, offsetof(SearchOptions, anchor) },
                {},
        };
        SearchOptions options = { .direction = "before" };
        ChannelObject *o = userdata;
        MemberOp *waiting = NULL;
        BusOperation *op;
        SearchQuery query;
        const char *words;
        uint32_t limit;
        Request *q;
        int r;

        r = sd_bus_message_read(m, "su", &words, &limit);
        if (r >= 0)
                r = options_read(m, table, &options, error);
        if (r < 0)
                return r;
        if (limit == 0 || limit > P2PCHAT_PAGE_ENTRIES_MAX)
                return bus_error_code(error, ERROR_BAD_REQUEST, "limit must be 1 to %d.",
                                      P2PCHAT_PAGE_ENTRIES_MAX);
        if (!streq(options.direction, "before") && !streq(options.direction, "after"))
                return bus_error_code(error, ERROR_BAD_REQUEST,
                                      "direction must be after or before.");
        r = channel_object_new_operation(o, m, &op);
        if (r < 0)
                return r;
        q = new0(Request, 1);
        if (!q)
                return bus_operation_refuse(op, -ENOMEM);
        *q = (Request){ .limit = limit, .before = streq(options.direction, "before") };
        bus_operation_set_data(op, q, free);
        query = (SearchQuery){
                .words = words,
                .anchor = options.anchor,
                .before = q->before,
                .limit = limit,
                .max_bytes = entry_page_text_max(limit),
        };
        r = channel_member_search(o->member, &query, on_found, op, &waiting);
        return bus_operation_park(op, r, waiting, member_op_cancel, error);
}
