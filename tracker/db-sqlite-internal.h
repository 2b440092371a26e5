/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the files of the SQLite database share; nobody else includes it. */
#pragma once

#include "sql/sql.h"
#include "tracker/db-sqlite.h"

struct Db {
        Sql *sql;
};

/* One call with what goes in and what comes out. sql frees it after its answer; freeing the handle
 * only takes the answer away. */
struct DbCall {
        void (*answer)(DbCall *c, int r);
        void *userdata; /* weak */
        union {
                db_done_fn done;
                db_load_fn load;
                db_identity_fn identity;
                db_near_fn near;
                db_change_fn change;
                db_devices_fn devices;
                db_users_fn users;
                db_user_fn user;
        } done;

        char name[NAME_SIZE];
        char key[KEY_ID_SIZE];
        char *password, *recovery, *spent, *topic;
        char *expected_password, *expected_recovery;
        bool guest, replace, has_restricted, restricted, leased, unhosted;
        uint64_t now, until, generation;
        DbIdentity identity;
        NearNames near;
        ChannelRecord *records;
        size_t n_records;
        RetiredId *retired;
        size_t n_retired;
        DbProgress *progress;
        size_t n_progress;

        bool is_deletion, is_repeated, has_device;
        DbRevoke revoke;
        char (*keys)[KEY_ID_SIZE];
        size_t n_keys, limit;
        DbRevocation *revoked;
        DbDeviceInfo *devices;
        DbUser *users;
        size_t n_users;
        size_t n_found, n_allocated; /* of revoked or devices */

        DbMark mark;
        bool is_by_operator;
        char *reason;
        char query[QUERY_BYTES_MAX + 1], next[NAME_SIZE];
        DbUserState state;
};

/* NULL: out of memory, which db_call_submit() takes for an answer. */
DbCall *db_call_new(const char *name, const char *key);
int db_call_submit(Db *db, DbCall *c, bool write, sql_work_fn work,
                   void (*answer)(DbCall *c, int r), void *userdata, DbCall **ret_call);
void db_answer_done(DbCall *c, int r);
/* Only before it is submitted. */
void db_call_destroy(void *call);

/* -ESTALE: what the call expects of its user's row is not so; -EKEYREJECTED: it is, but the user is
 * suspended. */
int db_check_expected(SqlTx *tx, const DbCall *c);
/* A user's devices that are not revoked, after c->key and at most c->limit, to c->devices. */
int db_read_devices(SqlTx *tx, DbCall *c);
/* The certificate of the call's key. Errors as of db_put_device(). */
int db_put_device_row(SqlTx *tx, const DbCall *c);
