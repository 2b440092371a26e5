/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how log entries are shown to people, governance in words; leaves the rest to print.c. */
#include "ctl/show/print-entry.h"

#include <inttypes.h>

#include "base/names.h"
#include "ctl/show/print.h"
#include "ctl/show/terminal.h"
#include "ctl/show/wrap.h"

/* NULL stays NULL, and is what there is no memory for. */
static char *escape(const char *s) {
        char *escaped = NULL;

        return s && text_escape(s, false, &escaped) >= 0 ? escaped : NULL;
}

void print_who(FILE *f, const char *name, const char *user_type) {
        print_escaped(f, name, false);
        if (streq(user_type, "guest"))
                fputs(_(" (guest)"), f);
}

/* To be freed; whom it was done to. */
static char *name_target(const EntryView *e) {
        _cleanup_free_ char *target = escape(e->target);
        char *named = NULL;

        if (!target)
                return strdup(_("somebody"));
        if (!name_is_guest(e->target))
                return TAKE_PTR(target);
        return asprintf(&named, _("%s (guest)"), target) < 0 ? NULL : named;
}

static void print_rules(FILE *f, const EntryView *e) {
        _cleanup_free_ char *view = escape(e->view), *sending = escape(e->send);

        fputs(_("set permissions:"), f);
        if (view)
                fprintf(f, _(" view %s"), view);
        if (sending)
                fprintf(f, _(" send %s"), sending);
        if (e->has_retention && e->retention_days > 0)
                fprintf(f, _(" keep %" PRIu64 " days"), e->retention_days);
        else if (e->has_retention)
                fputs(_(" keep all"), f);
        if (e->has_rate && e->message_rate > 0)
                fprintf(f, _(" rate %" PRIu64 " a second"), e->message_rate);
        else if (e->has_rate)
                fputs(_(" no rate limit"), f);
        if (e->has_burst)
                fprintf(f, _(" burst %" PRIu64), e->message_burst);
}

/* What was done to somebody; false: this is another kind. */
static bool print_done_to(FILE *f, const EntryView *e) {
        _cleanup_free_ char *target = name_target(e), *role = escape(e->role);
        char ends[LOCAL_TIME_SIZE];
        const char *whom = target ?: "?";

        print_local_time(e->until, ends);
        if (streq(e->kind, "role") && (!role || streq(role, "none")))
                fprintf(f, _("took the role from %s"), whom);
        else if (streq(e->kind, "role"))
                fprintf(f, _("made %s a %s"), whom, role);
        else if (streq(e->kind, "kick"))
                fprintf(f, _("sent %s out"), whom);
        else if (streq(e->kind, "ban") && ends[0])
                fprintf(f, _("banned %s until %.16s"), whom, ends);
        else if (streq(e->kind, "ban"))
                fprintf(f, _("banned %s"), whom);
        else if (streq(e->kind, "unban"))
                fprintf(f, _("lifted the ban of %s"), whom);
        else
                return false;
        return true;
}

static void print_words(FILE *f, const EntryView *e) {
        _cleanup_free_ char *topic = escape(e->topic), *reason = escape(e->reason);

        if (streq(e->kind, "create"))
                fputs(_("created the channel"), f);
        else if (streq(e->kind, "host"))
                fputs(_("hosts the channel now"), f);
        else if (streq(e->kind, "topic") && (!topic || !topic[0]))
                fputs(_("removed the topic"), f);
        else if (streq(e->kind, "topic"))
                fprintf(f, _("set the topic: %s"), topic);
        else if (streq(e->kind, "view"))
                print_rules(f, e);
        else if (streq(e->kind, "redact") && e->target_seq > 0)
                fprintf(f, _("removed message %" PRIu64), e->target_seq);
        else if (!print_done_to(f, e)) {
                print_escaped(f, e->kind, false);
                if (e->target)
                        fputc(' ', f), print_escaped(f, e->target, false);
        }
        if (reason)
                fprintf(f, " (%s)", reason);
}

static void print_removed(FILE *f, const EntryView *e) {
        _cleanup_free_ char *by = escape(e->removed_by), *why = escape(e->removed_why);

        if (by && why)
                fprintf(f, _("(removed by %s: %s)"), by, why);
        else if (by)
                fprintf(f, _("(removed by %s)"), by);
        else if (why)
                fprintf(f, _("(removed: %s)"), why);
        else
                fputs(_("(removed)"), f);
}

