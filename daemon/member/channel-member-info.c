/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows RET_INFO: what the host tells of its channel, who has a role there and who is banned. The
 * host that we are is read the same way. */
#include "base/text.h"
#include "base/timestamp.h"
#include "daemon/member/channel-member-internal.h"

/* ---- lists of people ---- */

typedef struct People {
        ListedPerson *rows;
        size_t n;
} People;

typedef struct PersonFields {
        const char *username, *key, *role, *by, *reason, *since, *until;
        const char *key_since;
        uint64_t n_keys;
} PersonFields;

static bool read_time(const char *s, uint64_t *ret) {
        return !s || time_parse(s, ret) >= 0;
}

/* A host's words: what no string of the bus may have is replaced. */
static int take_reason(ListedPerson *p, const char *reason) {
        _cleanup_free_ char *clean = NULL;
        int r;

        r = text_sanitize(reason, strlen(reason), false, &clean, NULL);
        if (r < 0)
                return r;
        snprintf(p->reason, sizeof(p->reason), "%s", clean);
        return 0;
}

static int read_person(const Value *v, ListKind kind, ListedPerson *ret) {
        static const Field table[] = {
                { "username", FIELD_STRING, offsetof(PersonFields, username), true, 1,
                  NAME_MAX_BYTES },
                { "key", FIELD_STRING, offsetof(PersonFields, key), false, KEY_ID_SIZE - 1,
                  KEY_ID_SIZE - 1 },
                { "role", FIELD_STRING, offsetof(PersonFields, role) },
                { "by", FIELD_STRING, offsetof(PersonFields, by), false, 1, NAME_MAX_BYTES },
                { "reason", FIELD_STRING, offsetof(PersonFields, reason), false, 0,
                  REASON_BYTES_MAX },
                { "since", FIELD_STRING, offsetof(PersonFields, since) },
                { "until", FIELD_STRING, offsetof(PersonFields, until) },
                { "key_since", FIELD_STRING, offsetof(PersonFields, key_since) },
                { "keys", FIELD_UINT, offsetof(PersonFields, n_keys), false, 0, NUMBER_MAX },
                {},
        };
        PersonFields x = {};
        const char *bad;

        *ret = (ListedPerson){ .role = ROLE_NONE };
        if (fields_read(v, table, &x, &bad) < 0 || !name_is_valid(x.username) ||
            (x.by && !name_is_valid(x.by)) || !read_time(x.since, &ret->since) ||
            !read_time(x.until, &ret->until) ||
            (x.key && strspn(x.key, "0123456789abcdef") != KEY_ID_SIZE - 1))
                return -EBADMSG;
        if (kind == LIST_AUTHORIZED && (ret->role = role_from_string(x.role ?: "")) < 0)
                return -EBADMSG;
        if (kind == LIST_AUTHORIZED && x.key) {
                if (!x.key_since || !read_time(x.key_since, &ret->key_since) || x.n_keys == 0)
                        return -EBADMSG;
                ret->n_keys = x.n_keys;
        }
        strcpy(ret->username, x.username);
        strcpy(ret->key_id, x.key ?: "");
        strcpy(ret->by, x.by ?: "");
        return x.reason ? take_reason(ret, x.reason) : 0;
}

