/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows whether what people were told is so, by the logs that both hold in the end; leaves how it
 * came to that to disk-play.c. */
#include "scenario/disk-play.h"

#define ENTRIES_MAX 100

typedef struct Copy {
        Play *play;
        Entry *entries;
        size_t n;
        bool is_done, is_failed;
} Copy;

static void on_page(const Failure *f, const Entry *entries, size_t n, bool more, bool from_host,
                    void *userdata) {
        Copy *c = userdata;

        c->is_done = true;
        c->is_failed = f || more;
        if (c->is_failed)
                return;
        c->entries = new0(Entry, n + 1);
        assert_non_null(c->entries);
        for (; c->n < n; c->n++)
                assert_int_equal(entry_copy(&entries[c->n], &c->entries[c->n]), 0);
}

static bool is_done(void *userdata) {
        return ((const Copy *) userdata)->is_done;
}

static void copy_done(Copy *c) {
        entries_free(c->entries, c->n);
}

static void read_all(Play *p, Person *who, Copy *ret) {
        ChannelMember *c = person_channel(who, "lobby");
        const char *name = who == p->alice ? "alice" : "bob";

        *ret = (Copy){ .play = p };
        if (!c) {
                play_wrong(p, "%s has no channel", name);
                return;
        }
        assert_int_equal(
                channel_member_read(c, &(PageQuery){ .limit = ENTRIES_MAX }, on_page, ret, NULL),
                0);
        (void) clock_virtual_run(p->world->rig->rt->clock, is_done, ret, USEC_PER_MINUTE);
        if (!ret->is_done || ret->is_failed)
                play_wrong(p, "%s cannot read the log", name);
}

static void check_same(Play *p, const Copy *a, const Copy *b) {
        if (a->n != b->n)
                play_wrong(p, "alice has %zu entries, bob %zu", a->n, b->n);
        for (size_t i = 0; i < a->n && i < b->n; i++) {
                const Entry *x = &a->entries[i], *y = &b->entries[i];

                if (x->seq != i + 1 || y->seq != i + 1)
                        play_wrong(p, "a hole before %" PRIu64 " or %" PRIu64, x->seq, y->seq);
                if (x->time != y->time || !streq(x->id, y->id) ||
                    !streq(x->username, y->username) || !streq(x->extra, y->extra) ||
                    !streq(x->kind_name, y->kind_name))
                        play_wrong(p, "entry %" PRIu64 " is another here and there", x->seq);
        }
}

static const Line *line_of(const Play *p, const Entry *e) {
        for (unsigned i = 0; i < p->n_lines; i++)
                if (streq(p->lines[i].id, e->id))
                        return &p->lines[i];
        return NULL;
}

static bool has_text(const Entry *e, const char *text) {
        _cleanup_(value_unrefp) Value *extra = NULL;

        return value_parse(e->extra, e->n_extra, &extra) >= 0 &&
               streq(value_string(value_get(extra, "message_content"), NULL) ?: "", text);
}

static void check_line(Play *p, const Line *l, const Copy *log) {
        unsigned n = 0;

        for (size_t i = 0; i < log->n; i++) {
                const Entry *e = &log->entries[i];

                if (!streq(e->id, l->id))
                        continue;
                n++;
                if (!streq(e->username, l->username) || !has_text(e, l->text))
                        play_wrong(p, "\"%s\" is altered", l->text);
                if (l->told == TOLD_STORED && e->seq != l->seq)
                        play_wrong(p, "\"%s\" was stored as %" PRIu64 " and is %" PRIu64, l->text,
                                   l->seq, e->seq);
        }
        if (l->told == TOLD_CANCELLED && n > 0)
                play_wrong(p, "\"%s\" was cancelled and came", l->text);
        if (l->told != TOLD_CANCELLED && n == 0)
                play_wrong(p, "\"%s\" is lost", l->text);
        if (n > 1)
                play_wrong(p, "\"%s\" is there %u times", l->text, n);
}

/* Of each sender, as it was written. */
static void check_order(Play *p, const Copy *log) {
        const Line *last[2] = { NULL, NULL };

        for (size_t i = 0; i < log->n; i++) {
                const Line *l;
                unsigned k;

                if (log->entries[i].kind != ENTRY_MESSAGE)
                        continue;
                l = line_of(p, &log->entries[i]);
                if (!l) {
                        play_wrong(p, "nobody wrote entry %" PRIu64, log->entries[i].seq);
                        continue;
                }
                k = l->by == p->alice;
                if (last[k] && last[k] > l)
                        play_wrong(p, "\"%s\" came before \"%s\"", last[k]->text, l->text);
                last[k] = l;
        }
}

void play_check(Play *p) {
        _cleanup_(copy_done) Copy a = {};
        _cleanup_(copy_done) Copy b = {};
        ChannelMember *bob;

        if (play_is_wrong(p))
                return;
        read_all(p, p->alice, &a);
        read_all(p, p->bob, &b);
        if (play_is_wrong(p))
                return;
        check_same(p, &a, &b);
        for (unsigned i = 0; i < p->n_lines; i++)
                check_line(p, &p->lines[i], &a);
        check_order(p, &a);
        bob = person_channel(p->bob, "lobby");
        if (channel_member_get_read_seq(bob) < p->marked_seq)
                play_wrong(p, "%" PRIu64 " was marked read, and now it is %" PRIu64, p->marked_seq,
                           channel_member_get_read_seq(bob));
}
