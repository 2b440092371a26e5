/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows log: a channel's entries, and those to come. */
#include <inttypes.h>
#include <limits.h>

#include "ctl/print.h"

#define PAGE_ENTRIES 500 /* the API's most */

typedef struct Log {
        Ctl *ctl;
        char *path;
        bool json;
        uint64_t cursor; /* the last entry that was shown */
        uint64_t head;   /* the last entry that there was at the host before we looked */
        bool wake;       /* something happened on the bus since the last look */
} Log;

static void show(Log *l, const EntryView *e) {
        if (l->json)
                print_json_text(stdout, l->ctl->json, e->json);
        else
                print_entry(stdout, e, true);
        l->cursor = e->seq;
}

/* The newest n, oldest first: pages backwards, each a block in front of the one before. */
static int show_newest(Log *l, uint64_t n) {
        _cleanup_free_ EntryPage *pages = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        uint64_t left = n, anchor = 0;
        size_t n_pages = 0;
        int r = 0;

        while (left > 0) {
                EntryPage page = {};
                EntryPage *grown;

                r = client_try_page(l->ctl, l->path, anchor,
                                    (uint32_t) MIN(left, (uint64_t) PAGE_ENTRIES), true, &error,
                                    &page);
                if (r < 0)
                        break;
                grown = reallocarray(pages, n_pages + 1, sizeof(EntryPage));
                if (!grown) {
                        entry_page_done(&page);
                        r = -ENOMEM;
                        break;
                }
                pages = grown;
                pages[n_pages++] = page;
                left -= MIN(left, (uint64_t) page.n);
                if (!page.more || page.n == 0)
                        break;
                anchor = page.entries[0].seq;
        }
        for (size_t i = n_pages; i-- > 0;) {
                for (size_t k = 0; k < pages[i].n && r >= 0; k++)
                        show(l, pages[i].entries + k);
                entry_page_done(pages + i);
        }
        return r < 0 ? client_fail(l->ctl, &error, r) : EXIT_OK;
}

/* All that is above the cursor. */
static int show_following(Log *l, sd_bus_error *ret_error) {
        for (;;) {
                _cleanup_(entry_page_done) EntryPage page = {};
                int r;

                r = client_try_page(l->ctl, l->path, l->cursor, PAGE_ENTRIES, false, ret_error,
                                    &page);
                if (r < 0)
                        return r;
                for (size_t i = 0; i < page.n; i++)
                        show(l, page.entries + i);
                if (!page.more || page.n == 0)
                        return 0;
        }
}

static void on_event(Ctl *ctl, const char *path, const char *member, void *userdata) {
        Log *l = userdata;

        if (streq_ptr(path, l->path) || streq_ptr(member, "NameOwnerChanged") ||
            streq_ptr(member, "InterfacesAdded"))
                l->wake = true;
}

/* A daemon that goes and comes back costs nothing: the cursor is here. */
static int follow(Log *l) {
        for (;;) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                int r;

                l->wake = false;
                r = show_following(l, &error);
                if (r < 0 && !sd_bus_error_is_set(&error))
                        return client_fail(l->ctl, NULL, r);
                if (fflush(stdout) != 0)
                        return EXIT_FAILED; /* nobody reads any more */
                while (!l->wake) {
                        r = client_wait(l->ctl);
                        if (r < 0)
                                return client_fail(l->ctl, NULL, r);
                }
        }
}

/* The end of the log at the host, as far as it is known here. */
static int read_head(Log *l) {
        _cleanup_(snapshot_done) Snapshot s = {};
        int r;

        r = client_get_snapshot(l->ctl, &s);
        for (size_t i = 0; r == EXIT_OK && i < s.n_channels; i++)
                if (streq(s.channels[i].path, l->path))
                        l->head = s.channels[i].last_seq;
        return r;
}

static int verb_log(Ctl *ctl, int argc, char **argv) {
        _cleanup_(client_watch_freep) ClientWatch *watch = NULL;
        uint64_t arg_lines = UINT64_MAX, arg_after = UINT64_MAX;
        const char *arg_output = NULL;
        bool arg_follow = false;
        const Option options[] = {
                { "lines", 'n', OPTION_UINT, &arg_lines },
                { "follow", 'f', OPTION_FLAG, &arg_follow },
                { "output", 'o', OPTION_STRING, &arg_output },
                { "after-seq", 0, OPTION_UINT, &arg_after },
                {},
        };
        _cleanup_(freep) char *path = NULL;
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        if (arg_output && !streq(arg_output, "short") && !streq(arg_output, "json"))
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      "-o takes short or json, not %s", arg_output);
        r = client_find_channel(ctl, args[0], &path);
        if (r != EXIT_OK)
                return r;
        Log l = {
                .ctl = ctl,
                .path = path,
                .json = ctl->json != JSON_OFF || (arg_output && streq(arg_output, "json")),
                .cursor = arg_after != UINT64_MAX ? arg_after : 0,
        };

        r = read_head(&l);
        if (r != EXIT_OK)
                return r;
        /* Watching begins before the first look, so that nothing falls between the two. */
        if (arg_follow) {
                r = client_watch(ctl, on_event, &l, &watch);
                if (r != EXIT_OK)
                        return r;
                if (arg_lines == UINT64_MAX && arg_after == UINT64_MAX)
                        arg_lines = 10;
        }
        if (arg_lines != UINT64_MAX) {
                if (arg_lines == 0) {
                        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                        _cleanup_(entry_page_done) EntryPage page = {};

                        r = client_try_page(ctl, path, 0, 1, true, &error, &page);
                        if (r < 0)
                                return client_fail(ctl, &error, r);
                        if (page.n > 0)
                                l.cursor = page.entries[page.n - 1].seq;
                } else {
                        r = show_newest(&l, arg_lines);
                        if (r != EXIT_OK)
                                return r;
                }
        } else {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

                r = show_following(&l, &error);
                if (r < 0)
                        return client_fail(ctl, &error, r);
        }
        if (arg_follow)
                return follow(&l);
        /* A copy that is not whole looks like a channel with little in it. */
        if (l.cursor < l.head)
                fprintf(stderr, "-- %" PRIu64 " entries are not here yet; -f waits for them\n",
                        l.head - l.cursor);
        return EXIT_OK;
}

const Verb verbs_log[] = {
        { "log", "CHANNEL", 1, 1, verb_log,
          "what was said (-n N, -f, -o short|json, --after-seq=N)" },
        {},
};
