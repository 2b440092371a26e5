/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the entries of one channel are read and shown, and those to come waited for; leaves
 * what is asked for to the verb. */
#include "ctl/verb/log.h"

#define PAGE_ENTRIES 500              /* the API's most */
#define RETRY_USEC (2 * USEC_PER_SEC) /* of what failed with the daemon there */

static bool is_asked_for(Log *l, const EntryView *e) {
        if (e->seq <= l->after || !entry_filter_takes(&l->filter, e))
                return false;
        if (!e->hidden || entry_form_is_json(l->form) || l->shows_ignored)
                return true;
        l->n_hidden++;
        return false;
}

static void show(const Log *l, const EntryView *e) {
        entry_form_show(l->form, e, &l->style);
}

static bool is_shown(const EntryView *e, void *userdata) {
        Log *l = userdata;

        l->cursor = MAX(l->cursor, e->seq);
        return is_asked_for(l, e);
}

/* Drops what is in front of the newest so many. */
static bool is_newest(const EntryView *e, void *userdata) {
        size_t *n_dropped = userdata;

        if (*n_dropped == 0)
                return true;
        --*n_dropped;
        return false;
}

/* *n_left: the most entries. True: there is another page, with the anchor moved to it. */
static int read_page(Log *l, bool before, uint64_t *anchor, uint64_t *n_left,
                     sd_bus_error *ret_error, EntryPage *ret) {
        bool is_filtered = l->filter.has_pattern || l->filter.from || l->filter.events_only;
        const EntryQuery query = {
                .anchor = *anchor,
                .limit = is_filtered ? PAGE_ENTRIES
                                     : (uint32_t) MIN(*n_left, (uint64_t) PAGE_ENTRIES),
                .before = before,
                .since = l->since,
                .until = l->until,
        };
        bool more;
        int r;

        r = client_try_page(l->ctl, l->path, &query, ret_error, ret);
        if (r < 0)
                return r;
        more = ret->more && (ret->n > 0 || ret->next_anchor != *anchor);
        if (before && ret->n > 0 && ret->entries[0].seq <= l->after + 1)
                more = false;
        *anchor = ret->next_anchor;
        entry_page_keep(ret, is_shown, l);
        if (ret->n > *n_left) {
                size_t n_dropped = ret->n - (size_t) *n_left;

                entry_page_keep(ret, is_newest, &n_dropped);
        }
        *n_left -= (uint64_t) ret->n;
        return more && *n_left > 0;
}

int log_show_reverse(Log *l, uint64_t n) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        uint64_t anchor = 0;
        int r;

        do {
                _cleanup_(entry_page_done) EntryPage page = {};

                r = read_page(l, true, &anchor, &n, &error, &page);
                for (size_t i = page.n; i-- > 0;)
                        show(l, page.entries + i);
        } while (r > 0);
        return r < 0 ? client_fail(l->ctl, &error, r) : EXIT_OK;
}

/* Pages backwards, each a block in front of the one before. */
int log_show_newest(Log *l, uint64_t n) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ EntryPage *pages = NULL;
        uint64_t anchor = 0;
        size_t n_pages = 0;
        int r;

        do {
                EntryPage page = {}, *grown;

                r = read_page(l, true, &anchor, &n, &error, &page);
                if (page.n == 0) {
                        entry_page_done(&page);
                        continue;
                }
                grown = reallocarray(pages, n_pages + 1, sizeof(EntryPage));
                if (!grown) {
                        entry_page_done(&page);
                        r = -ENOMEM;
                        break;
                }
                pages = grown;
                pages[n_pages++] = page;
        } while (r > 0);
        for (size_t i = n_pages; i-- > 0;) {
                for (size_t k = 0; k < pages[i].n && r >= 0; k++)
                        show(l, pages[i].entries + k);
                entry_page_done(pages + i);
        }
        return r < 0 ? client_fail(l->ctl, &error, r) : EXIT_OK;
}

int log_settle(Log *l) {
        if (fflush(stdout) != 0)
                return EXIT_FAILED; /* nobody reads any more */
        if (!l->file)
                return EXIT_OK;
        if (cursor_file_set(l->file, l->id, MIN(l->cursor, (uint64_t) INT64_MAX)) < 0)
                return client_fail(l->ctl, NULL, -ENOMEM);
        return cursor_file_write(l->ctl, l->file);
}

/* All that is above the cursor; r of reading, and how settling it went. */
static int show_above(Log *l, sd_bus_error *ret_error, int *ret_exit) {
        uint64_t anchor = l->cursor, n = UINT64_MAX;
        int r;

        do {
                _cleanup_(entry_page_done) EntryPage page = {};

                r = read_page(l, false, &anchor, &n, ret_error, &page);
                for (size_t i = 0; i < page.n; i++)
                        show(l, page.entries + i);
                *ret_exit = log_settle(l);
        } while (r > 0 && *ret_exit == EXIT_OK);
        return r;
}

int log_show_all(Log *l) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r, exit_status;

        r = show_above(l, &error, &exit_status);
        return r < 0 ? client_fail(l->ctl, &error, r) : exit_status;
}

int log_skip_to_end(Log *l) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(entry_page_done) EntryPage page = {};
        static const EntryQuery newest = { .limit = 1, .before = true };
        int r;

        r = client_try_page(l->ctl, l->path, &newest, &error, &page);
        if (r < 0)
                return client_fail(l->ctl, &error, r);
        if (page.n > 0)
                l->cursor = MAX(l->cursor, page.entries[page.n - 1].seq);
        return EXIT_OK;
}

void log_on_event(Ctl *ctl, const char *path, const char *member, void *userdata) {
        Log *l = userdata;

        if (streq_ptr(path, l->path) || streq_ptr(member, "NameOwnerChanged") ||
            streq_ptr(member, "InterfacesAdded"))
                l->wake = true;
}

/* A daemon that goes and comes back costs nothing: the cursor is here. It is not started by us, for
 * who stopped it may have had reasons. */
int log_follow(Log *l) {
        bool was_away = false;

        l->ctl->no_start = true;
        for (;;) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                bool is_away, has_failed;
                int r, exit_status;

                l->wake = false;
                r = show_above(l, &error, &exit_status);
                if (exit_status == EXIT_OK)
                        exit_status = client_check_bus(l->ctl);
                if (exit_status != EXIT_OK)
                        return exit_status;
                if (r < 0 && !sd_bus_error_is_set(&error))
                        return client_fail(l->ctl, NULL, r);
                is_away = r < 0 && client_is_away(&error);
                /* A channel that is not there is told of when it appears. */
                has_failed = r < 0 && !is_away &&
                             !sd_bus_error_has_name(&error, SD_BUS_ERROR_UNKNOWN_OBJECT);
                if (is_away && !was_away)
                        fputs(_("-- the daemon does not run; waiting for it\n"), stderr);
                was_away = is_away;
                while (!l->wake) {
                        r = client_wait_with(l->ctl, -1, has_failed ? RETRY_USEC : UINT64_MAX);
                        if (r == -EPIPE)
                                return EXIT_OK;
                        if (has_failed && (r == 0 || r == -ETIMEDOUT))
                                break;
                        if (r < 0)
                                return client_check_bus(l->ctl) ?: client_fail(l->ctl, NULL, r);
                }
        }
}
