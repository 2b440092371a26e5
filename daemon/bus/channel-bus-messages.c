/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a page of a channel's log is asked for and given on the bus; leaves where it comes from
 * to channel-member.h, what entries say to entry-view.h. */
#include "daemon/bus/channel-bus-internal.h"
#include "daemon/bus/entry-view.h"

/* What an entry needs on the bus beside its text, generously; so a page of short entries stays
 * below its bound, too. */
#define ENTRY_OVERHEAD_BYTES 320
/* … and each item of its extra: length, padding and the signature of a variant. */
#define ITEM_OVERHEAD_BYTES 32

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

/* The items from *i on up to the end of their container, each as a variant; as members of an object
 * or as elements of an array. */
static int append_items(sd_bus_message *reply, const EntryItem *items, size_t n, size_t *i) {
        int r = 0;

        for (; r >= 0 && *i < n && items[*i].type != ENTRY_ITEM_END; (*i)++) {
                const EntryItem *item = &items[*i];
                const bool is_object = item->type == ENTRY_ITEM_OBJECT;

                if (item->key) {
                        r = sd_bus_message_open_container(reply, 'e', "sv");
                        if (r >= 0)
                                r = sd_bus_message_append_basic(reply, 's', item->key);
                        if (r < 0)
                                return r;
                }
                switch (item->type) {
                case ENTRY_ITEM_STRING:
                        r = sd_bus_message_append(reply, "v", "s", item->s);
                        break;
                case ENTRY_ITEM_UINT:
                        r = sd_bus_message_append(reply, "v", "t", item->u);
                        break;
                case ENTRY_ITEM_INT:
                        r = sd_bus_message_append(reply, "v", "x", item->i);
                        break;
                case ENTRY_ITEM_DOUBLE:
                        r = sd_bus_message_append(reply, "v", "d", item->d);
                        break;
                case ENTRY_ITEM_BOOL:
                        r = sd_bus_message_append(reply, "v", "b", (int) item->b);
                        break;
                case ENTRY_ITEM_OBJECT:
                case ENTRY_ITEM_ARRAY:
                        r = sd_bus_message_open_container(reply, 'v', is_object ? "a{sv}" : "av");
                        if (r >= 0)
                                r = sd_bus_message_open_container(reply, 'a',
                                                                  is_object ? "{sv}" : "v");
                        (*i)++;
                        if (r >= 0)
                                r = append_items(reply, items, n, i);
                        if (r >= 0)
                                r = sd_bus_message_close_container(reply);
                        if (r >= 0)
                                r = sd_bus_message_close_container(reply);
                        break;
                case ENTRY_ITEM_END:
                        break;
                }
                if (r >= 0 && item->key)
                        r = sd_bus_message_close_container(reply);
        }
        return r;
}

static size_t get_size(const EntryView *view) {
        size_t n, size = ENTRY_OVERHEAD_BYTES;
        const EntryItem *items = entry_view_get_items(view, &n);

        for (size_t i = 0; i < n; i++) {
                size += ITEM_OVERHEAD_BYTES + (items[i].key ? strlen(items[i].key) : 0);
                if (items[i].type == ENTRY_ITEM_STRING)
                        size += strlen(items[i].s);
        }
        return size;
}

static int append_entry(sd_bus_message *reply, const Entry *e, const EntryView *view) {
        const EntryItem *items;
        size_t n, i = 0;
        int r;

        items = entry_view_get_items(view, &n);
        r = sd_bus_message_open_container(reply, 'r', "tssssta{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "tsssst", e->seq, e->id, e->kind_name, e->username,
                                          user_type_to_bus(e->user_type), e->time);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = append_items(reply, items, n, &i);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static bool is_wanted(const Request *q, const Entry *e) {
        if (e->time < q->since || e->time > q->until)
                return false;
        if (!q->kinds)
                return true;
        for (char **kind = q->kinds; *kind; kind++)
                if (streq(*kind, e->kind_name))
                        return true;
        return false;
}

/* Those of a page that the bus has room for, the nearest to the anchor first: JSON can be a small
 * part of what it becomes there. views[i] stays NULL for what is not wanted. */
static int choose(const Request *q, const Entry *entries, size_t n, EntryView **views,
                  size_t *ret_n) {
        size_t size = 0, n_wanted = 0;
        int r;

        for (*ret_n = 0; *ret_n < n; (*ret_n)++) {
                size_t i = q->before ? n - 1 - *ret_n : *ret_n;

                if (!is_wanted(q, &entries[i]))
                        continue;
                if (n_wanted++ == q->limit)
                        break;
                r = entry_view_new(&entries[i], &views[i]);
                if (r < 0)
                        return r;
                size += get_size(views[i]);
                if (size > P2PCHAT_PAGE_BYTES_MAX && *ret_n > 0)
                        break;
        }
        return 0;
}

static int append_page(sd_bus_message *reply, const Request *q, const Entry *entries, size_t n,
                       const Entry **ret_next, size_t *ret_n) {
        _cleanup_free_ EntryView **views = new0(EntryView *, n + 1);
        size_t first = 0;
        int r;

        if (!views)
                return -ENOMEM;
        r = choose(q, entries, n, views, ret_n);
        if (q->before)
                first = n - *ret_n;
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(tssssta{sv})");
        for (size_t i = first; r >= 0 && i < first + *ret_n; i++)
                if (views[i])
                        r = append_entry(reply, &entries[i], views[i]);
        for (size_t i = 0; i < n; i++)
                entry_view_free(views[i]);
        *ret_next = *ret_n == 0 ? NULL : q->before ? &entries[first] : &entries[*ret_n - 1];
        return r < 0 ? r : sd_bus_message_close_container(reply);
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
        const Entry *next = NULL;
        size_t n_taken = 0;
        int r;

        if (f) {
                bus_operation_fail(userdata, f);
                return;
        }
        r = bus_operation_new_reply(userdata, &reply);
        if (r >= 0)
                r = append_page(reply, q, entries, n, &next, &n_taken);
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
                .max_bytes = P2PCHAT_PAGE_BYTES_MAX - (size_t) q->limit * ENTRY_OVERHEAD_BYTES,
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
