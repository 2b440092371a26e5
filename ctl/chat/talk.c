/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how entries of the channel in focus are shown, each once and in the order of its log, and
 * how a text goes out. */
#include "base/mention.h"
#include "ctl/chat/chat.h"
#include "ctl/show/print-entry.h"
#include "ctl/show/terminal.h"

#define PAGE_ENTRIES 20 /* of what was said before, when a channel is opened */

/* Its first column says what it is: ✓ mine and stored, @ names me. */
static void write_entry(Chat *c, FILE *f, const EntryView *e) {
        bool is_mine = c->username && streq(e->username, c->username);
        bool is_message = streq(e->kind, "message");
        bool has_my_name = is_message && !is_mine && e->text && c->username &&
                           mention_is_in(e->text, strlen(e->text), c->username);
        const char *mark = is_message && is_mine ? "✓ " : has_my_name ? "@ " : "";

        if (e->hidden)
                return;
        if (!*mark && c->editor)
                mark = "  ";
        fputs(has_my_name  ? colour(c->ctl, COLOUR_YELLOW)
              : is_message ? colour(c->ctl, COLOUR_GREEN)
                           : "",
              f);
        fputs(mark, f);
        fputs(has_my_name || is_message ? colour(c->ctl, COLOUR_NONE) : "", f);
        print_entry(f, e, false);
        if (!is_mine)
                people_heard(c, e->username);
}

static void show_page(Chat *c, Room *r, const EntryPage *page) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f;

        f = open_memstream(&text, &size);
        if (!f)
                return;
        for (size_t i = 0; i < page->n; i++) {
                write_entry(c, f, page->entries + i);
                if (page->entries[i].id)
                        pending_drop(c, page->entries[i].id);
        }
        if (fclose(f) == 0 && size > 0)
                chat_print(c, text);
        if (page->n > 0 && (r->oldest == 0 || page->entries[0].seq < r->oldest))
                r->oldest = page->entries[0].seq;
}

static void mark_read(Chat *c) {
        Room *r = c->focus;

        if (r->cursor > r->marked) {
                client_mark_read(c->ctl, r->path, r->cursor);
                r->marked = r->cursor;
        }
}

void talk_show_new(Chat *c) {
        Room *r = c->focus;
        bool more = true;

        while (r && more && !c->is_away) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                _cleanup_(entry_page_done) EntryPage page = {};
                const EntryQuery query = { .anchor = r->cursor, .limit = 500 };

                if (client_try_page(c->ctl, r->path, &query, &error, &page) < 0)
                        return; /* who is away is asked again when it is back */
                show_page(c, r, &page);
                if (page.n > 0)
                        r->cursor = page.entries[page.n - 1].seq;
                more = page.more && page.n > 0;
        }
        if (r)
                mark_read(c);
}

/* The newest ones, or those before the oldest that was shown. */
static size_t show_before(Chat *c, Room *r, uint64_t anchor) {
        const EntryQuery query = { .anchor = anchor, .limit = PAGE_ENTRIES, .before = true };
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(entry_page_done) EntryPage page = {};
        int k = client_try_page(c->ctl, r->path, &query, &error, &page);

        if (k < 0) {
                chat_fail(c, "! %s", error.message ?: strerror(-k));
                return 0;
        }
        show_page(c, r, &page);
        if (page.n > 0)
                r->cursor = MAX(r->cursor, page.entries[page.n - 1].seq);
        return page.n;
}

void talk_show_older(Chat *c) {
        uint64_t before;

        if (!c->focus) {
                chat_fail(c, _("No channel is open; try /list, /join NAME or /host NAME"));
                return;
        }
        before = c->focus->oldest;
        if (before == 1) {
                chat_say(c, _("%s begins here"), c->focus->name);
                return;
        }
        chat_say(c, _("older, of %s"), c->focus->name);
        if (show_before(c, c->focus, before) == 0)
                chat_say(c, _("There is nothing older here"));
        chat_say(c, _("and now again what is new; /retrieve shows more"));
}

static void tell_waiting(Chat *c, Room *r) {
        if (streq_ptr(r->state, "live") || r->was_live_told)
                return;
        r->was_live_told = true;
        chat_say(c, _("… queued: the channel is %s; it goes out by itself"), r->state ?: "offline");
}

void talk_focus(Chat *c, Room *r) {
        if (c->focus == r)
                return;
        c->focus = r;
        people_forget(c);
        client_set_focus(c->ctl, r->path);
        if (c->editor)
                chat_say(c, _("%s (%u): lines you type go here; /help, /exit"), r->name, r->number);
        else
                chat_say(c, _("%s: lines you type go here; /help, /exit"), r->name);
        if (!streq_ptr(r->state, "live") && r->reason && *r->reason)
                chat_say(c, _("%s is %s (%s)"), r->name, r->state, r->reason);
        else if (!streq_ptr(r->state, "live"))
                chat_say(c, _("%s is %s"), r->name, r->state);
        if (r->outbox > 0)
                chat_say(c, _("%u of your messages wait here or failed: /outbox"), r->outbox);
        if (r->is_open)
                talk_show_new(c);
        else {
                (void) show_before(c, r, 0);
                mark_read(c);
        }
        r->is_open = true;
        r->unread = r->mentions = 0;
        c->has_members = true;
}

bool talk_focus_name(Chat *c, const char *name) {
        Room *r;

        if (rooms_update(c) != EXIT_OK)
                return false;
        r = rooms_find(c, name);
        if (r) {
                talk_focus(c, r);
                return true;
        }
        if (!c->username)
                chat_fail(c, _("Nobody is signed in. /tracker ADDRESS, then /signup NAME, /signin "
                               "NAME or /guest NAME"));
        else
                chat_fail(c, _("You are in no channel %s; try /join %s"), name, name);
        return false;
}

void talk_send(Chat *c, Room *r, const char *text) {
        char id[UUID_STRING_SIZE];

        if (!r) {
                chat_fail(c, _("No channel is open; try /list, /join NAME or /host NAME"));
                return;
        }
        if (client_say(c->ctl, r->path, text, id) != EXIT_OK) {
                chat_fail(c, _("! not known to be said in %s: %s"), r->name, text);
                return;
        }
        (void) pending_add(c, r, id, text);
        tell_waiting(c, r);
}
