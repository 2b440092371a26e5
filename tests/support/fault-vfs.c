/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the methods of a SQLite VFS, and when SQLite's own would sync a folder; leaves what fails
 * and what is durable to fault-disk.c. */
#include "support/fault-vfs.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SECTOR_BYTES 512

typedef struct FaultFile {
        sqlite3_file base;
        sqlite3_file *real; /* behind us */
        FaultDisk *disk;    /* NULL: not watched */
        FaultNode *node;
        const char *name;  /* SQLite keeps it as long as the file */
        bool syncs_folder; /* with its first sync */
} FaultFile;

static sqlite3_vfs *real_vfs;

static int end(int error, int code) {
        errno = error;
        return code;
}

static int file_strike(FaultFile *f, FaultOps op) {
        return fault_disk_strike(f->disk, op, f->name ?: "");
}

static int on_close(sqlite3_file *file) {
        FaultFile *f = (FaultFile *) file;

        if (f->disk)
                fault_disk_close(f->disk);
        return f->real->pMethods->xClose(f->real);
}

static int on_read(sqlite3_file *file, void *data, int n, sqlite3_int64 offset) {
        FaultFile *f = (FaultFile *) file;
        int r = file_strike(f, FAULT_READ);

        if (r > 0)
                return end(r, SQLITE_IOERR_READ);
        return f->real->pMethods->xRead(f->real, data, n, offset);
}

/* A write that fails has got as far as half of its sectors. */
static int on_write(sqlite3_file *file, const void *data, int n, sqlite3_int64 offset) {
        FaultFile *f = (FaultFile *) file;
        bool was_off = f->disk && fault_disk_is_off(f->disk);
        int error = file_strike(f, FAULT_WRITE), k = n, r = SQLITE_OK;

        if (error > 0 && was_off)
                return end(error, SQLITE_IOERR_WRITE);
        if (error > 0)
                k = n / 2 / SECTOR_BYTES * SECTOR_BYTES;
        if (k > 0)
                r = f->real->pMethods->xWrite(f->real, data, k, offset);
        if (r == SQLITE_OK && f->disk && k > 0)
                fault_node_write(f->disk, f->node, (uint64_t) offset, data, (size_t) k);
        if (error > 0)
                return end(error, error == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE);
        return r;
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 size) {
        FaultFile *f = (FaultFile *) file;
        int r = file_strike(f, FAULT_TRUNCATE);

        if (r > 0)
                return end(r, SQLITE_IOERR_TRUNCATE);
        r = f->real->pMethods->xTruncate(f->real, size);
        if (r == SQLITE_OK && f->disk)
                fault_node_truncate(f->disk, f->node, (uint64_t) size);
        return r;
}

static int on_sync(sqlite3_file *file, int flags) {
        FaultFile *f = (FaultFile *) file;
        int r;

        if (!f->disk) /* nobody loses power there */
                return SQLITE_OK;
        r = file_strike(f, FAULT_SYNC);
        if (r > 0) {
                fault_node_lose(f->disk, f->node);
                return end(r, SQLITE_IOERR_FSYNC);
        }
        fault_node_sync(f->disk, f->node);
        /* SQLite's own does not tell when this one fails. */
        if (f->syncs_folder && file_strike(f, FAULT_SYNC) == 0)
                fault_disk_sync_names(f->disk);
        f->syncs_folder = false;
        return SQLITE_OK;
}

static int on_size(sqlite3_file *file, sqlite3_int64 *ret) {
        FaultFile *f = (FaultFile *) file;

        return f->real->pMethods->xFileSize(f->real, ret);
}

static int on_lock(sqlite3_file *file, int level) {
        FaultFile *f = (FaultFile *) file;

        return f->real->pMethods->xLock(f->real, level);
}

static int on_unlock(sqlite3_file *file, int level) {
        FaultFile *f = (FaultFile *) file;

        return f->real->pMethods->xUnlock(f->real, level);
}

static int on_check_lock(sqlite3_file *file, int *ret) {
        FaultFile *f = (FaultFile *) file;

        return f->real->pMethods->xCheckReservedLock(f->real, ret);
}

static int on_control(sqlite3_file *file, int op, void *arg) {
        FaultFile *f = (FaultFile *) file;

        return f->real->pMethods->xFileControl(f->real, op, arg);
}

static int on_sector_size(sqlite3_file *file) {
        FaultFile *f = (FaultFile *) file;

        return f->real->pMethods->xSectorSize(f->real);
}

static int on_characteristics(sqlite3_file *file) {
        FaultFile *f = (FaultFile *) file;

        return f->real->pMethods->xDeviceCharacteristics(f->real);
}

static int on_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret) {
        FaultFile *f = (FaultFile *) file;
        int r = extend ? file_strike(f, FAULT_SHM) : 0;

        if (r > 0)
                return end(r, SQLITE_IOERR_SHMSIZE);
        return f->real->pMethods->xShmMap(f->real, page, size, extend, ret);
}

