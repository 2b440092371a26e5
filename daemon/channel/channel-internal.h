/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the parts of a channel's truth share; only daemon/channel sees it. */
#pragma once

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "daemon/channel/channel.h"

#define KICK_USEC                                                                                  \
        (60 * USEC_PER_SEC) /* protocol §5: so long a kicked user's CONNECT is refused            \
                             */

#define BANS_KEPT_MIN 1000 /* rows, ≈ 500 KiB */

typedef struct RoleRow {
        char username[NAME_SIZE];
        Role role; /* none: had one before */
        RoleChange change;
        UT_hash_handle hh;
} RoleRow;

/* A user is a name; a guest is a key, since the name may be somebody else's tomorrow. No name is as
 * long as a key. */
typedef struct BanRow {
        char who[KEY_ID_SIZE];
        ChannelBan ban;
        UT_hash_handle hh;
} BanRow;

typedef struct KickRow {
        char who[KEY_ID_SIZE];
        char by[NAME_SIZE];
        uint64_t time;  /* of the entry */
        uint64_t begin; /* of the minute */
        UT_hash_handle hh;
} KickRow;

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
        RoleRow *roles;     /* hash of RoleRow.username */
        BanRow *bans;       /* hash of BanRow.who; some have ended */
        size_t n_bans_kept; /* with so many the next ban forgets those that have ended */
        KickRow *kicks;     /* hash of KickRow.who; of the last minute before the latest */
};

/* channel-standing.c: what governance says of one person. */
int standing_set_role(Channel *c, const Entry *e, const char *username, Role role,
                      const char *reason /* NULL: none */);
int standing_ban(Channel *c, const Entry *e, const Value *extra);
int standing_unban(Channel *c, const Value *extra);
int standing_kick(Channel *c, const Entry *e, const Value *extra);
/* How long that one may not come back, in µs; 0: may. */
uint64_t standing_kicked_for(const Channel *c, const Actor *a, uint64_t now, const char **ret_by);
void standing_done(Channel *c);

/* channel-explain.c: a moment for people, to the minute. */
#define MINUTE_SIZE sizeof("2026-11-22 20:14 UTC")
void print_minute(uint64_t realtime_usec, char ret[static MINUTE_SIZE]);
