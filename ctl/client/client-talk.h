/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what only a talk asks of the daemon: what is said, seen and in focus, and who is there.
 * Leaves what is shown to ctl/chat. */
#pragma once

#include "base/random.h"
#include "ctl/client/client.h"

/* Somebody who answers has the daemon's name on the bus; starts nobody. */
bool client_is_there(Ctl *ctl);

/* Queued on disk when this returns. → exit status; what went wrong was told */
int client_say(Ctl *ctl, const char *path, const char *text, char ret_id[static UUID_STRING_SIZE]);

/* Both are told to the daemon without waiting for it. path NULL: no channel is in focus. */
void client_mark_read(Ctl *ctl, const char *path, uint64_t seq);
void client_set_focus(Ctl *ctl, const char *path);

/* Somebody of GetMembers. Its strings are borrowed. */
typedef struct MemberView {
        const char *username, *user_type, *role, *status;
} MemberView;
typedef void (*client_member_fn)(const MemberView *member, void *userdata);
/* The first page of those of the channel with that path, at most timeout_usec long; tells nothing
 * of a failure. 0 or negative errno. */
int client_try_members(Ctl *ctl, const char *path, uint64_t timeout_usec, client_member_fn fn,
                       void *userdata);

/* The names of the tracker's channels that begin with those letters, at most timeout_usec long. 0
 * or negative errno. */
typedef void (*client_name_fn)(const char *name, void *userdata);
int client_try_directory(Ctl *ctl, const char *begin, uint64_t timeout_usec, client_name_fn fn,
                         void *userdata);

/* fn: somebody with a role came to the channel with that path with a key not seen before; only
 * moderators are told. The slot ends it. */
typedef void (*client_key_fn)(const char *path, const char *username, const char *key,
                              void *userdata);
typedef struct ClientKeyWatch {
        client_key_fn fn;
        void *userdata; /* weak */
        sd_bus_slot *slot;
} ClientKeyWatch;
int client_watch_keys(Ctl *ctl, ClientKeyWatch *w);
