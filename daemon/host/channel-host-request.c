/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the commands of protocol §5 as peers spell them; leaves who the peer is to peer.h, and what
 * writes to the queue. */
#include "daemon/host/channel-host-internal.h"

#include "base/text.h"

void request_fail_field(RpcRequest *q, const char *field, const char *message) {
        Failure f;

        (void) failure_set(&f, ERROR_BAD_REQUEST, "%s: %s", field, message);
        snprintf(f.field, sizeof(f.field), "%s", field);
        rpc_request_fail(q, &f);
}

void request_fail_busy(RpcRequest *q, const char *message) {
        Failure f;

        (void) host_fail_busy(&f, message);
        rpc_request_fail(q, &f);
}

static void handle_connect(const HostCall *c) {
        session_connect(c->host, c->actor, c->q, c->session);
}

static void handle_disconnect(const HostCall *c) {
        HostSession *s = *c->session;

        if (s && s->connect)
                rpc_request_fail_code(TAKE_PTR(s->connect), ERROR_BAD_REQUEST,
                                      "DISCONNECT came before this was answered.");
        host_session_free(s);
        rpc_request_reply(c->q, NULL);
}

/* ---- what writes ---- */

void request_enqueue(const HostCall *c, Work *w) {
        Failure f;

        if (queue_admit(c->host, w->n_bytes, &f) < 0) {
                rpc_request_fail(c->q, &f);
                work_free(w);
                return;
        }
        w->q = c->q;
        queue_push(c->host, w);
}

int request_new_change(const HostCall *c, WorkKind kind, Work **ret) {
        int r = work_new(kind, c->actor, 1, ret);

        if (r < 0) {
                rpc_request_fail_code(c->q, ERROR_INTERNAL, "Out of memory.");
                return r;
        }
        random_uuid(c->host->rt->random, (*ret)->messages[0].id);
        return 0;
}

typedef struct MessageFields {
        const char *id, *content;
        const Value *meta;
} MessageFields;

/* 0, or -EINVAL with the member at fault. */
static int read_message(const Value *v, WorkMessage *ret, const char **ret_bad) {
        static const Field table[] = {
                { "id", FIELD_STRING, offsetof(MessageFields, id), true },
                { "message_content", FIELD_STRING, offsetof(MessageFields, content), true, 1,
                  MESSAGE_BYTES_MAX },
                { "meta", FIELD_OBJECT, offsetof(MessageFields, meta) },
                {},
        };
        _cleanup_(writer_done) Writer w = {};
        _cleanup_free_ char *meta = NULL;
        MessageFields x = {};
        int r;

        r = fields_read(v, table, &x, ret_bad);
        if (r < 0)
                return r;
        *ret_bad = "id";
        if (!uuid_is_valid(x.id))
                return -EINVAL;
        *ret_bad = "message_content";
        if (!text_is_valid(x.content, strlen(x.content), true))
                return -EINVAL;
        *ret_bad = "meta";
        if (x.meta) {
                writer_value(&w, NULL, x.meta);
                r = writer_take(&w, &meta, NULL);
                if (r < 0)
                        return r;
        }
        strcpy(ret->id, x.id);
        return entry_extra_message(x.content, meta, &ret->extra, &ret->n_extra);
}

/* What a member of a message must be. */
static const char *message_rule(const char *field) {
        if (streq(field, "id"))
                return "a UUID in lower case.";
        if (streq(field, "message_content"))
                return "1 to 16,384 bytes of text without control characters.";
        if (streq(field, "meta"))
                return "an object of at most 1,024 bytes, its strings text.";
        return "objects of id, message_content and meta.";
}

