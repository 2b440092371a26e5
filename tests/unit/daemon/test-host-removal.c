/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the moment in which REDACT is answered nobody is sent what it removed: not out of the ring
 * of recent entries, not out of a page that was read before. */
#include "daemon/host/channel-host-internal.h"
#include "unit/daemon/member-double.h"

#define N_ENTRIES 1500

static bool is_stub(const Seen *seen) {
        Entry e = { .kind = seen->kind, .extra = seen->extra };

        return entry_is_stub(&e);
}

static const HostSession *session_of(const Fixture *f, const char *username) {
        const HostSession *s;

        DL_FOREACH(f->host->sessions, s)
                if (streq(s->actor.username, username))
                        return s;
        fail_msg("%s is not here", username);
        return NULL;
}

typedef struct Redaction {
        Fixture *f;
        const char *reader;
        uint64_t target;
        uint64_t *removed_from; /* by seq: as the answer came, the reader had less */
        unsigned n_done;
        ErrorCode code;
} Redaction;

static void on_redacted(const Failure *failure, void *userdata) {
        Redaction *x = userdata;

        x->n_done++;
        x->code = failure ? failure->code : ERROR_NONE;
        if (x->reader && session_of(x->f, x->reader)->cursor < x->target)
                x->removed_from[x->target] = x->target;
}

static void redact(Fixture *f, Redaction *x) {
        unsigned n = x->n_done + 1;

        assert_int_equal(channel_host_redact(f->host, &f->owner, x->target, NULL, on_redacted, x),
                         0);
        wait_count(f, &x->n_done, n);
        assert_int_equal(x->code, ERROR_NONE);
}

/* One who comes from the beginning, while what is right ahead of the cursor is removed. */
static void test_nobody_is_sent_it(void **state) {
        static uint64_t removed[3 * N_ENTRIES];
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        _cleanup_(member_freep) Member *carol = member_new(f, "carol");
        Redaction x = { .f = f, .reader = "bob", .removed_from = removed };
        unsigned n_removed = 0;

        assert_int_equal(member_connect(carol, 0), ERROR_NONE);
        local_without_rate(f);
        local_fill(f, 0, N_ENTRIES, 6000);
        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        while (session_of(f, "bob")->cursor < N_ENTRIES - 10) {
                uint64_t cursor = session_of(f, "bob")->cursor;

                x.target = cursor + 3 + cursor % 5;
                redact(f, &x);
                while (session_of(f, "bob")->cursor < MIN(cursor + 1, (uint64_t) N_ENTRIES))
                        assert_true(sd_event_run(f->loop->rt.event, USEC_PER_SEC) > 0);
        }
        /* … and live, with all of it in the ring. */
        rpc_set_paused(bob->rpc, true);
        local_fill(f, N_ENTRIES, 30, 200);
        for (uint64_t first = head_of(f) - 5, i = 0; i < 4; i++) {
                x.target = first + i;
                redact(f, &x);
        }
        rpc_set_paused(bob->rpc, false);
        wait_seen(bob, head_of(f));
        for (size_t i = 0; i < bob->n_seen; i++)
                if (removed[bob->seen[i].seq]) {
                        assert_true(is_stub(&bob->seen[i]));
                        n_removed++;
                }
        assert_true(n_removed > 10);

        /* By pages, as by pushes. */
        assert_int_equal(member_call(bob, "HISTORY", ",\"after\":1,\"limit\":200"), ERROR_NONE);
        for (size_t i = 0; i < value_length(value_get(bob->reply, "entries")); i++) {
                const Value *e = value_at(value_get(bob->reply, "entries"), i);

                if (removed[get_uint(e, "seq")])
                        assert_true(value_has(e, "redacted") && !value_has(e, "message_content"));
        }
        assert_int_equal(member_call(bob, "RET_INFO", "%s", ""), ERROR_NONE);
        assert_int_equal(value_length(value_get(bob->reply, "messages")) > 0, true);
}

/* Many at a time: each is judged when those before it are done. */
static void test_many_at_once(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        Redaction x = { .f = f };
        uint64_t head;

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_int_equal(member_send(bob, 1, "one"), ERROR_NONE);
        assert_int_equal(member_send(bob, 2, "two"), ERROR_NONE);
        head = head_of(f);
        for (unsigned i = 0; i < 8; i++) {
                x.target = head - i % 2;
                assert_int_equal(
                        channel_host_redact(f->host, &f->owner, x.target, "spam", on_redacted, &x),
                        0);
                member_start(bob, "REDACT", ",\"seq\":%" PRIu64, head - i % 2);
        }
        wait_count(f, &x.n_done, 8);
        wait_count(f, &bob->n_answers, 3 + 8);
        assert_int_equal(head_of(f), head + 2);
        wait_seen(bob, head + 2);
        assert_int_equal(bob->seen[head].kind, ENTRY_REDACT);
        assert_int_equal(member_call(bob, "REDACT", ",\"seq\":%" PRIu64, head + 1),
                         ERROR_NO_SUCH_ENTRY);
        assert_int_equal(member_call(bob, "REDACT", ",\"seq\":%" PRIu64, head + 9),
                         ERROR_NO_SUCH_ENTRY);
        assert_int_equal(channel_host_redact(f->host, &f->owner, 1, "a\nb", on_redacted, &x),
                         -EINVAL);
}

