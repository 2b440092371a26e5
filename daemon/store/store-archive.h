/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows a person's store as one file that goes to another computer: written, checked, read. Leaves
 * where the file comes from and goes to, and when, to the manager. */
#pragma once

#include "daemon/pulse.h"
#include "daemon/store/store.h"
#include "daemon/transfer.h"

/* A backup is a database of the store's own tables, marked by its application id. It never holds a
 * private key or a certificate: these rows are not copied, so no page has ever seen them. All that
 * is hosted is marked went_back in it, so that a log cannot fork even where the file is put in the
 * place of a store by hand. */
#define BACKUP_APPLICATION_ID UINT32_C(0x70327042) /* "p2pB" */
#define BACKUP_BYTES_MAX (UINT64_C(64) << 30)      /* what a disk may be asked for at once */
/* Of one identity, closed ones too: what the bus can show in one answer. */
#define BACKUP_CHANNELS_MAX 10000
#define STORE_FILE "p2pchat.db"                    /* in the state directory */
#define STORE_ASIDE STORE_FILE ".set-aside-"       /* … and a time: stores that were */
#define STORE_ASIDE_DAMAGED STORE_FILE ".damaged-" /* … and a time: what was found so */
#define BACKUP_FILE "backup.part"                  /* being made */
#define RESTORE_RECEIVED "restore.part"            /* as it comes in */
#define RESTORE_FILE "restore.db"                  /* what will be the store */
#define BACKUP_NAMES_MAX 32                        /* identities that a summary names */
#define TRACKER_ADDRESS_BYTES_MAX 300              /* a DNS name, brackets, a port */

typedef struct BackupSummary {
        uint64_t n_bytes, n_channels, n_hosted, n_entries, n_outbox;
        size_t n_users; /* registered ones, by name, at most so many */
        char users[BACKUP_NAMES_MAX][NAME_SIZE];
        /* The tracker that a sign-in would give the password to; "": none. What a file says: its
         * certificate has that pin, but whether it is the right one only a person knows. */
        char tracker[TRACKER_ADDRESS_BYTES_MAX + 1], pin[PIN_SIZE];
} BackupSummary;

/* These three run on a thread; each returns 0, or -errno with *f. `directory` is the state
 * directory, whose store may be at work meanwhile. */

/* One snapshot of the store into t. */
int store_back_up(const char *directory, Transfer *t, Pulse *p, BackupSummary *ret, Failure *f);
/* A backup from t, believed in nothing, becomes RESTORE_FILE. */
int store_receive(const char *directory, Transfer *t, Pulse *p, BackupSummary *ret, Failure *f);
/* May a backup take the place of the store? ERROR_ALREADY_SIGNED_IN; ERROR_CONFLICT: it holds
 * channels, and set_aside is not wished. */
int store_check_replaceable(const char *directory, bool set_aside, Pulse *p, Failure *f);

/* RESTORE_FILE becomes the store, if that still may be: asked again, and nothing is in between.
 * -EISCONN: somebody is signed in. -ENOTUNIQ: it holds channels. */
int store_replace(Store *s, const char *directory, const char *aside /* path, or NULL */,
                  store_done_fn done, void *userdata, Job **ret_job);

/* Before the store is opened: what a crash left of all this. */
void store_sweep(const char *directory);
