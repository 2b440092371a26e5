/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a channel's log adds up to, and the rules of who may; leaves keeping the log, time and
 * members to others. */
#include "daemon/channel.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

typedef struct RoleRow {
        char username[NAME_SIZE];
        Role role;
        UT_hash_handle hh;
} RoleRow;

struct Channel {
        char id[UUID_STRING_SIZE];
        char owner[NAME_SIZE];
        char *topic;
        uint64_t epoch;
        uint64_t last_seq;
        char last_id[UUID_STRING_SIZE];
        ViewPermission view;
        SendPermission send;
        uint64_t message_rate, message_burst;
        RetentionRule retention;
        RoleRow *roles; /* hash of RoleRow.username; who has none has no row */
};

int channel_new(Channel **ret) {
        Channel *c = new0(Channel, 1);

        if (!c)
                return -ENOMEM;
        /* Rates are none: nothing here holds anybody to one yet. */
        *c = (Channel){ .view = VIEW_PUBLIC, .send = SEND_REGISTERED };
        *ret = c;
        return 0;
}

Channel *channel_free(Channel *c) {
        RoleRow *row, *next;

        if (!c)
                return NULL;
        HASH_ITER(hh, c->roles, row, next) {
                HASH_DEL(c->roles, row);
                free(row);
        }
        free(c->topic);
        free(c);
        return NULL;
}

const char *channel_get_id(const Channel *c) {
        return c->id;
}

const char *channel_get_owner(const Channel *c) {
        return c->owner;
}

const char *channel_get_topic(const Channel *c) {
        return c->topic ?: "";
}

uint64_t channel_get_epoch(const Channel *c) {
        return c->epoch;
}

uint64_t channel_get_last_seq(const Channel *c) {
        return c->last_seq;
}

const char *channel_get_last_id(const Channel *c) {
        return c->last_id;
}

ViewPermission channel_get_view(const Channel *c) {
        return c->view;
}

SendPermission channel_get_send(const Channel *c) {
        return c->send;
}

const RetentionRule *channel_get_retention(const Channel *c) {
        return &c->retention;
}

void channel_get_rates(const Channel *c, uint64_t *ret_message_rate, uint64_t *ret_message_burst) {
        *ret_message_rate = c->message_rate;
        *ret_message_burst = c->message_burst;
}

Role channel_get_role(const Channel *c, const char *username) {
        RoleRow *row;

        if (c->owner[0] && streq(username, c->owner))
                return ROLE_OWNER;
        HASH_FIND_STR(c->roles, username, row);
        return row ? row->role : ROLE_NONE;
}

static int compare_role_rows(const void *a, const void *b) {
        return strcmp((*(RoleRow *const *) a)->username, (*(RoleRow *const *) b)->username);
}

int channel_each_role(const Channel *c, channel_each_role_fn fn, void *userdata) {
        _cleanup_free_ RoleRow **rows = NULL;
        size_t n = 0;
        int r;

        if (HASH_COUNT(c->roles) == 0)
                return 0;
        rows = new0(RoleRow *, HASH_COUNT(c->roles));
        if (!rows)
                return -ENOMEM;
        for (RoleRow *row = c->roles; row; row = row->hh.next)
                rows[n++] = row;
        qsort(rows, n, sizeof(*rows), compare_role_rows);

        for (size_t i = 0; i < n; i++) {
                r = fn(rows[i]->username, rows[i]->role, userdata);
                if (r != 0)
                        return r;
        }
        return 0;
}

static int set_role(Channel *c, const char *username, Role role) {
        RoleRow *row;

        HASH_FIND_STR(c->roles, username, row);
        if (role == ROLE_NONE) {
                if (row)
                        HASH_DEL(c->roles, row);
                free(row);
                return 0;
        }
        if (!row) {
                row = new0(RoleRow, 1);
                if (!row)
                        return -ENOMEM;
                strcpy(row->username, username);
                HASH_ADD_STR(c->roles, username, row);
                if (!row->hh.tbl) {
                        free(row);
                        return -ENOMEM;
                }
        }
        row->role = role;
        return 0;
}

