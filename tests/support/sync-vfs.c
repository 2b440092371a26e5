/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows where SQLite's own file system syncs; leaves what happens then to the test. */
#include "support/sync-vfs.h"

#include <assert.h>
#include <sqlite3.h>
#include <stddef.h>

typedef struct Methods {
        const sqlite3_io_methods *real; /* one table for all files of that kind */
        sqlite3_io_methods ours;
} Methods;

static sqlite3_vfs *real_vfs;
static Methods wal, database;
static sync_vfs_fn sync_fn;
static void *sync_userdata;

static int sync_wal(sqlite3_file *file, int flags) {
        if (sync_fn && !sync_fn(true, sync_userdata))
                return SQLITE_OK;
        return wal.real->xSync(file, flags);
}

static int sync_database(sqlite3_file *file, int flags) {
        if (sync_fn && !sync_fn(false, sync_userdata))
                return SQLITE_OK;
        return database.real->xSync(file, flags);
}

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                   int *ret_flags) {
        Methods *m = flags & SQLITE_OPEN_WAL ? &wal : &database;
        int r = real_vfs->xOpen(real_vfs, name, file, flags, ret_flags);

        if (r != SQLITE_OK || !(flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)))
                return r;
        if (!m->real) {
                m->real = file->pMethods;
                m->ours = *m->real;
                m->ours.xSync = m == &wal ? sync_wal : sync_database;
        }
        assert(file->pMethods == m->real);
        file->pMethods = &m->ours;
        return r;
}

void sync_vfs_set(sync_vfs_fn fn, void *userdata) {
        static sqlite3_vfs vfs;

        sync_fn = fn;
        sync_userdata = userdata;
        if (real_vfs)
                return;
        real_vfs = sqlite3_vfs_find(NULL);
        vfs = *real_vfs;
        vfs.zName = "sync";
        vfs.xOpen = on_open;
        (void) sqlite3_vfs_register(&vfs, 1);
}
