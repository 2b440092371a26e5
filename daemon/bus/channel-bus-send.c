/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how text enters the outbox over the bus, and how the outbox is looked at; leaves sending to
 * channel-member.h. */
#include <inttypes.h>

#include "daemon/bus/channel-bus-internal.h"

#define ROW_OVERHEAD_BYTES 256
#define WAIT_MAX_USEC USEC_PER_DAY
#define BAD_CHARACTERS "The text holds control characters or no characters at all; take them out."

typedef struct SendOptions {
        const char *id, *wait;
        uint64_t timeout;
        char *meta; /* owned, JSON */
} SendOptions;

static void send_options_done(SendOptions *o) {
        free(o->meta);
}

static void on_sent(const Failure *f, const char *id, uint64_t seq, void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = bus_operation_new_reply(userdata, f, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "st", id, seq);
        bus_operation_reply(userdata, r, reply);
}

static int check_id(const char *id, sd_bus_error *error) {
        if (uuid_is_valid(id))
                return 0;
        return bus_error_code(error, ERROR_BAD_REQUEST,
                              "\"%.64s\" is no id; a message's is a lower-case UUID.", id);
}

static int check_send(const char *text, const SendOptions *o, sd_bus_error *error) {
        size_t n = strlen(text);

        if (n > MESSAGE_BYTES_MAX)
                return bus_error_code(error, ERROR_TOO_LARGE,
                                      "The text has %zu bytes, and a message at most %d; send it "
                                      "in parts.",
                                      n, MESSAGE_BYTES_MAX);
        if (n == 0)
                return bus_error_code(error, ERROR_BAD_REQUEST,
                                      "The text is empty; a message has at least one character.");
        if (!text_is_valid(text, n, true))
                return bus_error_code(error, ERROR_BAD_REQUEST, BAD_CHARACTERS);
        if (o->meta && strlen(o->meta) > META_BYTES_MAX)
                return bus_error_code(error, ERROR_TOO_LARGE,
                                      "meta has %zu bytes as JSON, at most %d are allowed.",
                                      strlen(o->meta), META_BYTES_MAX);
        if (o->wait && !streq(o->wait, "queued") && !streq(o->wait, "stored"))
                return bus_error_code(error, ERROR_BAD_REQUEST, "wait must be queued or stored.");
        return o->id ? check_id(o->id, error) : 0;
}

int method_send(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(send_options_done) SendOptions options = { .timeout = P2PCHAT_SEND_TIMEOUT_USEC };
        static const Option table[] = {
                { "id", OPTION_STRING, offsetof(SendOptions, id) },
                { "wait", OPTION_STRING, offsetof(SendOptions, wait) },
                { "timeout_usec", OPTION_UINT64, offsetof(SendOptions, timeout) },
                { "meta", OPTION_JSON, offsetof(SendOptions, meta) },
                {},
        };
        ChannelObject *o = userdata;
        MemberOp *waiting = NULL;
        uint64_t wait_usec = 0;
        BusOperation *op;
        const char *text;
        int r;

        r = sd_bus_message_read_basic(m, 's', &text);
        if (r == -EBADMSG) /* sd-bus takes no U+xxFFFE either */
                return bus_error_code(error, ERROR_BAD_REQUEST, BAD_CHARACTERS);
        if (r >= 0)
                r = options_read(m, table, &options, error);
        if (r >= 0)
                r = check_send(text, &options, error);
        if (r < 0)
                return r;
        if (options.wait && streq(options.wait, "stored"))
                wait_usec = MIN(MAX(options.timeout, UINT64_C(1)), WAIT_MAX_USEC);
        r = channel_object_new_operation(o, m, &op);
        if (r < 0)
                return r;
        r = channel_member_send(o->member, options.id, text, options.meta, wait_usec, on_sent, op,
                                &waiting);
        return bus_operation_park(op, r, waiting, member_op_cancel, error);
}

