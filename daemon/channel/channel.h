/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the truth of one channel as its log tells it: who owns it, who has which role, who may do
 * what. Pure: no I/O, no clock, no connection. */
#pragma once

#include "daemon/store/store.h"

typedef struct Channel Channel;

int channel_new(Channel **ret);
Channel *channel_free(Channel *c);
DEFINE_CLEANUP(Channel *, channel_free);

/* Replays one entry, in order of seq. Messages and kinds that are not known change last_seq only.
 * -EBADMSG when an entry known by kind does not hold what it must (a damaged log). */
int channel_apply(Channel *c, const Entry *e);

const char *channel_get_id(const Channel *c);
const char *channel_get_owner(const Channel *c);
const char *channel_get_topic(const Channel *c); /* never NULL */
uint64_t channel_get_epoch(const Channel *c);
uint64_t channel_get_last_seq(const Channel *c);
const char *channel_get_last_id(const Channel *c);
ViewPermission channel_get_view(const Channel *c);
SendPermission channel_get_send(const Channel *c);
Role channel_get_role(const Channel *c, const char *username);
const RetentionRule *channel_get_retention(const Channel *c); /* days 0: all is kept */
void channel_get_rates(const Channel *c, uint64_t *ret_message_rate, uint64_t *ret_message_burst);

/* Registered users with a role, by name. */
typedef int (*channel_each_role_fn)(const char *username, Role role, void *userdata);
int channel_each_role(const Channel *c, channel_each_role_fn fn, void *userdata);

/* Who changed the role of that user last, and when; NULL: nobody ever did. */
typedef struct RoleChange {
        char by[NAME_SIZE];
        uint64_t time; /* µs since the epoch, the host's clock */
        uint64_t seq;
        Role was;
        char reason[REASON_BYTES_MAX + 1]; /* "": none was given */
} RoleChange;
const RoleChange *channel_get_role_change(const Channel *c, const char *username);

typedef struct ChannelBan {
        char target[NAME_SIZE];
        char key_id[KEY_ID_SIZE]; /* of a guest; "": all who have the name */
        char by[NAME_SIZE];
        char reason[REASON_BYTES_MAX + 1]; /* "": none was given */
        uint64_t time, until;              /* µs since the epoch; until 0: no end */
        uint64_t seq;
} ChannelBan;
/* Those that hold at `now`, by name, then key. */
typedef int (*channel_each_ban_fn)(const ChannelBan *ban, void *userdata);
int channel_each_ban(const Channel *c, uint64_t now, channel_each_ban_fn fn, void *userdata);
/* When the next of them ends by itself; 0: none does. */
uint64_t channel_next_ban_end(const Channel *c, uint64_t now);

/* Who somebody is at this moment, from the certificate (or, locally, from who is signed in); of
 * whom others speak: the name, and no key. */
typedef struct Actor {
        char username[NAME_SIZE];
        UserType user_type;
        char key_id[KEY_ID_SIZE];
} Actor;
void actor_named(const char *username, Actor *ret);

/* NULL: not banned. A guest of whom only the name is said: one of any key. */
const ChannelBan *channel_find_ban(const Channel *c, const Actor *a, uint64_t now);

typedef struct Access {
        Role role;
        bool can_view, can_send, can_moderate;
} Access;
void channel_get_access(const Channel *c, const Actor *a, uint64_t now, Access *ret);

/* Why that is so, in sentences of one line each: text by protocol §2. */
typedef struct Why {
        char text[WHY_MAX][WHY_BYTES_MAX + 1];
        size_t n;
} Why;
int channel_explain_access(const Channel *c, const Actor *a, uint64_t now, Why *ret);

/* Each answers 0, or fills *f with the wire code and a sentence, and returns its -errno (protocol
 * §5 "Who may"). now: µs since the epoch, since bans end by themselves. */
int channel_may_view(const Channel *c, const Actor *a, uint64_t now, Failure *f);
/* … and was not kicked just now: `rate-limited` otherwise. */
int channel_may_connect(const Channel *c, const Actor *a, uint64_t now, Failure *f);
int channel_may_send(const Channel *c, const Actor *a, uint64_t now, Failure *f);
int channel_may_set_permissions(const Channel *c, const Actor *a, uint64_t now,
                                Failure *f); /* VIEW */
int channel_may_set_topic(const Channel *c, const Actor *a, uint64_t now, Failure *f);
int channel_may_authorize(const Channel *c, const Actor *a, const char *target, Role role,
                          uint64_t now, Failure *f);
/* KICK, BAN, UNBAN of that user or guest. */
int channel_may_moderate(const Channel *c, const Actor *a, const char *target, uint64_t now,
                         Failure *f);
/* REDACT of a message by that author; of one's own by anybody. */
int channel_may_redact(const Channel *c, const Actor *a, const EntryAuthor *author, uint64_t now,
                       Failure *f);
int channel_may_list_roles(const Channel *c, const Actor *a, uint64_t now, Failure *f);
/* RET_INFO's `banned`. */
int channel_may_list_bans(const Channel *c, const Actor *a, uint64_t now, Failure *f);
/* With which keys those who have a role came: moderators. */
bool channel_may_see_keys(const Channel *c, const Actor *a, uint64_t now);
/* ACCESS of that user; one's own is everybody's. */
int channel_may_see_access(const Channel *c, const Actor *a, const char *of, uint64_t now,
                           Failure *f);
int channel_may_debug(const Channel *c, const Actor *a, uint64_t now, Failure *f);

/* What VIEW sets; what is not said stays. */
typedef struct Permissions {
        ViewPermission view; /* VIEW_INVALID: not said */
        SendPermission send; /* SEND_INVALID: not said */
        int retention_days;  /* 0 … RETENTION_DAYS_MAX; −1: not said */
        int message_rate;    /* a second; 0: none; −1: not said */
        int message_burst;   /* −1: not said */
} Permissions;
#define PERMISSIONS_UNSAID ((Permissions){ VIEW_INVALID, SEND_INVALID, -1, -1, -1 })

/* The extra (JSON object text, the caller's) of governance entries. Returns 1 with *ret NULL when
 * nothing would change: OK, and nothing is logged. */
int channel_extra_create(const char *owner, const char *channel_id, uint64_t epoch,
                         const char *previous /* NULL: none */, char **ret, size_t *ret_n);
int channel_extra_host(uint64_t epoch, const char *host, char **ret, size_t *ret_n);
int channel_extra_topic(const Channel *c, const char *topic, char **ret, size_t *ret_n);
int channel_extra_view(const Channel *c, const Permissions *p, char **ret, size_t *ret_n);
int channel_extra_role(const Channel *c, const char *target, Role role,
                       const char *reason /* NULL: none */, char **ret, size_t *ret_n);
int channel_extra_redact(uint64_t target_seq, const char *reason /* NULL: none */, char **ret,
                         size_t *ret_n);
/* key_id: of a guest, else "". reason NULL: none. */
int channel_extra_kick(const char *target, const char *key_id, const char *reason, char **ret,
                       size_t *ret_n);
int channel_extra_ban(const Channel *c, const char *target, const char *key_id, const char *reason,
                      uint64_t until /* µs since the epoch; 0: no end */, uint64_t now, char **ret,
                      size_t *ret_n);
int channel_extra_unban(const Channel *c, const char *target, const char *reason, uint64_t now,
                        char **ret, size_t *ret_n);