void print_entry_body(FILE *f, const EntryView *e) {
        if (!streq(e->kind, "message"))
                fputs("* ", f), print_who(f, e->username, e->user_type), fputc(' ', f),
                        print_words(f, e);
        else if (e->text)
                print_escaped(f, e->text, true);
        else
                print_removed(f, e);
        fputc('\n', f);
}

static const char *switch_to(const EntryStyle *style, Colour c) {
        return style->ctl ? colour(style->ctl, c) : "";
}

static void print_part(FILE *f, const char *s, size_t n) {
        _cleanup_free_ char *copy = strndup(s, n);

        if (copy)
                print_escaped(f, copy, false);
}

/* One line of a text; what is looked for in it stands out. */
static void print_line(FILE *f, const char *line, size_t n, const EntryStyle *style) {
        _cleanup_free_ char *copy = strndup(line, n);
        const char *rest = copy;
        regmatch_t found;

        if (!copy)
                return;
        while (style->marked && *switch_to(style, COLOUR_RED) && *rest &&
               regexec(style->marked, rest, 1, &found, rest == copy ? 0 : REG_NOTBOL) == 0 &&
               found.rm_eo > found.rm_so) {
                print_part(f, rest, (size_t) found.rm_so);
                fputs(switch_to(style, COLOUR_RED), f);
                print_part(f, rest + found.rm_so, (size_t) (found.rm_eo - found.rm_so));
                fputs(switch_to(style, COLOUR_NONE), f);
                rest += found.rm_eo;
        }
        print_escaped(f, rest, false);
}

/* Lines after the first are set in, so that nobody can write a line that looks like another's. */
static void print_text(FILE *f, const char *text, const EntryStyle *style) {
        for (const char *line = text; line;) {
                const char *end = strchrnul(line, '\n');

                print_line(f, line, (size_t) (end - line), style);
                line = *end ? end + 1 : NULL;
                if (line)
                        fputs("\n        ", f);
        }
}

static void print_styled(FILE *f, const EntryView *e, const EntryStyle *style) {
        char when[LOCAL_TIME_SIZE];

        print_local_time(e->time, when);
        fputs(switch_to(style, COLOUR_DIM), f);
        fputs(style->with_date ? when : when + MIN(strlen(when), strlen("2026-11-22 ")), f);
        if (style->with_seq)
                fprintf(f, " #%" PRIu64, e->seq);
        fprintf(f, "%s ", switch_to(style, COLOUR_NONE));
        if (style->channel)
                fputc('[', f), print_escaped(f, style->channel, false), fputs("] ", f);
        if (!streq(e->kind, "message")) {
                print_entry_body(f, e);
                return;
        }
        fputs(switch_to(style, colour_of_name(e->username)), f);
        print_who(f, e->username, e->user_type);
        fprintf(f, "%s: ", switch_to(style, COLOUR_NONE));
        if (e->text)
                print_text(f, e->text, style);
        else
                print_removed(f, e);
        fputc('\n', f);
}

void print_entry_as(FILE *f, const EntryView *e, const EntryStyle *style) {
        Wrap wrap;

        print_styled(wrap_begin(&wrap, f, style->columns), e, style);
        wrap_end(&wrap);
}

void print_entry(FILE *f, const EntryView *e, bool with_date) {
        print_entry_as(f, e, &(EntryStyle){ .with_date = with_date });
}

void print_entry_json(FILE *f, JsonMode mode, const EntryView *e) {
        _cleanup_free_ char *text = NULL;

        if (e->hidden &&
            asprintf(&text, "%.*s,\"hidden\":true}", (int) strlen(e->json) - 1, e->json) < 0)
                text = NULL;
        print_json_text(f, mode, text ?: e->json);
}

void print_n_hidden(uint64_t n) {
        if (n > 0)
                fprintf(stderr,
                        ngettext("-- %" PRIu64
                                 " message of people you ignore; --ignored shows it\n",
                                 "-- %" PRIu64
                                 " messages of people you ignore; --ignored shows them\n",
                                 n),
                        n);
}
