/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the log says of each person: role, bans, being kicked; leaves what follows from it to
 * channel-may.c. */
#include "base/timestamp.h"
#include "daemon/channel/channel-internal.h"

void standing_done(Channel *c) {
        RoleRow *role, *next_role;
        BanRow *ban, *next_ban;
        KickRow *kick, *next_kick;

        HASH_ITER(hh, c->roles, role, next_role) {
                HASH_DEL(c->roles, role);
                free(role);
        }
        HASH_ITER(hh, c->bans, ban, next_ban) {
                HASH_DEL(c->bans, ban);
                free(ban);
        }
        HASH_ITER(hh, c->kicks, kick, next_kick) {
                HASH_DEL(c->kicks, kick);
                free(kick);
        }
}

/* ---- roles ---- */

static RoleRow *find_role(const Channel *c, const char *username) {
        RoleRow *row;

        HASH_FIND_STR(c->roles, username, row);
        return row;
}

Role channel_get_role(const Channel *c, const char *username) {
        const RoleRow *row;

        if (c->owner[0] && streq(username, c->owner))
                return ROLE_OWNER;
        row = find_role(c, username);
        return row ? row->role : ROLE_NONE;
}

const RoleChange *channel_get_role_change(const Channel *c, const char *username) {
        const RoleRow *row = find_role(c, username);

        return row ? &row->change : NULL;
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
                if (row->role != ROLE_NONE)
                        rows[n++] = row;
        qsort(rows, n, sizeof(*rows), compare_role_rows);

        for (size_t i = 0; i < n; i++) {
                r = fn(rows[i]->username, rows[i]->role, userdata);
                if (r != 0)
                        return r;
        }
        return 0;
}

int standing_set_role(Channel *c, const Entry *e, const char *username, Role role,
                      const char *reason) {
        RoleRow *row = find_role(c, username);

        if ((!row && role == ROLE_NONE) || streq(username, c->owner))
                return 0;
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
        if (role == row->role)
                return 0;
        row->change = (RoleChange){ .time = e->time, .seq = e->seq, .was = row->role };
        memcpy(row->change.by, e->username, sizeof(row->change.by));
        if (reason && strlen(reason) <= REASON_BYTES_MAX)
                strcpy(row->change.reason, reason);
        row->role = role;
        return 0;
}

/* ---- bans ---- */

void actor_named(const char *username, Actor *ret) {
        *ret = (Actor){ .user_type = name_is_guest(username) ? USER_GUEST : USER_REGISTERED };
        snprintf(ret->username, sizeof(ret->username), "%s", username);
}

static bool ban_holds(const ChannelBan *ban, uint64_t now) {
        return ban->until == 0 || ban->until > now;
}

static const ChannelBan *find_ban_of(const Channel *c, const char *who, uint64_t now) {
        BanRow *row;

        HASH_FIND_STR(c->bans, who, row);
        return row && ban_holds(&row->ban, now) ? &row->ban : NULL;
}

const ChannelBan *channel_find_ban(const Channel *c, const Actor *a, uint64_t now) {
        const ChannelBan *ban = find_ban_of(c, a->username, now);

        if (ban || a->user_type != USER_GUEST)
                return ban;
        if (a->key_id[0])
                return find_ban_of(c, a->key_id, now);
        for (const BanRow *row = c->bans; row; row = row->hh.next)
                if (streq(row->ban.target, a->username) && ban_holds(&row->ban, now))
                        return &row->ban;
        return NULL;
}

static int compare_ban_rows(const void *a, const void *b) {
        const ChannelBan *x = &(*(BanRow *const *) a)->ban, *y = &(*(BanRow *const *) b)->ban;

        return strcmp(x->target, y->target) ?: strcmp(x->key_id, y->key_id);
}

int channel_each_ban(const Channel *c, uint64_t now, channel_each_ban_fn fn, void *userdata) {
        _cleanup_free_ BanRow **rows = NULL;
        size_t n = 0;
        int r;

        if (HASH_COUNT(c->bans) == 0)
                return 0;
        rows = new0(BanRow *, HASH_COUNT(c->bans));
        if (!rows)
                return -ENOMEM;
        for (BanRow *row = c->bans; row; row = row->hh.next)
                if (ban_holds(&row->ban, now))
                        rows[n++] = row;
        qsort(rows, n, sizeof(*rows), compare_ban_rows);

        for (size_t i = 0; i < n; i++) {
                r = fn(&rows[i]->ban, userdata);
                if (r != 0)
                        return r;
        }
        return 0;
}

uint64_t channel_next_ban_end(const Channel *c, uint64_t now) {
        uint64_t next = 0;

        for (const BanRow *row = c->bans; row; row = row->hh.next)
                if (row->ban.until > now && (next == 0 || row->ban.until < next))
                        next = row->ban.until;
        return next;
}

typedef struct SanctionFields {
        const char *target, *key, *reason, *until;
} SanctionFields;