typedef struct CreateExtra {
        const char *owner, *channel_id;
        uint64_t epoch;
} CreateExtra;

static int apply_create(Channel *c, const Value *v) {
        static const Field table[] = {
                { "owner", FIELD_STRING, offsetof(CreateExtra, owner), true, 1, NAME_MAX_BYTES },
                { "channel_id", FIELD_STRING, offsetof(CreateExtra, channel_id), true, 1,
                  UUID_STRING_SIZE - 1 },
                { "epoch", FIELD_UINT, offsetof(CreateExtra, epoch), true, 1 },
                {},
        };
        CreateExtra x = {};
        const char *bad;

        if (fields_read(v, table, &x, &bad) < 0 || !name_is_valid(x.owner) ||
            !uuid_is_valid(x.channel_id) || c->id[0])
                return -EBADMSG;
        strcpy(c->owner, x.owner);
        strcpy(c->id, x.channel_id);
        c->epoch = x.epoch;
        return 0;
}

static int apply_host(Channel *c, const Value *v) {
        uint64_t epoch;

        if (value_uint(value_get(v, "epoch"), &epoch) < 0 || epoch < c->epoch)
                return -EBADMSG;
        c->epoch = epoch;
        return 0;
}

static int apply_topic(Channel *c, const Value *v) {
        const char *topic = value_string(value_get(v, "topic"), NULL);

        return topic ? free_and_strdup(&c->topic, topic) : -EBADMSG;
}

/* As the store does it, which removes by it. */
static void apply_retention(Channel *c, const Entry *e, const Value *v) {
        uint64_t days;

        if (value_uint(value_get(v, "retention_days"), &days) < 0 || days > RETENTION_DAYS_MAX)
                return;
        c->retention = (RetentionRule){ .days = days, .seq = e->seq, .time = e->time };
        memcpy(c->retention.username, e->username, sizeof(c->retention.username));
}

static int apply_view(Channel *c, const Entry *e, const Value *v) {
        const Value *view = value_get(v, "view_permission"),
                    *send = value_get(v, "send_permission"), *rate = value_get(v, "message_rate"),
                    *burst = value_get(v, "message_burst");
        ViewPermission new_view = c->view;
        SendPermission new_send = c->send;
        uint64_t new_rate = c->message_rate, new_burst = c->message_burst;

        if (view)
                new_view = view_permission_from_string(value_string(view, NULL) ?: "");
        if (send)
                new_send = send_permission_from_string(value_string(send, NULL) ?: "");
        if (new_view < 0 || new_send < 0 || (rate && value_uint(rate, &new_rate) < 0) ||
            (burst && value_uint(burst, &new_burst) < 0))
                return -EBADMSG;

        c->view = new_view;
        c->send = new_send;
        c->message_rate = new_rate;
        c->message_burst = new_burst;
        apply_retention(c, e, v);
        return 0;
}

static int apply_role(Channel *c, const Value *v) {
        const char *target = value_string(value_get(v, "target"), NULL);
        Role role = role_from_string(value_string(value_get(v, "role"), NULL) ?: "");

        if (!target || !name_is_valid(target) || role < ROLE_NONE || role > ROLE_MODERATOR)
                return -EBADMSG;
        return set_role(c, target, role);
}

static int apply_effect(Channel *c, const Entry *e, const Value *v) {
        switch (e->kind) {
        case ENTRY_CREATE:
                return apply_create(c, v);
        case ENTRY_HOST:
                return apply_host(c, v);
        case ENTRY_TOPIC:
                return apply_topic(c, v);
        case ENTRY_VIEW:
                return apply_view(c, e, v);
        case ENTRY_ROLE:
                return apply_role(c, v);
        case ENTRY_MESSAGE:
        case ENTRY_KICK:
        case ENTRY_BAN:
        case ENTRY_UNBAN:
        case ENTRY_REDACT:
        case ENTRY_OTHER:
        case ENTRY_KIND_MAX:
        case ENTRY_KIND_INVALID:
                return 0;
        }
        return 0;
}

