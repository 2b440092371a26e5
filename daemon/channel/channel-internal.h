/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the parts of a channel's truth share; only daemon/channel sees it. */
#pragma once

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "daemon/channel/channel.h"

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