static int on_shm_lock(sqlite3_file *file, int offset, int n, int flags) {
        FaultFile *f = (FaultFile *) file;

        return f->real->pMethods->xShmLock(f->real, offset, n, flags);
}

static void on_shm_barrier(sqlite3_file *file) {
        FaultFile *f = (FaultFile *) file;

        f->real->pMethods->xShmBarrier(f->real);
}

static int on_shm_unmap(sqlite3_file *file, int delete_it) {
        FaultFile *f = (FaultFile *) file;

        return f->real->pMethods->xShmUnmap(f->real, delete_it);
}

static const sqlite3_io_methods methods = {
        .iVersion = 2, /* no memory maps: they would pass us by */
        .xClose = on_close,
        .xRead = on_read,
        .xWrite = on_write,
        .xTruncate = on_truncate,
        .xSync = on_sync,
        .xFileSize = on_size,
        .xLock = on_lock,
        .xUnlock = on_unlock,
        .xCheckReservedLock = on_check_lock,
        .xFileControl = on_control,
        .xSectorSize = on_sector_size,
        .xDeviceCharacteristics = on_characteristics,
        .xShmMap = on_shm_map,
        .xShmLock = on_shm_lock,
        .xShmBarrier = on_shm_barrier,
        .xShmUnmap = on_shm_unmap,
};

#define JOURNALS (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL)

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                   int *ret_flags) {
        FaultFile *f = (FaultFile *) file;
        int r;

        *f = (FaultFile){
                .real = (sqlite3_file *) (f + 1),
                .disk = fault_disk_of(name),
                .name = name,
                .syncs_folder = (flags & SQLITE_OPEN_CREATE) && (flags & JOURNALS),
        };
        r = file_strike(f, FAULT_OPEN);
        if (r > 0)
                return end(r, SQLITE_CANTOPEN);
        r = real_vfs->xOpen(real_vfs, name, f->real, flags, ret_flags);
        if (f->real->pMethods)
                f->base.pMethods = &methods;
        if (r == SQLITE_OK && f->disk)
                f->node = fault_disk_open(f->disk, name);
        else
                f->disk = NULL;
        return r;
}

static int on_delete(sqlite3_vfs *vfs, const char *name, int sync_folder) {
        FaultDisk *d = fault_disk_of(name);
        int r;

        if (!d)
                return real_vfs->xDelete(real_vfs, name, sync_folder);
        r = fault_disk_strike(d, FAULT_DELETE, name);
        if (r > 0)
                return end(r, SQLITE_IOERR_DELETE);
        r = real_vfs->xDelete(real_vfs, name, 0);
        if (r != SQLITE_OK || !sync_folder)
                return r;
        r = fault_disk_strike(d, FAULT_SYNC, name);
        if (r > 0)
                return end(r, SQLITE_IOERR_DIR_FSYNC);
        fault_disk_sync_names(d);
        return SQLITE_OK;
}

static int on_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret) {
        return real_vfs->xAccess(real_vfs, name, flags, ret);
}

static int on_full_path(sqlite3_vfs *vfs, const char *name, int n, char *ret) {
        return real_vfs->xFullPathname(real_vfs, name, n, ret);
}

static int on_randomness(sqlite3_vfs *vfs, int n, char *ret) {
        return real_vfs->xRandomness(real_vfs, n, ret);
}

static int on_sleep(sqlite3_vfs *vfs, int usec) {
        return real_vfs->xSleep(real_vfs, usec);
}

static int on_time(sqlite3_vfs *vfs, double *ret) {
        return real_vfs->xCurrentTime(real_vfs, ret);
}

static int on_time64(sqlite3_vfs *vfs, sqlite3_int64 *ret) {
        return real_vfs->xCurrentTimeInt64(real_vfs, ret);
}

static int on_last_error(sqlite3_vfs *vfs, int n, char *ret) {
        return real_vfs->xGetLastError(real_vfs, n, ret);
}

void fault_vfs_register(void) {
        static sqlite3_vfs vfs;

        if (real_vfs)
                return;
        real_vfs = sqlite3_vfs_find(NULL);
        assert_non_null(real_vfs);
        vfs = (sqlite3_vfs){
                .iVersion = 2,
                .szOsFile = (int) sizeof(FaultFile) + real_vfs->szOsFile,
                .mxPathname = real_vfs->mxPathname,
                .zName = "fault",
                .xOpen = on_open,
                .xDelete = on_delete,
                .xAccess = on_access,
                .xFullPathname = on_full_path,
                .xRandomness = on_randomness,
                .xSleep = on_sleep,
                .xCurrentTime = on_time,
                .xGetLastError = on_last_error,
                .xCurrentTimeInt64 = on_time64,
        };
        assert_int_equal(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
}