int channel_apply(Channel *c, const Entry *e) {
        _cleanup_(value_unrefp) Value *v = NULL;
        int r;

        if (e->seq <= c->last_seq)
                return -EBADMSG;
        if (e->kind != ENTRY_MESSAGE) {
                if (!e->extra)
                        return -EBADMSG;
                r = value_parse(e->extra, e->n_extra, &v);
                if (r < 0)
                        return r;
                r = apply_effect(c, e, v);
                if (r < 0)
                        return r;
        }
        c->last_seq = e->seq;
        memcpy(c->last_id, e->id, sizeof(c->last_id));
        return 0;
}

/* A guest's rank is none whatever the log says of a name like that. */
static Role actor_role(const Channel *c, const Actor *a) {
        return a->user_type == USER_REGISTERED ? channel_get_role(c, a->username) : ROLE_NONE;
}

int channel_may_view(const Channel *c, const Actor *a, Failure *f) {
        if (c->view == VIEW_RESTRICTED && actor_role(c, a) < ROLE_MEMBER)
                return failure_set(f, ERROR_RESTRICTED,
                                   "This channel is for its members; ask %s to authorize you.",
                                   c->owner);
        return 0;
}

int channel_may_send(const Channel *c, const Actor *a, Failure *f) {
        int r = channel_may_view(c, a, f);

        if (r < 0)
                return r;
        switch (c->send) {
        case SEND_EVERYONE:
                return 0;
        case SEND_REGISTERED:
                if (a->user_type == USER_REGISTERED)
                        return 0;
                return failure_set(f, ERROR_GUESTS_NOT_ALLOWED,
                                   "Guests may not send here; sign up to take part.");
        case SEND_MEMBERS:
                if (actor_role(c, a) >= ROLE_MEMBER)
                        return 0;
                return failure_set(f, ERROR_READ_ONLY,
                                   "Only members may send here; ask %s to authorize you.",
                                   c->owner);
        case SEND_MAX:
        case SEND_INVALID:
                break;
        }
        return failure_set(f, ERROR_INTERNAL, "The channel's permissions are damaged.");
}

int channel_may_set_permissions(const Channel *c, const Actor *a, Failure *f) {
        if (actor_role(c, a) < ROLE_OWNER)
                return failure_set(f, ERROR_NOT_OWNER, "Only %s, the owner, may do this.",
                                   c->owner);
        return 0;
}

int channel_may_set_topic(const Channel *c, const Actor *a, Failure *f) {
        if (actor_role(c, a) < ROLE_MODERATOR)
                return failure_set(f, ERROR_NOT_MODERATOR, "Only moderators may do this.");
        return 0;
}

int channel_may_authorize(const Channel *c, const Actor *a, const char *target, Role role,
                          Failure *f) {
        Role rank = actor_role(c, a);

        if (rank < ROLE_MODERATOR)
                return failure_set(f, ERROR_NOT_MODERATOR, "Only moderators may do this.");
        if (role < ROLE_NONE || role > ROLE_MODERATOR) {
                int r = failure_set(f, ERROR_BAD_REQUEST,
                                    "The role is one of moderator, member, none.");

                strcpy(f->field, "role");
                return r;
        }
        if (rank == ROLE_MODERATOR &&
            (role > ROLE_MEMBER || channel_get_role(c, target) > ROLE_MEMBER))
                return failure_set(f, ERROR_NOT_MODERATOR,
                                   "Only %s, the owner, may make or change moderators.", c->owner);
        if (streq(target, c->owner)) {
                int r = failure_set(f, ERROR_BAD_REQUEST, "The owner's own role stays.");

                strcpy(f->field, "target");
                return r;
        }
        if (name_is_guest(target))
                return failure_set(f, ERROR_GUESTS_NOT_ALLOWED,
                                   "A guest cannot have a role; %s must sign up first.", target);
        return 0;
}

