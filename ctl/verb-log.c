/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows log: a channel's entries, and those to come; and read: how far they were. */
#include <inttypes.h>
#include <limits.h>

#include "ctl/print-entry.h"
#include "ctl/print.h"
#include "ctl/verbs.h"
#include "ctl/when.h"

#define PAGE_ENTRIES 500 /* the API's most */

typedef struct Log {
        Ctl *ctl;
        char *path;
        bool json;
        uint64_t cursor;       /* the newest entry that was shown, or is here */
        uint64_t head, synced; /* at the host and here, before we looked */
        uint64_t since, until; /* µs since the epoch; until 0: no end */
        bool wake;             /* something happened on the bus since the last look */
        bool shows_ignored;
        uint64_t n_hidden;
} Log;

static void show(Log *l, const EntryView *e) {
        if (l->json)
                print_json_text(stdout, l->ctl->json, e->json);
        else if (e->hidden && !l->shows_ignored)
                l->n_hidden++;
        else
                print_entry(stdout, e, true);
        l->cursor = MAX(l->cursor, e->seq);
}

/* *n_left: the most entries. True: there is another page, with the anchor moved to it. */
static int read_page(const Log *l, bool before, uint64_t *anchor, uint64_t *n_left,
                     sd_bus_error *ret_error, EntryPage *ret) {
        const EntryQuery query = {
                .anchor = *anchor,
                .limit = (uint32_t) MIN(*n_left, (uint64_t) PAGE_ENTRIES),
                .before = before,
                .since = l->since,
                .until = l->until,
        };
        int r;

        r = client_try_page(l->ctl, l->path, &query, ret_error, ret);
        if (r < 0)
                return r;
        *n_left -= MIN(*n_left, (uint64_t) ret->n);
        if (!ret->more || *n_left == 0 || (ret->n == 0 && ret->next_anchor == *anchor))
                return 0;
        *anchor = ret->next_anchor;
        return 1;
}

/* Newest first. */
static int show_reverse(Log *l, uint64_t n) {
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

/* The newest n, oldest first: pages backwards, each a block in front of the one before. */
static int show_newest(Log *l, uint64_t n) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ EntryPage *pages = NULL;
        uint64_t anchor = 0;
        size_t n_pages = 0;
        int r;

        do {
                EntryPage *grown = reallocarray(pages, n_pages + 1, sizeof(EntryPage));

                if (!grown) {
                        r = -ENOMEM;
                        break;
                }
                pages = grown;
                pages[n_pages] = (EntryPage){};
                r = read_page(l, true, &anchor, &n, &error, pages + n_pages++);
        } while (r > 0);
        for (size_t i = n_pages; i-- > 0;) {
                for (size_t k = 0; k < pages[i].n && r >= 0; k++)
                        show(l, pages[i].entries + k);
                entry_page_done(pages + i);
        }
        return r < 0 ? client_fail(l->ctl, &error, r) : EXIT_OK;
}

/* All that is above the cursor. */
static int show_following(Log *l, sd_bus_error *ret_error) {
        uint64_t anchor = l->cursor, n = UINT64_MAX;
        int r;

        do {
                _cleanup_(entry_page_done) EntryPage page = {};

                r = read_page(l, false, &anchor, &n, ret_error, &page);
                for (size_t i = 0; i < page.n; i++)
                        show(l, page.entries + i);
        } while (r > 0);
        return r;
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
                if (streq(s.channels[i].path, l->path)) {
                        l->head = s.channels[i].last_seq;
                        l->synced = s.channels[i].synced_seq;
                }
        return r;
}

/* Where following begins when nothing is shown before. */
static int skip_to_end(Log *l) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(entry_page_done) EntryPage page = {};
        static const EntryQuery newest = { .limit = 1, .before = true };
        int r;

        r = client_try_page(l->ctl, l->path, &newest, &error, &page);
        if (r < 0)
                return client_fail(l->ctl, &error, r);
        if (page.n > 0)
                l->cursor = page.entries[page.n - 1].seq;
        return EXIT_OK;
}

typedef struct LogArguments {
        uint64_t lines, after; /* UINT64_MAX: not given */
        const char *output, *since, *until;
        bool follow, reverse;
} LogArguments;

