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

/* Who somebody is at this moment, from the certificate (or, locally, from who is signed in). */
typedef struct Actor {
        char username[NAME_SIZE];
        UserType user_type;
        char key_id[KEY_ID_SIZE];
} Actor;

/* Each answers 0, or fills *f with the wire code and a sentence, and returns its -errno (protocol
 * §5 "Who may"). */
int channel_may_view(const Channel *c, const Actor *a, Failure *f);
int channel_may_send(const Channel *c, const Actor *a, Failure *f);
int channel_may_set_permissions(const Channel *c, const Actor *a, Failure *f); /* VIEW */
int channel_may_set_topic(const Channel *c, const Actor *a, Failure *f);       /* TOPIC */
int channel_may_authorize(const Channel *c, const Actor *a, const char *target, Role role,
                          Failure *f);
/* REDACT of a message by that author; of one's own by anybody. */
int channel_may_redact(const Channel *c, const Actor *a, const EntryAuthor *author, Failure *f);
int channel_may_list_roles(const Channel *c, const Actor *a, Failure *f);

/* What VIEW sets; what is not said stays. */
typedef struct Permissions {
        ViewPermission view; /* VIEW_INVALID: not said */
        SendPermission send; /* SEND_INVALID: not said */
        int retention_days;  /* 0 … RETENTION_DAYS_MAX; −1: not said */
} Permissions;
#define PERMISSIONS_UNSAID ((Permissions){ VIEW_INVALID, SEND_INVALID, -1 })

/* The extra (JSON object text, the caller's) of governance entries. Returns 1 with *ret NULL when
 * nothing would change: OK, and nothing is logged. */
int channel_extra_create(const char *owner, const char *channel_id, uint64_t epoch,
                         const char *previous /* NULL: none */, char **ret, size_t *ret_n);
int channel_extra_host(uint64_t epoch, const char *host, char **ret, size_t *ret_n);
int channel_extra_topic(const Channel *c, const char *topic, char **ret, size_t *ret_n);
int channel_extra_view(const Channel *c, const Permissions *p, char **ret, size_t *ret_n);
int channel_extra_role(const Channel *c, const char *target, Role role, char **ret, size_t *ret_n);
int channel_extra_redact(uint64_t target_seq, const char *reason /* NULL: none */, char **ret,
                         size_t *ret_n);