/* A guest is the key: the name may be somebody else's tomorrow. */
static bool is_author(const Actor *a, const EntryAuthor *author) {
        if (a->user_type != author->user_type)
                return false;
        return a->user_type == USER_GUEST ? streq(a->key_id, author->sender)
                                          : streq(a->username, author->username);
}

int channel_may_redact(const Channel *c, const Actor *a, const EntryAuthor *author, Failure *f) {
        Role rank = actor_role(c, a), above = ROLE_NONE;
        int r;

        if (is_author(a, author))
                return 0;
        r = channel_may_view(c, a, f);
        if (r < 0)
                return r;
        if (rank < ROLE_MODERATOR)
                return failure_set(f, ERROR_NOT_MODERATOR,
                                   "Only moderators may remove what others said.");
        if (author->user_type == USER_REGISTERED)
                above = channel_get_role(c, author->username);
        if (rank <= above)
                return failure_set(f, ERROR_NOT_MODERATOR,
                                   "What moderators and the owner said only %s, the owner, may "
                                   "remove, or they themselves.",
                                   c->owner);
        return 0;
}

int channel_may_list_roles(const Channel *c, const Actor *a, Failure *f) {
        return channel_may_view(c, a, f);
}

int channel_extra_create(const char *owner, const char *channel_id, uint64_t epoch,
                         const char *previous, char **ret, size_t *ret_n) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        writer_string(&w, "owner", owner);
        writer_string(&w, "channel_id", channel_id);
        writer_uint(&w, "epoch", epoch);
        if (previous)
                writer_string(&w, "previous", previous);
        writer_end_object(&w);
        return writer_take(&w, ret, ret_n);
}

int channel_extra_host(uint64_t epoch, const char *host, char **ret, size_t *ret_n) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        writer_uint(&w, "epoch", epoch);
        writer_string(&w, "host", host);
        writer_end_object(&w);
        return writer_take(&w, ret, ret_n);
}

int channel_extra_topic(const Channel *c, const char *topic, char **ret, size_t *ret_n) {
        _cleanup_(writer_done) Writer w = {};

        *ret = NULL;
        if (streq(topic, channel_get_topic(c)))
                return 1;
        writer_begin_object(&w, NULL);
        writer_string(&w, "topic", topic);
        writer_end_object(&w);
        return writer_take(&w, ret, ret_n);
}

int channel_extra_view(const Channel *c, const Permissions *p, char **ret, size_t *ret_n) {
        _cleanup_(writer_done) Writer w = {};

        *ret = NULL;
        if ((p->view == VIEW_INVALID || p->view == c->view) &&
            (p->send == SEND_INVALID || p->send == c->send) &&
            (p->retention_days < 0 || (uint64_t) p->retention_days == c->retention.days))
                return 1;
        writer_begin_object(&w, NULL);
        if (p->view != VIEW_INVALID)
                writer_string(&w, "view_permission", view_permission_to_string(p->view));
        if (p->send != SEND_INVALID)
                writer_string(&w, "send_permission", send_permission_to_string(p->send));
        if (p->retention_days >= 0)
                writer_uint(&w, "retention_days", (uint64_t) p->retention_days);
        writer_end_object(&w);
        return writer_take(&w, ret, ret_n);
}

int channel_extra_role(const Channel *c, const char *target, Role role, char **ret, size_t *ret_n) {
        _cleanup_(writer_done) Writer w = {};

        *ret = NULL;
        if (role == channel_get_role(c, target))
                return 1;
        writer_begin_object(&w, NULL);
        writer_string(&w, "target", target);
        writer_string(&w, "role", role_to_string(role));
        writer_end_object(&w);
        return writer_take(&w, ret, ret_n);
}

int channel_extra_redact(uint64_t target_seq, const char *reason, char **ret, size_t *ret_n) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        writer_uint(&w, "target_seq", target_seq);
        writer_string(&w, "reason", reason);
        writer_end_object(&w);
        return writer_take(&w, ret, ret_n);
}