static int append_row(sd_bus_message *reply, const OutboxRow *row) {
        int r;

        r = sd_bus_message_open_container(reply, 'r', "sstusa{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "sstus", row->id, row->text, row->queued,
                                          (uint32_t) MIN(row->attempts, (uint64_t) UINT32_MAX),
                                          outbox_state_to_string(row->state));
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0 && row->state == OUTBOX_FAILED)
                r = sd_bus_message_append(reply, "{sv}", "error", "s",
                                          error_info(row->error)->dbus);
        if (r >= 0 && row->state == OUTBOX_STORED)
                r = sd_bus_message_append(reply, "{sv}", "seq", "t", row->seq);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* next is the order of the last row given: unlike an id it stays good when that row goes away. */
static void on_outbox(const Failure *f, const OutboxRow *rows, size_t n, bool more,
                      void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        size_t n_bytes = 0, i;
        char next[24] = "";
        int r;

        r = bus_operation_new_reply(userdata, f, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sstusa{sv})");
        for (i = 0; r >= 0 && i < n; i++) {
                n_bytes += strlen(rows[i].text) + ROW_OVERHEAD_BYTES;
                if (i > 0 && n_bytes > P2PCHAT_PAGE_BYTES_MAX)
                        break;
                r = append_row(reply, &rows[i]);
        }
        if (i > 0 && (more || i < n))
                (void) snprintf(next, sizeof(next), "%" PRIu64, rows[i - 1].order);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', next);
        bus_operation_reply(userdata, r, reply);
}

typedef struct OutboxOptions {
        const char *after;
        uint64_t limit;
} OutboxOptions;

int method_get_outbox(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        OutboxOptions options = { .limit = P2PCHAT_PAGE_ENTRIES_MAX };
        static const Option table[] = {
                { "after", OPTION_STRING, offsetof(OutboxOptions, after) },
                { "limit", OPTION_UINT, offsetof(OutboxOptions, limit) },
                {},
        };
        ChannelObject *o = userdata;
        MemberOp *waiting = NULL;
        uint64_t after = 0;
        BusOperation *op;
        int r;

        r = options_read(m, table, &options, error);
        if (r < 0)
                return r;
        if (options.limit == 0 || options.limit > P2PCHAT_PAGE_ENTRIES_MAX)
                return bus_error_code(error, ERROR_BAD_REQUEST, "limit must be 1 to %d.",
                                      P2PCHAT_PAGE_ENTRIES_MAX);
        if (options.after && *options.after) {
                int n = -1;

                if (sscanf(options.after, "%20" SCNu64 "%n", &after, &n) != 1 || n < 0 ||
                    options.after[n] || options.after[0] < '0' || options.after[0] > '9')
                        return bus_error_code(error, ERROR_BAD_REQUEST,
                                              "after must be what an earlier page said as next.");
        }
        r = channel_object_new_operation(o, m, &op);
        if (r < 0)
                return r;
        r = channel_member_read_outbox(o->member, after, (unsigned) options.limit, on_outbox, op,
                                       &waiting);
        return bus_operation_park(op, r, waiting, member_op_cancel, error);
}

typedef int (*row_fn)(ChannelMember *c, const char *id, member_done_fn done, void *userdata,
                      MemberOp **ret_op);

static int begin_row(sd_bus_message *m, ChannelObject *o, row_fn begin, sd_bus_error *error) {
        MemberOp *waiting = NULL;
        BusOperation *op;
        const char *id;
        int r;

        r = sd_bus_message_read_basic(m, 's', &id);
        if (r >= 0)
                r = options_read(m, NULL, NULL, error);
        if (r >= 0)
                r = check_id(id, error);
        if (r >= 0)
                r = channel_object_new_operation(o, m, &op);
        if (r < 0)
                return r;
        r = begin(o->member, id, channel_object_on_done, op, &waiting);
        return bus_operation_park(op, r, waiting, member_op_cancel, error);
}

int method_cancel(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return begin_row(m, userdata, channel_member_cancel, error);
}

int method_retry(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return begin_row(m, userdata, channel_member_retry, error);
}
