/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the part of org.p2pchat.Peer1.Moderation about who is sent out, and the lists of who has a
 * role and who is banned; leaves who may to channel.h, at the host. */
#include "base/text.h"
#include "daemon/bus/channel-bus-internal.h"

/* ---- out ---- */

typedef struct SanctionOptions {
        const char *reason;
        uint64_t until;
} SanctionOptions;

static int sanction(sd_bus_message *m, ChannelObject *o, SanctionKind kind, const Option *table,
                    sd_bus_error *error) {
        SanctionOptions options = {};
        MemberOp *waiting = NULL;
        char target[NAME_SIZE];
        const char *username;
        BusOperation *op;
        Sanction s;
        int r;

        r = sd_bus_message_read(m, "s", &username);
        if (r >= 0)
                r = options_read(m, table, &options, error);
        if (r >= 0)
                r = moderation_read_name(username, target, error);
        if (r < 0)
                return r;
        if (options.reason && (strlen(options.reason) > REASON_BYTES_MAX ||
                               !text_is_valid(options.reason, strlen(options.reason), false)))
                return bus_error_code(error, ERROR_BAD_REQUEST,
                                      "A reason is one line of at most %d bytes.",
                                      REASON_BYTES_MAX);
        r = channel_object_new_operation(o, m, &op);
        if (r < 0)
                return r;
        s = (Sanction){
                .kind = kind,
                .target = target,
                .reason = options.reason,
                .until = options.until,
        };
        r = channel_member_sanction(o->member, &s, channel_object_on_done, op, &waiting);
        return bus_operation_park(op, r, waiting, member_op_cancel, error);
}

int method_kick(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        static const Option table[] = {
                { "reason", OPTION_STRING, offsetof(SanctionOptions, reason) },
                {},
        };

        return sanction(m, userdata, SANCTION_KICK, table, error);
}

int method_ban(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        static const Option table[] = {
                { "reason", OPTION_STRING, offsetof(SanctionOptions, reason) },
                { "until", OPTION_UINT64, offsetof(SanctionOptions, until) },
                {},
        };

        return sanction(m, userdata, SANCTION_BAN, table, error);
}

int method_unban(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        static const Option table[] = {
                { "reason", OPTION_STRING, offsetof(SanctionOptions, reason) },
                {},
        };

        return sanction(m, userdata, SANCTION_UNBAN, table, error);
}

/* ---- lists ---- */

static int append_authorized(sd_bus_message *reply, const ListedPerson *p) {
        if (p->n_keys == 0)
                return sd_bus_message_append(reply, "(ssta{sv})", p->username,
                                             role_to_string(p->role), p->since, 1, "by", "s",
                                             p->by);
        return sd_bus_message_append(reply, "(ssta{sv})", p->username, role_to_string(p->role),
                                     p->since, 4, "by", "s", p->by, "key", "s", p->key_id,
                                     "key_since", "t", p->key_since, "keys", "t", p->n_keys);
}

static int append_banned(sd_bus_message *reply, const ListedPerson *p) {
        const char *type = user_type_of_name(p->username);

        return p->key_id[0] ? sd_bus_message_append(reply, "(sssta{sv})", p->username, p->by,
                                                    p->reason, p->until, 3, "user_type", "s", type,
                                                    "since", "t", p->since, "key", "s", p->key_id)
                            : sd_bus_message_append(reply, "(sssta{sv})", p->username, p->by,
                                                    p->reason, p->until, 2, "user_type", "s", type,
                                                    "since", "t", p->since);
}

static void reply_people(BusOperation *op, const Failure *f, const char *contents,
                         int (*append)(sd_bus_message *reply, const ListedPerson *p),
                         const ListedPerson *people, size_t n, const char *next) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = bus_operation_new_reply(op, f, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', contents);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = append(reply, &people[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', next ?: "");
        bus_operation_reply(op, r, reply);
}

static void on_authorized(const Failure *f, const ListedPerson *people, size_t n, const char *next,
                          void *userdata) {
        reply_people(userdata, f, "(ssta{sv})", append_authorized, people, n, next);
}

static void on_banned(const Failure *f, const ListedPerson *people, size_t n, const char *next,
                      void *userdata) {
        reply_people(userdata, f, "(sssta{sv})", append_banned, people, n, next);
}

static int list(sd_bus_message *m, ChannelObject *o, ListKind kind, member_people_fn done,
                sd_bus_error *error) {
        PeoplePage page;
        MemberOp *waiting = NULL;
        BusOperation *op;
        int r;

        r = people_page_read(m, &page, error);
        if (r < 0)
                return r;
        r = channel_object_new_operation(o, m, &op);
        if (r < 0)
                return r;
        r = channel_member_list_people(o->member, kind, page.after, (unsigned) page.limit, done, op,
                                       &waiting);
        return bus_operation_park(op, r, waiting, member_op_cancel, error);
}

int method_list_authorized(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return list(m, userdata, LIST_AUTHORIZED, on_authorized, error);
}

int method_list_banned(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return list(m, userdata, LIST_BANNED, on_banned, error);
}