/* ---- a page that was read before the commit, and comes after ---- */

/* Reading and writing have a thread each, so that one may be overtaken by the other. */
typedef struct Held {
        bool is_wanted; /* the next page is held … */
        bool is_here;   /* … until it is let go */
        Entry entries[32];
        size_t n;
        bool more;
        store_page_fn done;
        void *userdata;
        Job **job;
        unsigned n_reads; /* of pages, held ones and others */
} Held;

static Held held;

int __real_store_read_page(Store *s, uint64_t row, const PageQuery *query, store_page_fn done,
                           void *userdata, Job **ret_job);
int __wrap_store_read_page(Store *s, uint64_t row, const PageQuery *query, store_page_fn done,
                           void *userdata, Job **ret_job);

static void on_held(int r, const Entry *entries, size_t n, bool more, void *userdata) {
        assert_int_equal(r, 0);
        assert_true(n <= ELEMENTSOF(held.entries));
        for (size_t i = 0; i < n; i++)
                assert_int_equal(entry_copy(&entries[i], &held.entries[i]), 0);
        held.n = n;
        held.more = more;
        *held.job = NULL;
        held.is_here = true;
}

int __wrap_store_read_page(Store *s, uint64_t row, const PageQuery *query, store_page_fn done,
                           void *userdata, Job **ret_job) {
        held.n_reads++;
        if (!held.is_wanted)
                return __real_store_read_page(s, row, query, done, userdata, ret_job);
        held.is_wanted = false;
        held.done = done;
        held.userdata = userdata;
        held.job = ret_job;
        return __real_store_read_page(s, row, query, on_held, NULL, ret_job);
}

static void let_go(bool hold_next) {
        Entry entries[ELEMENTSOF(held.entries)];
        size_t n = held.n;

        memcpy(entries, held.entries, sizeof(entries));
        held.is_here = false;
        held.is_wanted = hold_next;
        held.done(0, entries, n, held.more, held.userdata);
        for (size_t i = 0; i < n; i++)
                entry_done(&entries[i]);
}

/* → the entry of that seq as it was answered, shown to say something or not. */
static bool says_something(const Member *m, const char *key, uint64_t seq) {
        const Value *entries = value_get(m->reply, key);

        for (size_t i = 0; i < value_length(entries); i++) {
                const Value *e = value_at(entries, i);

                if (get_uint(e, "seq") != seq)
                        continue;
                assert_int_not_equal(value_has(e, "message_content"), value_has(e, "redacted"));
                return value_has(e, "message_content");
        }
        fail_msg("entry %" PRIu64 " is not in the answer", seq);
        return false;
}

static void test_page_of_before(void **state) {
        static const struct {
                const char *command, *members, *key;
        } pages[] = {
                { "HISTORY", ",\"after\":1,\"limit\":20", "entries" },
                { "HISTORY", ",\"before\":21,\"limit\":20", "entries" },
                { "RET_INFO", "", "messages" },
        };
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        Redaction x = { .f = f };

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        local_fill(f, 0, 20, 200);
        for (size_t i = 0; i < ELEMENTSOF(pages); i++) {
                held = (Held){ .is_wanted = true };
                member_start(bob, pages[i].command, "%s", pages[i].members);
                wait_true(f, &held.is_here);
                x.target = 5 + i;
                for (size_t k = 0; k < held.n; k++)
                        if (held.entries[k].seq == x.target)
                                assert_false(entry_is_stub(&held.entries[k]));
                redact(f, &x);
                let_go(false);
                assert_int_equal(member_wait(bob), ERROR_NONE);
                assert_false(says_something(bob, pages[i].key, x.target));
                assert_true(says_something(bob, pages[i].key, x.target + 1));
                assert_int_equal(held.n_reads, 2);
        }

        /* What does not straddle it is read once; what always does is refused in the end. */
        held = (Held){};
        assert_int_equal(member_call(bob, "HISTORY", "%s", pages[0].members), ERROR_NONE);
        assert_int_equal(held.n_reads, 1);
        held = (Held){ .is_wanted = true };
        member_start(bob, "HISTORY", "%s", pages[0].members);
        for (x.target = 9; !bob->is_answered && x.target < 19; x.target++) {
                wait_true(f, &held.is_here);
                redact(f, &x);
                let_go(true);
                settle(f);
        }
        held.is_wanted = false;
        assert_int_equal(member_wait(bob), ERROR_BUSY);
        assert_int_equal(member_call(bob, "HISTORY", "%s", pages[0].members), ERROR_NONE);
        assert_false(says_something(bob, "entries", 9));
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(nobody_is_sent_it),
                TEST(many_at_once),
                TEST(page_of_before),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
