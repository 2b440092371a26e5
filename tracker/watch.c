/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows who watches the directory and when they are told (protocol §4 WATCH); leaves what changed
 * to directory.h. */
#include "tracker/watch.h"

#include <utlist.h>

struct Watch {
        const Runtime *rt;    /* weak */
        Directory *directory; /* weak */
        ClockTimer *important, *counts;
        uint64_t told; /* the generation that watchers were last woken for */
        Watcher *watchers;
};

struct Watcher {
        Watch *hub; /* weak */
        Asker asker;
        ConnSource *source;
        uint64_t cursor;
        uint64_t due;  /* up to here it was woken for */
        uint64_t seen; /* where cursor was by then */
        bool needs_reset;
        Watcher *prev, *next;
};

static int on_pull(Conn *c, Writer *out, void *userdata) {
        Watcher *w = userdata;
        const Directory *d = w->hub->directory;

        if (w->needs_reset || !directory_knows_since(d, w->cursor)) {
                asker_write_reset(out, d);
                w->cursor = directory_get_generation(d);
                w->needs_reset = false;
                return 1;
        }
        return asker_write_changes(&w->asker, out, d, &w->cursor);
}

static void tell(Watch *h) {
        uint64_t generation = directory_get_generation(h->directory);
        Watcher *w;

        clock_timer_disarm(h->important);
        if (generation == h->told)
                return;
        h->told = generation;
        DL_FOREACH(h->watchers, w) {
                /* Slow is not the same as not reading at all. */
                if (w->cursor < w->due && w->cursor == w->seen)
                        w->needs_reset = true;
                w->due = generation;
                w->seen = w->cursor;
                conn_source_wake(w->source);
        }
}

static void on_important(void *userdata) {
        tell(userdata);
}

static void on_counts(void *userdata) {
        Watch *h = userdata;

        clock_timer_arm(h->counts, WATCH_COUNTS_USEC);
        directory_publish_counts(h->directory);
        tell(h);
}

int watch_new(const Runtime *rt, Directory *directory, Watch **ret) {
        _cleanup_(watch_freep) Watch *h = NULL;
        int r;

        h = new0(Watch, 1);
        if (!h)
                return -ENOMEM;
        *h = (Watch){
                .rt = rt,
                .directory = directory,
                .told = directory_get_generation(directory),
        };
        r = clock_timer_new(rt->clock, on_important, h, &h->important);
        if (r < 0)
                return r;
        r = clock_timer_new(rt->clock, on_counts, h, &h->counts);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(h);
        return 0;
}

Watch *watch_free(Watch *h) {
        if (!h)
                return NULL;
        assert(!h->watchers);
        clock_timer_free(h->important);
        clock_timer_free(h->counts);
        free(h);
        return NULL;
}

void watch_changed(Watch *h) {
        if (h->watchers && directory_get_generation(h->directory) != h->told &&
            !clock_timer_is_armed(h->important))
                clock_timer_arm(h->important, WATCH_IMPORTANT_USEC);
}

int watcher_new(Watch *h, Conn *conn, uint64_t generation, Watcher **ret) {
        _cleanup_(watcher_freep) Watcher *w = NULL;
        int r;

        w = new0(Watcher, 1);
        if (!w)
                return -ENOMEM;
        *w = (Watcher){ .hub = h, .cursor = generation, .seen = UINT64_MAX };
        asker_init(&w->asker, conn);
        w->due = directory_get_generation(h->directory);
        r = conn_source_new(conn, on_pull, w, &w->source);
        if (r < 0)
                return r;
        if (!h->watchers)
                clock_timer_arm(h->counts, WATCH_COUNTS_USEC);
        DL_APPEND(h->watchers, w);
        conn_source_wake(w->source);
        *ret = TAKE_PTR(w);
        return 0;
}

Watcher *watcher_free(Watcher *w) {
        if (!w)
                return NULL;
        if (w->prev)
                DL_DELETE(w->hub->watchers, w);
        if (!w->hub->watchers)
                clock_timer_disarm(w->hub->counts);
        conn_source_free(w->source);
        free(w);
        return NULL;
}