/* A key makes sense of a guest only. */
static int read_sanction(const Value *v, SanctionFields *x) {
        static const Field table[] = {
                { "target", FIELD_STRING, offsetof(SanctionFields, target), true, 1,
                  NAME_MAX_BYTES },
                { "key", FIELD_STRING, offsetof(SanctionFields, key), false, KEY_ID_SIZE - 1,
                  KEY_ID_SIZE - 1 },
                { "reason", FIELD_STRING, offsetof(SanctionFields, reason), false, 0,
                  REASON_BYTES_MAX },
                { "until", FIELD_STRING, offsetof(SanctionFields, until) },
                {},
        };
        const char *bad;

        *x = (SanctionFields){};
        if (fields_read(v, table, x, &bad) < 0 || !name_is_valid(x->target) ||
            (x->key && !name_is_guest(x->target)))
                return -EBADMSG;
        return 0;
}

/* By the host's clock, so that whoever replays the log forgets the same. That clock may have been
 * wrong: few are forgotten at all, and none that was made while it stood behind the log, whose end
 * says nothing. Each turn halves them at least or waits for as many again. */
static void forget_bans(Channel *c, uint64_t before) {
        BanRow *row, *next;

        if (HASH_COUNT(c->bans) < MAX(c->n_bans_kept, (size_t) BANS_KEPT_MIN))
                return;
        HASH_ITER(hh, c->bans, row, next) {
                if (ban_holds(&row->ban, before) || row->ban.until <= row->ban.time)
                        continue;
                HASH_DEL(c->bans, row);
                free(row);
        }
        c->n_bans_kept = 2 * HASH_COUNT(c->bans);
}

int standing_ban(Channel *c, const Entry *e, const Value *extra) {
        SanctionFields x;
        ChannelBan ban = { .time = e->time, .seq = e->seq };
        BanRow *row;
        int r;

        r = read_sanction(extra, &x);
        if (r < 0 || (x.until && time_parse(x.until, &ban.until) < 0))
                return -EBADMSG;
        if (streq(x.target, c->owner)) /* whom nobody may ban, whatever a log says */
                return 0;
        strcpy(ban.target, x.target);
        strcpy(ban.key_id, x.key ?: "");
        strcpy(ban.reason, x.reason ?: "");
        memcpy(ban.by, e->username, sizeof(ban.by));

        forget_bans(c, e->time);
        HASH_FIND_STR(c->bans, x.key ?: x.target, row);
        if (!row) {
                row = new0(BanRow, 1);
                if (!row)
                        return -ENOMEM;
                strcpy(row->who, x.key ?: x.target);
                HASH_ADD_STR(c->bans, who, row);
                if (!row->hh.tbl) {
                        free(row);
                        return -ENOMEM;
                }
        }
        row->ban = ban;
        return standing_set_role(c, e, x.target, ROLE_NONE, x.reason);
}

int standing_unban(Channel *c, const Value *extra) {
        SanctionFields x;
        BanRow *row, *next;
        int r;

        r = read_sanction(extra, &x);
        if (r < 0)
                return r;
        HASH_ITER(hh, c->bans, row, next) {
                if (!streq(row->ban.target, x.target))
                        continue;
                HASH_DEL(c->bans, row);
                free(row);
        }
        return 0;
}

/* ---- being kicked ---- */

static void forget_kicks(Channel *c, uint64_t before) {
        KickRow *row, *next;

        HASH_ITER(hh, c->kicks, row, next) {
                if (row->time >= before)
                        continue;
                HASH_DEL(c->kicks, row);
                free(row);
        }
}

int standing_kick(Channel *c, const Entry *e, const Value *extra) {
        SanctionFields x;
        KickRow *row;
        int r;

        r = read_sanction(extra, &x);
        if (r < 0)
                return r;
        forget_kicks(c, e->time > KICK_USEC ? e->time - KICK_USEC : 0);
        HASH_FIND_STR(c->kicks, x.key ?: x.target, row);
        if (!row) {
                row = new0(KickRow, 1);
                if (!row)
                        return -ENOMEM;
                strcpy(row->who, x.key ?: x.target);
                HASH_ADD_STR(c->kicks, who, row);
                if (!row->hh.tbl) {
                        free(row);
                        return -ENOMEM;
                }
        }
        row->time = row->begin = e->time;
        memcpy(row->by, e->username, sizeof(row->by));
        return 0;
}

uint64_t standing_kicked_for(const Channel *c, const Actor *a, uint64_t now, const char **ret_by) {
        KickRow *row;

        HASH_FIND_STR(c->kicks, a->user_type == USER_GUEST ? a->key_id : a->username, row);
        if (!row && a->user_type == USER_GUEST)
                HASH_FIND_STR(c->kicks, a->username, row);
        if (!row)
                return 0;
        /* A clock behind the log was set back, before the kick or after: who wants in is out for a
         * minute from then on, and never for longer. */
        if (now < row->begin)
                row->begin = now;
        if (now - row->begin >= KICK_USEC)
                return 0;
        *ret_by = row->by;
        return row->begin + KICK_USEC - now;
}