static int read_people(const Value *array, ListKind kind, People *ret) {
        size_t n = value_length(array);
        int r;

        if (value_kind(array) != VALUE_ARRAY)
                return -EBADMSG;
        if (n == 0)
                return 0;
        ret->rows = new0(ListedPerson, n);
        if (!ret->rows)
                return -ENOMEM;
        for (; ret->n < n; ret->n++) {
                r = read_person(value_at(array, ret->n), kind, &ret->rows[ret->n]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static const char *list_to_string(ListKind kind) {
        return kind == LIST_BANNED ? "banned" : "authorized";
}

static void answer_failed(Failure *f, int r, const char *what) {
        if (r == -EBADMSG)
                (void) failure_set(f, ERROR_PROTOCOL, "The host did not answer with %s.", what);
        else
                (void) failure_set(f, ERROR_INTERNAL, "Out of memory.");
}

/* ---- a page of a list ---- */

typedef struct PeopleOp {
        MemberOp op;
        ListKind kind;
        People people;
        char after[NAME_SIZE + KEY_ID_SIZE], next[NAME_SIZE + KEY_ID_SIZE]; /* "": none */
} PeopleOp;

static void people_complete(Operation *o, const Failure *f) {
        PeopleOp *x = (PeopleOp *) o;

        if (f)
                x->op.fn.people(f, NULL, 0, NULL, x->op.userdata);
        else
                x->op.fn.people(NULL, x->people.rows, x->people.n, x->next[0] ? x->next : NULL,
                                x->op.userdata);
}

static void people_release(Operation *o) {
        PeopleOp *x = (PeopleOp *) o;

        member_op_release(o);
        free(x->people.rows);
}

static const OperationType people_type = { .complete = people_complete, .release = people_release };

/* Its pages come to an end, whatever the host says. */
static int read_page(PeopleOp *x, const Value *payload) {
        size_t n = 0;
        const char *next = value_string(value_get(payload, "next"), &n);
        int r;

        r = read_people(value_get(payload, list_to_string(x->kind)), x->kind, &x->people);
        if (r < 0)
                return r;
        if (!next)
                return value_has(payload, "next") ? -EBADMSG : 0;
        if (x->people.n == 0 || n >= sizeof(x->next) || strcmp(next, x->after) <= 0 ||
            !text_is_valid(next, n, false))
                return -EBADMSG;
        strcpy(x->next, next);
        return 0;
}

static void on_people(int r, const Value *payload, const Failure *failure, void *userdata) {
        PeopleOp *x = userdata;
        Failure f;

        x->op.call = NULL;
        if (r < 0) {
                member_ask_failure(&f, r);
                failure = &f;
        }
        if (!failure && (r = read_page(x, payload)) < 0) {
                answer_failed(&f, r, "that list");
                failure = &f;
        }
        operation_complete(&x->op.base, failure);
}

/* Of the host that we are: by the same text. */
static void list_here(PeopleOp *x, unsigned limit, Failure *f) {
        ChannelMember *c = x->op.member;
        _cleanup_(writer_done) Writer w = {};
        _cleanup_(value_unrefp) Value *v = NULL;
        int r;

        *f = (Failure){};
        if (channel_host_list(c->host, &c->me, x->kind, x->after[0] ? x->after : NULL, limit,
                              FRAME_BYTES_MAX, &w, f) < 0)
                return;
        r = value_parse(w.data, w.size, &v);
        if (r >= 0)
                r = read_page(x, v);
        if (r < 0)
                answer_failed(f, r, "that list");
}

int channel_member_list_people(ChannelMember *c, ListKind kind, const char *after, unsigned limit,
                               member_people_fn done, void *userdata, MemberOp **ret_op) {
        _cleanup_(writer_done) Writer w = {};
        PeopleOp *x = new0(PeopleOp, 1);
        Failure f;

        if (!x)
                return -ENOMEM;
        member_op_init(&x->op, c, &people_type, userdata);
        x->op.fn.people = done;
        x->kind = kind;
        limit = limit > 0 ? MIN(limit, (unsigned) MEMBERS_LIMIT_MAX) : MEMBERS_LIMIT_MAX;
        if (after && strlen(after) >= sizeof(x->after)) {
                (void) failure_set(&f, ERROR_BAD_REQUEST, "after is what an earlier page gave.");
                return member_op_return(&x->op, ret_op, &f);
        }
        strcpy(x->after, after ?: "");
        if (c->host) {
                list_here(x, limit, &f);
                return member_op_return(&x->op, ret_op, &f);
        }
        member_begin_request(c, &w);
        writer_string(&w, "list", list_to_string(kind));
        writer_string(&w, "after", x->after[0] ? x->after : NULL);
        writer_uint(&w, "limit", limit);
        return member_ask(&x->op, "RET_INFO", &w, on_people, ret_op);
}

/* ---- all of it ---- */

typedef struct InfoOp {
        MemberOp op;
        MemberInfo info;
        People authorized, banned;
} InfoOp;

static void info_complete(Operation *o, const Failure *f) {
        InfoOp *x = (InfoOp *) o;

        x->info.authorized = x->authorized.rows;
        x->info.n_authorized = x->authorized.n;
        x->info.banned = x->banned.rows;
        x->info.n_banned = x->banned.n;
        x->op.fn.info(f, f ? NULL : &x->info, x->op.userdata);
}

static void info_release(Operation *o) {
        InfoOp *x = (InfoOp *) o;

        member_op_release(o);
        free(x->authorized.rows);
        free(x->banned.rows);
}

static const OperationType info_type = { .complete = info_complete, .release = info_release };

static int read_info(InfoOp *x, const Value *payload) {
        int r;

        if (value_uint(value_get(payload, "epoch"), &x->info.epoch) < 0 ||
            value_uint(value_get(payload, "message_rate"), &x->info.message_rate) < 0 ||
            value_uint(value_get(payload, "message_burst"), &x->info.message_burst) < 0 ||
            value_uint(value_get(payload, "generation"), &x->info.generation) < 0)
                return -EBADMSG;
        r = read_people(value_get(payload, "authorized"), LIST_AUTHORIZED, &x->authorized);
        x->info.sees_banned = value_has(payload, "banned");
        if (r >= 0 && x->info.sees_banned)
                r = read_people(value_get(payload, "banned"), LIST_BANNED, &x->banned);
        return r;
}

static void on_info(int r, const Value *payload, const Failure *failure, void *userdata) {
        InfoOp *x = userdata;
        Failure f;

        x->op.call = NULL;
        if (r < 0) {
                member_ask_failure(&f, r);
                failure = &f;
        }
        if (!failure && (r = read_info(x, payload)) < 0) {
                answer_failed(&f, r, "what the channel is");
                failure = &f;
        }
        operation_complete(&x->op.base, failure);
}

static int read_list_here(InfoOp *x, ListKind kind, People *ret) {
        const ChannelMember *c = x->op.member;
        _cleanup_(writer_done) Writer w = {};
        _cleanup_(value_unrefp) Value *v = NULL;
        Failure f;
        int r;

        r = channel_host_list(c->host, &c->me, kind, NULL, MEMBERS_LIMIT_MAX, FRAME_BYTES_MAX, &w,
                              &f);
        if (r >= 0)
                r = value_parse(w.data, w.size, &v);
        return r < 0 ? r : read_people(value_get(v, list_to_string(kind)), kind, ret);
}

static int info_of_host(InfoOp *x, const ChannelHost *h) {
        const Channel *channel = channel_host_get_channel(h);
        int r;

        x->info.epoch = channel_get_epoch(channel);
        x->info.generation = channel_host_get_generation(h);
        channel_get_rates(channel, &x->info.message_rate, &x->info.message_burst);
        x->info.sees_banned = true;
        r = read_list_here(x, LIST_AUTHORIZED, &x->authorized);
        return r < 0 ? r : read_list_here(x, LIST_BANNED, &x->banned);
}

int channel_member_get_info(ChannelMember *c, member_info_fn done, void *userdata,
                            MemberOp **ret_op) {
        static const Failure none;
        _cleanup_(writer_done) Writer w = {};
        InfoOp *x = new0(InfoOp, 1);
        int r;

        if (!x)
                return -ENOMEM;
        member_op_init(&x->op, c, &info_type, userdata);
        x->op.fn.info = done;
        if (c->host) {
                r = info_of_host(x, c->host);
                if (r < 0) {
                        member_op_free(&x->op);
                        return r;
                }
                return member_op_return(&x->op, ret_op, &none);
        }
        if (c->stored.closed) { /* no host is asked any more */
                x->info.epoch = c->stored.epoch;
                return member_op_return(&x->op, ret_op, &none);
        }
        member_begin_request(c, &w);
        return member_ask(&x->op, "RET_INFO", &w, on_info, ret_op);
}
