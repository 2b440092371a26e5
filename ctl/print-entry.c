/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how log entries are shown to people, governance in words; leaves the rest to print.c. */
#include "ctl/print-entry.h"

#include <inttypes.h>

#include "base/names.h"
#include "ctl/print.h"

static void print_word(FILE *f, const char *before, const char *word) {
        fputs(before, f);
        print_escaped(f, word ?: "", false);
}

void print_who(FILE *f, const char *name, const char *user_type) {
        print_escaped(f, name, false);
        if (streq(user_type, "guest"))
                fputs(" (guest)", f);
}

static void print_target(FILE *f, const char *before, const EntryView *e) {
        const char *target = e->target ?: "somebody";

        fputs(before, f);
        print_who(f, target, name_is_guest(target) ? "guest" : "registered");
}

static void print_ban(FILE *f, const EntryView *e) {
        char ends[LOCAL_TIME_SIZE];

        print_local_time(e->until, ends);
        print_target(f, "banned ", e);
        if (ends[0])
                fprintf(f, " until %.16s", ends);
}

static void print_role(FILE *f, const EntryView *e) {
        bool is_taken = !e->role || streq(e->role, "none");

        print_word(f, is_taken ? "took the role from " : "made ", e->target ?: "somebody");
        if (!is_taken)
                print_word(f, " a ", e->role);
}

static void print_words(FILE *f, const EntryView *e) {
        if (streq(e->kind, "create"))
                fputs("created the channel", f);
        else if (streq(e->kind, "host"))
                fputs("hosts the channel now", f);
        else if (streq(e->kind, "topic") && (!e->topic || !e->topic[0]))
                fputs("removed the topic", f);
        else if (streq(e->kind, "topic"))
                print_word(f, "set the topic: ", e->topic);
        else if (streq(e->kind, "view")) {
                fputs("set permissions:", f), print_word(f, e->view ? " view " : "", e->view),
                        print_word(f, e->send ? " send " : "", e->send);
                if (e->has_retention && e->retention_days > 0)
                        fprintf(f, " keep %" PRIu64 " days", e->retention_days);
                else if (e->has_retention)
                        fputs(" keep all", f);
                if (e->has_rate && e->message_rate > 0)
                        fprintf(f, " rate %" PRIu64 " a second", e->message_rate);
                else if (e->has_rate)
                        fputs(" no rate limit", f);
                if (e->has_burst)
                        fprintf(f, " burst %" PRIu64, e->message_burst);
        } else if (streq(e->kind, "redact") && e->target_seq > 0)
                fprintf(f, "removed message %" PRIu64, e->target_seq);
        else if (streq(e->kind, "role"))
                print_role(f, e);
        else if (streq(e->kind, "kick"))
                print_target(f, "sent ", e), fputs(" out", f);
        else if (streq(e->kind, "ban"))
                print_ban(f, e);
        else if (streq(e->kind, "unban"))
                print_target(f, "lifted the ban of ", e);
        else {
                print_escaped(f, e->kind, false);
                if (e->target)
                        fputc(' ', f), print_escaped(f, e->target, false);
        }
        if (e->reason)
                fputs(" (", f), print_escaped(f, e->reason, false), fputc(')', f);
}

static void print_removed(FILE *f, const EntryView *e) {
        fputs("(removed", f);
        if (e->removed_by)
                fputs(" by ", f), print_escaped(f, e->removed_by, false);
        if (e->removed_why)
                fputs(": ", f), print_escaped(f, e->removed_why, false);
        fputs(")\n", f);
}

void print_entry(FILE *f, const EntryView *e, bool with_date) {
        char when[LOCAL_TIME_SIZE];

        print_local_time(e->time, when);
        fputs(with_date ? when : when + MIN(strlen(when), strlen("2026-11-22 ")), f);
        fputc(' ', f);
        if (!streq(e->kind, "message")) {
                fprintf(f, "* ");
                print_who(f, e->username, e->user_type);
                fputc(' ', f);
                print_words(f, e);
                fputc('\n', f);
                return;
        }
        print_who(f, e->username, e->user_type);
        fputs(": ", f);
        if (!e->text) {
                print_removed(f, e);
                return;
        }
        /* Lines after the first are set in, so that nobody can write a line that looks like
         * another's. */
        for (const char *line = e->text; line;) {
                const char *end = strchrnul(line, '\n');
                _cleanup_free_ char *copy = strndup(line, (size_t) (end - line));

                if (copy)
                        print_escaped(f, copy, false);
                fputc('\n', f);
                line = *end ? end + 1 : NULL;
                if (line)
                        fputs("        ", f);
        }
}

void print_n_hidden(uint64_t n) {
        if (n > 0)
                fprintf(stderr,
                        "-- %" PRIu64 " message%s of people you ignore; --ignored shows %s\n", n,
                        n == 1 ? "" : "s", n == 1 ? "it" : "them");
}
