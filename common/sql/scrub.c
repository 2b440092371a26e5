/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which bytes of a database's pages belong to nobody, and makes them zero; leaves when that
 * may be done to sql.c. */
#include "sql/sql-internal.h"

/* Why not VACUUM: of 256 MiB it makes a WAL of 254 MiB, and a write waits for all of it: 110 times
 * as long as behind the longest of the 65 steps here, which write no WAL (6.5 s to 59 ms, one after
 * the other on one machine and file). */

/* A page that is no node of a tree begins with zeros or with another page's number, whose first
 * byte is that of no node below 2^25 pages. */
#define PAGES_MAX (UINT32_C(1) << 25)
#define PAGE_BYTES_MAX 65536
#define STEP_PAGES 1024 /* 4 MiB: what waits behind it waits for milliseconds */
#define FILE_HEADER_BYTES 100

enum {
        NODE_INDEX_INTERIOR = 2,
        NODE_TABLE_INTERIOR = 5,
        NODE_INDEX_LEAF = 10,
        NODE_TABLE_LEAF = 13,
};

static uint32_t read_u16(const uint8_t *p) {
        return (uint32_t) p[0] << 8 | p[1];
}

/* *ret_changed: there was something else than zeros. */
static void make_zero(uint8_t *p, size_t n, bool *ret_changed) {
        for (size_t i = 0; i < n; i++)
                if (p[i] != 0) {
                        memset(p + i, 0, n - i);
                        *ret_changed = true;
                        return;
                }
}

static bool blocks_are_good(const uint8_t *page, size_t usable, uint32_t first, uint32_t content) {
        uint32_t last = content;

        for (uint32_t at = first; at != 0; at = read_u16(page + at)) {
                if (at < last || at + 4 > usable || at + read_u16(page + at + 2) > usable ||
                    read_u16(page + at + 2) < 4)
                        return false;
                last = at + read_u16(page + at + 2);
        }
        return true;
}

/* Between the pointers to cells and the first cell, and inside free blocks. What does not look like
 * a node in every respect is left alone. True: something was there. */
static bool scrub_page(uint8_t *page, size_t usable, bool is_first) {
        uint8_t *header = page + (is_first ? FILE_HEADER_BYTES : 0);
        bool is_interior = header[0] == NODE_INDEX_INTERIOR || header[0] == NODE_TABLE_INTERIOR;
        size_t pointers = (size_t) (header - page) + (is_interior ? 12 : 8), end;
        uint32_t n_cells = read_u16(header + 3), content = read_u16(header + 5);
        bool changed = false;

        if (!is_interior && header[0] != NODE_INDEX_LEAF && header[0] != NODE_TABLE_LEAF)
                return false;
        if (content == 0)
                content = PAGE_BYTES_MAX;
        end = pointers + 2 * (size_t) n_cells;
        if (end > content || content > usable)
                return false;
        for (uint32_t i = 0; i < n_cells; i++) {
                uint32_t cell = read_u16(page + pointers + 2 * (size_t) i);

                if (cell < content || cell + 4 > usable)
                        return false;
        }
        if (!blocks_are_good(page, usable, read_u16(header + 1), content))
                return false;

        make_zero(page + end, content - end, &changed);
        for (uint32_t at = read_u16(header + 1); at != 0; at = read_u16(page + at))
                make_zero(page + at + 4, read_u16(page + at + 2) - 4, &changed);
        return changed;
}

static int read_sizes(sqlite3_file *file, size_t *ret_page, size_t *ret_usable, uint64_t *ret_n) {
        uint8_t header[FILE_HEADER_BYTES];
        sqlite3_int64 n_bytes;
        int r;

        r = file->pMethods->xFileSize(file, &n_bytes);
        if (r != SQLITE_OK)
                return r;
        *ret_n = 0;
        if (n_bytes < FILE_HEADER_BYTES)
                return SQLITE_OK;
        r = file->pMethods->xRead(file, header, sizeof(header), 0);
        if (r != SQLITE_OK)
                return r;
        *ret_page = read_u16(header + 16) == 1 ? PAGE_BYTES_MAX : read_u16(header + 16);
        if (*ret_page < 512 || *ret_page > PAGE_BYTES_MAX)
                return SQLITE_CORRUPT;
        *ret_usable = *ret_page - header[20];
        *ret_n = (uint64_t) n_bytes / *ret_page;
        return *ret_n >= PAGES_MAX ? SQLITE_TOOBIG : SQLITE_OK;
}

static int scrub_file(sqlite3_file *file, uint64_t first, uint64_t *ret_next) {
        _cleanup_free_ uint8_t *page = malloc(PAGE_BYTES_MAX);
        size_t page_size = 0, usable = 0;
        uint64_t n = 0, end;
        int r;

        if (!page)
                return SQLITE_NOMEM;
        r = read_sizes(file, &page_size, &usable, &n);
        if (r != SQLITE_OK)
                return r;
        end = MIN(n, first + STEP_PAGES);
        for (uint64_t i = first; i < end; i++) {
                sqlite3_int64 offset = (sqlite3_int64) (i * page_size);

                r = file->pMethods->xRead(file, page, (int) page_size, offset);
                if (r == SQLITE_OK && scrub_page(page, usable, i == 0))
                        r = file->pMethods->xWrite(file, page, (int) page_size, offset);
                if (r != SQLITE_OK)
                        return r;
        }
        *ret_next = end < n ? end : 0;
        return *ret_next == 0 ? file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) : SQLITE_OK;
}

/* -EBUSY: a backup keeps the WAL. */
static int scrub(Sql *s, uint64_t first, uint64_t *ret_next) {
        SqlTx *tx = &s->writer;
        sqlite3_file *file = NULL;
        int r;

        *ret_next = 0;
        r = sql_wal_cut(s);
        if (r == SQLITE_OK)
                r = sqlite3_file_control(tx->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
        if (r == SQLITE_OK && (!file || !file->pMethods))
                return 0; /* in memory */
        if (r == SQLITE_OK)
                r = scrub_file(file, first, ret_next);
        /* What the pages were is in our cache: a later write would bring it back. */
        (void) sqlite3_file_control(tx->db, "main", SQLITE_FCNTL_RESET_CACHE, NULL);
        return sql_errno(tx->db, r);
}

typedef struct Scrub {
        uint64_t first, next;
        sql_scrubbed_fn done;
} Scrub;

/* Outside a transaction: between what came before it in the batch and what comes behind. */
static int run_scrub(void *userdata) {
        SqlRequest *q = userdata;
        Scrub *x = q->request;
        Sql *s = q->sql;
        int r;

        if (s->batch_error < 0)
                return s->batch_error;
        s->batch_error = sql_batch_end(s);
        if (s->batch_error < 0)
                return s->batch_error;
        r = scrub(s, x->first, &x->next);
        health_note(s->health, r);
        sql_batch_begin(s);
        return r;
}

static void on_scrubbed(int r, void *request, void *userdata) {
        const Scrub *x = request;

        if (x->done)
                x->done(r, x->next, userdata);
}

int sql_scrub(Sql *s, uint64_t first, sql_scrubbed_fn done, void *userdata, Job **ret_job) {
        Scrub *x = new0(Scrub, 1);

        if (!x)
                return -ENOMEM;
        *x = (Scrub){ .first = first, .done = done };
        return sql_request_submit(sql_request_new(s, NULL, x, free, on_scrubbed, userdata),
                                  s->write_lane, run_scrub, ret_job);
}
