/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows log: what of a channel's entries is asked for, and in which form; leaves showing them to
 * log.c. */
#include <inttypes.h>

#include "ctl/show/pager.h"
#include "ctl/verb/log.h"
#include "ctl/verb/verbs.h"
#include "ctl/verb/when.h"

#define FOLLOW_LINES 10 /* shown before those to come, as by others that follow */

typedef struct LogArguments {
        uint64_t lines, after; /* UINT64_MAX: not given */
        const char *output, *since, *until, *pattern, *cursor_file;
        bool follow, reverse;
} LogArguments;

static int check_arguments(const LogArguments *arg, Log *l) {
        Ctl *ctl = l->ctl;

        if (arg->since && when_parse(arg->since, &l->since) < 0)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE, _("-S takes %s; not %s"),
                                      _(WHEN_FORMS), arg->since);
        if (arg->until && when_parse(arg->until, &l->until) < 0)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE, _("-U takes %s; not %s"),
                                      _(WHEN_FORMS), arg->until);
        if (arg->until)
                l->until = MAX(l->until, UINT64_C(1)); /* 0 would be no end */
        if (arg->follow && (arg->reverse || arg->until))
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("-f shows what comes, so it goes with neither -r nor -U"));
        if (arg->reverse && (arg->after != UINT64_MAX || arg->cursor_file))
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("--after-seq and --cursor-file read forwards, so they go "
                                        "not with -r"));
        if (arg->after != UINT64_MAX && arg->cursor_file)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("--after-seq and --cursor-file each say where to begin; "
                                        "leave one out"));
        if (arg->pattern)
                return entry_filter_set_pattern(ctl, &l->filter, arg->pattern);
        return EXIT_OK;
}

/* Where a file says that one was. */
static int use_cursor_file(Log *l, const LogArguments *arg, const char *channel) {
        if (cursor_file_is_empty(l->file) || cursor_file_get(l->file, l->id, &l->after))
                return EXIT_OK;
        return client_fail_as(l->ctl, "BadRequest", EXIT_USAGE,
                              _("%s was written for another channel than %s; name another file, or "
                                "remove it to begin anew"),
                              arg->cursor_file, channel);
}

static int show(Log *l, const LogArguments *arg, bool is_begun) {
        uint64_t lines = arg->lines;

        if (arg->follow && lines == UINT64_MAX && !is_begun && !arg->since)
                lines = FOLLOW_LINES;
        if (lines == 0)
                return log_skip_to_end(l);
        if (arg->reverse)
                return log_show_reverse(l, lines);
        return lines != UINT64_MAX ? log_show_newest(l, lines) : log_show_all(l);
}

static int run(Log *l, const LogArguments *arg, const ChannelView *channel) {
        _cleanup_(client_watch_freep) ClientWatch *watch = NULL;
        bool is_begun = arg->after != UINT64_MAX || (l->file && !cursor_file_is_empty(l->file));
        int r;

        l->cursor = l->after;
        if (arg->follow) {
                r = client_watch(l->ctl, log_on_event, l, &watch);
                if (r != EXIT_OK)
                        return r;
        } else
                (void) pager_open(l->ctl);
        r = show(l, arg, is_begun);
        if (r == EXIT_OK)
                r = log_settle(l);
        if (r != EXIT_OK)
                return r;
        print_n_hidden(l->n_hidden);
        if (arg->follow)
                return log_follow(l);
        /* A copy that is not whole looks like a channel with little in it. */
        l->cursor = MAX(l->cursor, channel->synced_seq);
        if (l->cursor < channel->last_seq)
                fprintf(stderr, _("-- %" PRIu64 " entries are not here yet; -f waits for them\n"),
                        channel->last_seq - l->cursor);
        return EXIT_OK;
}

static int verb_log(Ctl *ctl, int argc, char **argv) {
        _cleanup_(cursor_file_freep) CursorFile *file = NULL;
        _cleanup_(snapshot_done) Snapshot s = {};
        LogArguments arg = { .lines = UINT64_MAX, .after = UINT64_MAX };
        Log l = { .ctl = ctl, .style = { .ctl = ctl, .with_date = true, .with_seq = true } };
        const Option options[] = {
                { "lines", 'n', OPTION_UINT, &arg.lines, "N", N_("the newest N alone") },
                { "follow", 'f', OPTION_FLAG, &arg.follow, NULL,
                  N_("go on with what is said next") },
                { "since", 'S', OPTION_STRING, &arg.since, "TIME",
                  N_("what was said then or later") },
                { "until", 'U', OPTION_STRING, &arg.until, "TIME",
                  N_("what was said then or before") },
                { "grep", 'g', OPTION_STRING, &arg.pattern, "PATTERN",
                  N_("what matches a regular expression") },
                { "reverse", 'r', OPTION_FLAG, &arg.reverse, NULL, N_("the newest first") },
                { "output", 'o', OPTION_STRING, &arg.output, ENTRY_FORMS, N_("in which form") },
                { "after-seq", 0, OPTION_UINT, &arg.after, "SEQ",
                  N_("what came after that entry") },
                { "cursor-file", 0, OPTION_STRING, &arg.cursor_file, "FILE",
                  N_("what came since the last time with that file") },
                { "from", 0, OPTION_STRING, &l.filter.from, "USER",
                  N_("what that user said and did") },
                { "events", 0, OPTION_FLAG, &l.filter.events_only, NULL,
                  N_("not what was said, but what was done") },
                { "ignored", 0, OPTION_FLAG, &l.shows_ignored, NULL,
                  N_("also from whom you ignore") },
                {},
        };
        ChannelView *channel = NULL;
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = entry_form_parse(ctl, arg.output, &l.form);
        if (r == EXIT_OK)
                r = check_arguments(&arg, &l);
        if (r == EXIT_OK)
                r = client_get_channel(ctl, args[0], &s, &channel);
        if (r == EXIT_OK && arg.cursor_file)
                r = cursor_file_open(ctl, arg.cursor_file, &file);
        if (r == EXIT_OK) {
                l.path = channel->path;
                l.id = channel->id;
                l.after = arg.after != UINT64_MAX ? arg.after : 0;
                l.file = file;
                l.style.marked = l.filter.has_pattern ? &l.filter.pattern : NULL;
        }
        if (r == EXIT_OK && file)
                r = use_cursor_file(&l, &arg, args[0]);
        if (r == EXIT_OK)
                r = run(&l, &arg, channel);
        entry_filter_done(&l.filter);
        return r;
}

const Verb verbs_log[] = {
        { "log", "CHANNEL", 1, 1, verb_log, N_("what was said, and what is said next") },
        {},
};