HostSession *request_joined(const HostCall *c) {
        HostSession *s = *c->session;
        Failure f;

        if (host_session_is_connected(s) && !s->connect)
                return s;
        /* Who was sent away a moment ago is told why, not what to do. */
        if (channel_may_view(c->host->channel, c->actor, host_now(c->host), &f) < 0)
                rpc_request_fail(c->q, &f);
        else
                rpc_request_fail_code(c->q, ERROR_BAD_REQUEST, "CONNECT comes first.");
        return NULL;
}

typedef struct MessagesFields {
        const Value *messages;
} MessagesFields;

static void handle_message(const HostCall *c) {
        static const Field table[] = {
                { "messages", FIELD_ARRAY, offsetof(MessagesFields, messages), true, 1,
                  MESSAGES_PER_REQUEST_MAX },
                {},
        };
        _cleanup_(work_freep) Work *w = NULL;
        MessagesFields x = {};
        const char *bad;
        int r;

        if (rpc_request_read(c->q, table, &x) < 0)
                return;
        if (!request_joined(c))
                return;
        if ((*c->session)->in_flight) {
                rpc_request_fail_code(c->q, ERROR_BAD_REQUEST,
                                      "The MESSAGE before is not answered yet.");
                return;
        }
        r = work_new(WORK_MESSAGES, c->actor, value_length(x.messages), &w);
        for (size_t i = 0; r >= 0 && i < w->n_messages; i++) {
                r = read_message(value_at(x.messages, i), &w->messages[i], &bad);
                w->n_bytes += w->messages[i].n_extra;
        }
        if (r == -ENOMEM)
                rpc_request_fail_code(c->q, ERROR_INTERNAL, "Out of memory.");
        else if (r < 0)
                request_fail_field(c->q, streq(bad, "payload") ? "messages" : bad,
                                   message_rule(bad));
        if (r < 0)
                return;

        w->session = *c->session;
        w->session->in_flight = w;
        request_enqueue(c, TAKE_PTR(w));
}

typedef struct ViewFields {
        const char *view, *send;
        uint64_t rate, burst, retention_days;
} ViewFields;

static void handle_view(const HostCall *c) {
        static const Field table[] = {
                { "view_permission", FIELD_STRING, offsetof(ViewFields, view) },
                { "send_permission", FIELD_STRING, offsetof(ViewFields, send) },
                { "message_rate", FIELD_UINT, offsetof(ViewFields, rate), false, 0,
                  MESSAGE_RATE_MAX },
                { "message_burst", FIELD_UINT, offsetof(ViewFields, burst), false, 0,
                  MESSAGE_BURST_MAX },
                { "retention_days", FIELD_UINT, offsetof(ViewFields, retention_days), false, 0,
                  RETENTION_DAYS_MAX },
                {},
        };
        ViewFields x = { .rate = UINT64_MAX, .burst = UINT64_MAX, .retention_days = UINT64_MAX };
        Permissions p = PERMISSIONS_UNSAID;
        Work *w;

        if (rpc_request_read(c->q, table, &x) < 0)
                return;
        if (x.view && (p.view = view_permission_from_string(x.view)) < 0) {
                request_fail_field(c->q, "view_permission", "public or restricted.");
                return;
        }
        if (x.send && (p.send = send_permission_from_string(x.send)) < 0) {
                request_fail_field(c->q, "send_permission", "everyone, registered or members.");
                return;
        }
        if (x.rate <= MESSAGE_RATE_MAX)
                p.message_rate = (int) x.rate;
        if (x.burst <= MESSAGE_BURST_MAX)
                p.message_burst = (int) x.burst;
        if (x.retention_days <= RETENTION_DAYS_MAX)
                p.retention_days = (int) x.retention_days;
        if (request_new_change(c, WORK_VIEW, &w) < 0)
                return;
        w->permissions = p;
        request_enqueue(c, w);
}

typedef struct TopicFields {
        const char *topic;
} TopicFields;