static int check_arguments(Ctl *ctl, LogArguments *arg, Log *l) {
        if (arg->output && !streq(arg->output, "short") && !streq(arg->output, "json"))
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      "-o takes short or json, not %s", arg->output);
        if (arg->since && when_parse(arg->since, &l->since) < 0)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      "-S takes " WHEN_FORMS "; not %s", arg->since);
        if (arg->until && when_parse(arg->until, &l->until) < 0)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      "-U takes " WHEN_FORMS "; not %s", arg->until);
        if (arg->until)
                l->until = MAX(l->until, UINT64_C(1)); /* 0 would be no end */
        if (arg->follow && (arg->reverse || arg->until))
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      "-f shows what comes, so it goes with neither -r nor -U");
        if (arg->reverse && arg->after != UINT64_MAX)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      "--after-seq reads forwards, so it goes not with -r");
        return EXIT_OK;
}

static int verb_log(Ctl *ctl, int argc, char **argv) {
        _cleanup_(client_watch_freep) ClientWatch *watch = NULL;
        LogArguments arg = { .lines = UINT64_MAX, .after = UINT64_MAX };
        Log l = { .ctl = ctl };
        const Option options[] = {
                { "lines", 'n', OPTION_UINT, &arg.lines },
                { "follow", 'f', OPTION_FLAG, &arg.follow },
                { "since", 'S', OPTION_STRING, &arg.since },
                { "until", 'U', OPTION_STRING, &arg.until },
                { "reverse", 'r', OPTION_FLAG, &arg.reverse },
                { "output", 'o', OPTION_STRING, &arg.output },
                { "after-seq", 0, OPTION_UINT, &arg.after },
                { "ignored", 0, OPTION_FLAG, &l.shows_ignored },
                {},
        };
        _cleanup_(freep) char *path = NULL;
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = check_arguments(ctl, &arg, &l);
        if (r == EXIT_OK)
                r = client_find_channel(ctl, args[0], &path);
        if (r != EXIT_OK)
                return r;
        l.path = path;
        l.json = ctl->json != JSON_OFF || (arg.output && streq(arg.output, "json"));
        l.cursor = arg.after != UINT64_MAX ? arg.after : 0;

        r = read_head(&l);
        if (r != EXIT_OK)
                return r;
        /* Watching begins before the first look, so that nothing falls between the two. */
        if (arg.follow) {
                r = client_watch(ctl, on_event, &l, &watch);
                if (r != EXIT_OK)
                        return r;
                if (arg.lines == UINT64_MAX && arg.after == UINT64_MAX && !arg.since)
                        arg.lines = 10;
        }
        if (arg.lines == 0)
                r = skip_to_end(&l);
        else if (arg.reverse)
                r = show_reverse(&l, arg.lines);
        else if (arg.lines != UINT64_MAX)
                r = show_newest(&l, arg.lines);
        else {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

                r = show_following(&l, &error);
                if (r < 0)
                        r = client_fail(ctl, &error, r);
        }
        if (r != EXIT_OK)
                return r;
        print_n_hidden(l.n_hidden);
        if (arg.follow)
                return follow(&l);
        /* A copy that is not whole looks like a channel with little in it. */
        l.cursor = MAX(l.cursor, l.synced);
        if (l.cursor < l.head)
                fprintf(stderr, "-- %" PRIu64 " entries are not here yet; -f waits for them\n",
                        l.head - l.cursor);
        return EXIT_OK;
}

static int verb_read(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(freep) char *path = NULL;
        bool arg_unread = false;
        const Option options[] = { { "unread", 0, OPTION_FLAG, &arg_unread }, {} };
        uint64_t seq = INT64_MAX; /* all that is here */
        int n_args, r, exit_status;
        char **args, *end;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        if (n_args > 1) {
                errno = 0;
                seq = strtoull(args[1], &end, 10);
                if (errno != 0 || *args[1] < '0' || *args[1] > '9' || *end)
                        return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                              "SEQ is a number, as log --json shows it, not %s",
                                              args[1]);
        } else if (arg_unread)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      "--unread needs SEQ: what is above it is unread then");
        r = client_find_channel(ctl, args[0], &path);
        if (r == EXIT_OK)
                r = client_new_call(ctl, FACE_CHANNEL, path, "MarkRead", &m);
        if (r == EXIT_OK &&
            sd_bus_message_append(m, "ta{sv}", seq, 1, "unread", "b", (int) arg_unread) < 0)
                r = client_fail(ctl, NULL, -ENOMEM);
        if (r == EXIT_OK)
                r = client_call(ctl, m, 0, NULL);
        return client_done(ctl, r);
}

const Verb verbs_log[] = {
        { "log", "CHANNEL", 1, 1, verb_log,
          "what was said (-n N, -f, -S -U TIME, -r, -o short|json, --after-seq=N,"
          " --ignored)" },
        { "read", "CHANNEL [SEQ]", 1, 2, verb_read,
          "mark as read, up to SEQ or all (--unread: that far only)" },
        {},
};
