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
        } done;

        char name[NAME_SIZE];
        char key[KEY_ID_SIZE];
        char *password, *recovery, *topic;
        bool guest, replace, has_restricted, restricted, leased, unhosted;
        uint64_t now, until, generation;
        DbIdentity identity;
        ChannelRecord *records;
        size_t n_records;
        DbProgress *progress;
        size_t n_progress;
};

/* NULL: out of memory, which db_call_submit() takes for an answer. */
DbCall *db_call_new(const char *name, const char *key);
int db_call_submit(Db *db, DbCall *c, bool write, sql_work_fn work,
                   void (*answer)(DbCall *c, int r), void *userdata, DbCall **ret_call);
void db_answer_done(DbCall *c, int r);
