/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a log goes into a descriptor of somebody else's: read a page, write it, wait until more
 * is taken. Leaves how an entry reads to export-format.c, the descriptor to transfer.h. */
#include "daemon/member/export.h"

#include <sys/epoll.h>

#include "daemon/member/export-format.h"
#include "daemon/transfer.h"

#define PAGE_BYTES (256 * 1024)

struct Exporter {
        const Runtime *rt; /* weak */
        Lane *lane;        /* from the first export on */
        unsigned n_exports;
};

/* Shared by who wants it and the write under way: gone with the later of both. */
struct Export {
        unsigned n_users;
        Exporter *exporter; /* weak; NULL: it has ended */
        Store *store;       /* weak */
        uint64_t row, cursor, head;
        ExportFormat format;
        Transfer *transfer;
        sd_event_source *turn;  /* on: something is to be done */
        sd_event_source *ready; /* once who reads was too slow */
        Job *page;
        bool has_read; /* the last page is on its way out */
        char *data;    /* the thread's while it writes */
        size_t n, n_written;
        export_done_fn done;
        void *userdata; /* weak */
};

static void export_unref(void *export) {
        Export *x = export;

        if (--x->n_users > 0)
                return;
        transfer_free(x->transfer);
        free(x->data);
        free(x);
}

Export *export_free(Export *x) {
        if (!x)
                return NULL;
        x->exporter->n_exports--;
        x->exporter = NULL;
        x->page = job_free(x->page);
        x->turn = sd_event_source_disable_unref(x->turn);
        x->ready = sd_event_source_disable_unref(x->ready);
        export_unref(x);
        return NULL;
}

static void end(Export *x, ErrorCode code, const char *what, int r) {
        Failure f;

        (void) failure_set(&f, code, "%s: %s.%s", what, strerror(-r),
                           r == -ENOSPC || r == -EDQUOT ? " Make room and try again." : "");
        x->done(&f, x->userdata);
}

static void end_writing(Export *x, int r) {
        Failure f;

        if (r != -EPIPE && r != -ECONNRESET) {
                end(x, ERROR_INTERNAL, "Cannot write the export", r);
                return;
        }
        (void) failure_set(&f, ERROR_CANCELLED, "Who reads the export has gone.");
        x->done(&f, x->userdata);
}

static void end_reading(Export *x, int r) {
        Failure f;

        (void) store_fail(x->store, &f, r, "Cannot read the log");
        x->done(&f, x->userdata);
}

/* ---- writing ---- */

static int run_write(void *request) {
        Export *x = request;
        size_t n;
        int r;

        r = transfer_try_write(x->transfer, x->data + x->n_written, x->n - x->n_written, &n);
        x->n_written += n;
        return r;
}

static int on_ready(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Export *x = userdata;

        (void) sd_event_source_set_enabled(x->ready, SD_EVENT_OFF);
        return sd_event_source_set_enabled(x->turn, SD_EVENT_ONESHOT);
}

/* A write says by itself what became of a reader that has gone. */
static int wait_until_ready(Export *x) {
        if (x->ready)
                return sd_event_source_set_enabled(x->ready, SD_EVENT_ONESHOT);
        return sd_event_add_io(x->exporter->rt->event, &x->ready, transfer_get_fd(x->transfer),
                               EPOLLOUT, on_ready, x);
}

static void on_written(int r, void *request, void *userdata) {
        Export *x = request;

        if (!x->exporter)
                return;
        if (r == -EAGAIN)
                r = wait_until_ready(x);
        else if (r >= 0)
                r = sd_event_source_set_enabled(x->turn, SD_EVENT_ONESHOT);
        if (r < 0)
                end_writing(x, r);
}

/* ---- reading ---- */

static int take_page(Export *x, const Entry *entries, size_t n) {
        _cleanup_(writer_done) Writer w = {};
        int r;

        for (size_t i = 0; i < n; i++)
                export_write_entry(&w, x->format, &entries[i]);
        free(TAKE_PTR(x->data));
        x->n = x->n_written = 0;
        r = writer_take(&w, &x->data, &x->n);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(x->turn, SD_EVENT_ONESHOT);
}

static void on_page(int r, const Entry *entries, size_t n, bool more, void *userdata) {
        Export *x = userdata;

        x->page = NULL;
        while (n > 0 && entries[n - 1].seq > x->head) {
                more = false;
                n--;
        }
        if (n > 0)
                x->cursor = entries[n - 1].seq;
        x->has_read = !more || x->cursor >= x->head;
        if (r >= 0)
                r = take_page(x, entries, n);
        if (r < 0)
                end_reading(x, r);
}

static int on_turn(sd_event_source *source, void *userdata) {
        Export *x = userdata;
        int r;

        if (x->n_written < x->n) {
                x->n_users++;
                r = lane_submit(x->exporter->lane, run_write, x, export_unref, on_written, NULL,
                                NULL);
                if (r < 0)
                        end_writing(x, r);
        } else if (x->has_read)
                x->done(NULL, x->userdata);
        else {
                const PageQuery query = {
                        .anchor = x->cursor,
                        .limit = HISTORY_LIMIT_MAX,
                        .max_bytes = PAGE_BYTES,
                };

                r = store_read_page(x->store, x->row, &query, on_page, x, &x->page);
                if (r < 0)
                        end_reading(x, r);
        }
        return 0;
}

int export_new(Exporter *e, Store *store, uint64_t row, uint64_t head, int fd, ExportFormat format,
               export_done_fn done, void *userdata, Export **ret, Failure *f) {
        _cleanup_(transfer_freep) Transfer *transfer = NULL;
        Export *x;
        int r;

        if (e->n_exports >= EXPORTS_MAX)
                return failure_set(f, ERROR_BUSY,
                                   "%d exports are being written; wait for the end of one.",
                                   EXPORTS_MAX);
        r = transfer_new(fd, true, &transfer, f);
        if (r < 0)
                return r;
        x = new0(Export, 1);
        if (!x)
                return failure_set(f, ERROR_INTERNAL, "Out of memory.");
        e->n_exports++;
        *x = (Export){
                .n_users = 1,
                .exporter = e,
                .store = store,
                .row = row,
                .head = head,
                .format = format,
                .transfer = TAKE_PTR(transfer),
                .done = done,
                .userdata = userdata,
                .has_read = head == 0,
        };
        r = sd_event_add_defer(e->rt->event, &x->turn, on_turn, x);
        if (r >= 0 && !e->lane)
                r = lane_new(e->rt->workers, "export", NULL, NULL, &e->lane);
        if (r < 0) {
                export_free(x);
                return failure_set(f, ERROR_INTERNAL, "Cannot begin: %s.", strerror(-r));
        }
        *ret = x;
        return 0;
}

int exporter_new(const Runtime *rt, Exporter **ret) {
        Exporter *e = new0(Exporter, 1);

        if (!e)
                return -ENOMEM;
        e->rt = rt;
        *ret = e;
        return 0;
}

Exporter *exporter_free(Exporter *e) {
        if (!e)
                return NULL;
        assert(e->n_exports == 0);
        lane_free(e->lane);
        free(e);
        return NULL;
}