static void handle_topic(const HostCall *c) {
        static const Field table[] = {
                { "topic", FIELD_STRING, offsetof(TopicFields, topic), true, 0, TOPIC_BYTES_MAX },
                {},
        };
        _cleanup_(work_freep) Work *w = NULL;
        TopicFields x = {};

        if (rpc_request_read(c->q, table, &x) < 0)
                return;
        if (!text_is_valid(x.topic, strlen(x.topic), false)) {
                request_fail_field(c->q, "topic", "text of one line without control characters.");
                return;
        }
        if (request_new_change(c, WORK_TOPIC, &w) < 0)
                return;
        w->topic = strdup(x.topic);
        if (!w->topic) {
                rpc_request_fail_code(c->q, ERROR_INTERNAL, "Out of memory.");
                return;
        }
        request_enqueue(c, TAKE_PTR(w));
}

typedef struct AuthorizeFields {
        const char *target, *role, *reason;
} AuthorizeFields;

static void handle_authorize(const HostCall *c) {
        static const Field table[] = {
                { "target", FIELD_STRING, offsetof(AuthorizeFields, target), true, 1,
                  NAME_MAX_BYTES },
                { "role", FIELD_STRING, offsetof(AuthorizeFields, role), true },
                { "reason", FIELD_STRING, offsetof(AuthorizeFields, reason), false, 0,
                  REASON_BYTES_MAX },
                {},
        };
        _cleanup_(work_freep) Work *w = NULL;
        AuthorizeFields x = {};
        Role role;

        if (rpc_request_read(c->q, table, &x) < 0)
                return;
        role = role_from_string(x.role);
        if (role < 0 || role > ROLE_MODERATOR) {
                request_fail_field(c->q, "role", "moderator, member or none.");
                return;
        }
        if (!name_is_valid(x.target)) {
                request_fail_field(c->q, "target", "a username.");
                return;
        }
        if (x.reason && !text_is_valid(x.reason, strlen(x.reason), false)) {
                request_fail_field(c->q, "reason", "text of one line without control characters.");
                return;
        }
        if (request_new_change(c, WORK_ROLE, &w) < 0)
                return;
        strcpy(w->target, x.target);
        w->role = role;
        if (free_and_strdup(&w->reason, x.reason && x.reason[0] ? x.reason : NULL) < 0) {
                rpc_request_fail_code(c->q, ERROR_INTERNAL, "Out of memory.");
                return;
        }
        request_enqueue(c, TAKE_PTR(w));
}

/* ---- the table ---- */

static const struct Command {
        const char *name;
        void (*handle)(const HostCall *c);
} commands[] = {
        { "CONNECT", handle_connect },
        { "MESSAGE", handle_message },
        { "HISTORY", read_history },
        { "DISCONNECT", handle_disconnect },
        { "RET_INFO", read_info },
        { "MEMBERS", read_members },
        { "VIEW", handle_view },
        { "TOPIC", handle_topic },
        { "AUTHORIZE", handle_authorize },
        { "REDACT", removal_request },
        { "ACCESS", access_request },
        { "DEBUG", debug_request },
        { "INVISIBLE", presence_request_invisible },
        { "STATUS", presence_request_status },
        { "KICK", sanction_request_kick },
        { "BAN", sanction_request_ban },
        { "UNBAN", sanction_request_unban },
};

static const struct Command *find_command(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(commands); i++)
                if (streq(commands[i].name, name))
                        return &commands[i];
        return NULL;
}

bool channel_host_knows_command(const char *name) {
        return find_command(name);
}

void channel_host_request(ChannelHost *h, const Actor *actor, RpcRequest *q,
                          HostSession **session) {
        const struct Command *command = find_command(rpc_request_get_command(q));
        HostCall c = { .host = h, .actor = actor, .q = q, .session = session };

        if (!command)
                rpc_request_fail_code(q, ERROR_UNKNOWN_COMMAND, "This host has no such command.");
        else if (!h->loaded)
                request_fail_busy(q, "The channel is not up yet; try again.");
        else
                command->handle(&c);
}
