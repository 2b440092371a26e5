/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how changes of the directory become durable, in order, and when leases lapse; leaves what
 * is allowed to directory.h and the wire to session-commands. */
#pragma once

#include "base/runtime.h"
#include "tracker/db.h"
#include "tracker/directory.h"

typedef struct Registry Registry;

/* on_change: something that watchers want to hear of soon. on_ready: once, when the stored channels
 * are there (r = 0) or cannot be read. */
typedef struct RegistryHandlers {
        void (*on_ready)(Registry *g, int r, void *userdata);
        void (*on_change)(Registry *g, void *userdata);
} RegistryHandlers;

/* Begins to load at once. */
int registry_new(const Runtime *rt /* weak */, Db *db /* weak */, uint64_t lease_usec,
                 const RegistryHandlers *handlers, void *userdata /* weak */, Registry **ret);
/* What is under way is answered `busy` first. */
Registry *registry_free(Registry *g);
DEFINE_CLEANUP(Registry *, registry_free);

/* NULL until on_ready. */
Directory *registry_get_directory(Registry *g);
uint64_t registry_get_lease_usec(const Registry *g);

/* Exactly once, never from inside the call. epoch is HOST's, else 0. */
typedef void (*registry_done_fn)(const Failure *failure, uint64_t epoch, void *userdata);

/* Each returns 0 and calls done later, or -errno with a failure and never calls it. Those of one
 * channel take effect one after the other, each on what the earlier ones left behind; nothing has
 * happened where done gets a failure. */
int registry_host(Registry *g, const HostRequest *q, registry_done_fn done, void *userdata,
                  Failure *failure);
int registry_view(Registry *g, const char *name, const char *user, const bool *restricted,
                  const char *topic, registry_done_fn done, void *userdata, Failure *failure);
/* The lease of that key ends. */
int registry_unhost(Registry *g, const char *name, const char *user, const char *key,
                    registry_done_fn done, void *userdata, Failure *failure);
/* Name and id are free, whoever has the lease. */
int registry_forget(Registry *g, const char *name, const char *user, registry_done_fn done,
                    void *userdata, Failure *failure);

/* An operator's. The channel is in nobody's list and its lease ends; done again: with another
 * reason (NULL, "" or one line of at most REASON_BYTES_MAX bytes, which the owner is told). Members
 * who are there stay, and the name stays bound. A name that nobody has is no-such-channel. */
int registry_delist(Registry *g, const char *name, const char *reason, registry_done_fn done,
                    void *userdata, Failure *failure);
/* The owner may host it again; OK too where it was not taken out. */
int registry_relist(Registry *g, const char *name, registry_done_fn done, void *userdata,
                    Failure *failure);

/* Revoked: what these keys of the user hold ends now, and so does what they have asked for but not
 * got yet. */
void registry_end_leases(Registry *g, const char *user, const DbRevocation *revoked, size_t n);
/* The user is no more, on disk already: the names that were theirs are free. After
 * registry_end_leases(). */
void registry_forget_owner(Registry *g, const char *user);

/* One element of a HEARTBEAT; what is to be stored of it is added to *progress, which the caller
 * frees and hands to registry_put_progress() at the end. */
ErrorCode registry_heartbeat(Registry *g, const HostRequest *q, DbProgress **progress,
                             size_t *n_progress);
int registry_put_progress(Registry *g, const DbProgress *progress, size_t n, registry_done_fn done,
                          void *userdata, Failure *failure);
