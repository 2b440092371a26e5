/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds a member to how pages of the host's log join its copy: without a hole, and nothing that the
 * host was not asked for. */
#include "unit/daemon/host-double.h"

typedef struct Page {
        bool is_done, more, from_host;
        ErrorCode error;
        uint64_t first, last; /* 0: empty */
} Page;

static void on_page(const Failure *f, const Entry *entries, size_t n, bool more, bool from_host,
                    void *userdata) {
        Page *p = userdata;

        assert_false(p->is_done);
        *p = (Page){ .is_done = true, .more = more, .from_host = from_host };
        p->error = f ? f->code : ERROR_NONE;
        for (size_t i = 0; i < n; i++) {
                assert_true(i == 0 || entries[i].seq == entries[i - 1].seq + 1);
                p->first = entries[0].seq;
                p->last = entries[i].seq;
        }
}

static void ask(HostDouble *d, Page *p, bool before, uint64_t anchor, unsigned limit) {
        PageQuery q = { .before = before, .anchor = anchor, .limit = limit };

        *p = (Page){};
        assert_int_equal(channel_member_read(d->member, &q, on_page, p, NULL), 0);
}

static void until_page(HostDouble *d, Page *p, uint64_t first, uint64_t last, bool more) {
        test_loop_until_true(d->loop, &p->is_done, DOUBLE_WAIT_USEC);
        assert_int_equal(p->error, ERROR_NONE);
        assert_int_equal(p->first, first);
        assert_int_equal(p->last, last);
        assert_int_equal(p->more, more);
}

static void until_error(HostDouble *d, Page *p, ErrorCode error) {
        test_loop_until_true(d->loop, &p->is_done, DOUBLE_WAIT_USEC);
        assert_int_equal(p->error, error);
}

static void expect_history(HostDouble *d, const char *key, uint64_t anchor, unsigned limit) {
        const Value *payload = double_expect(d, "HISTORY");

        if (key)
                assert_int_equal(double_uint(payload, key), anchor);
        assert_int_equal(double_uint(payload, "limit"), limit);
}

static void write_page(Writer *w, const uint64_t *seqs, size_t n, bool more) {
        writer_begin_object(w, NULL);
        writer_begin_array(w, "entries");
        for (size_t i = 0; i < n; i++) {
                char id[UUID_STRING_SIZE];

                snprintf(id, sizeof(id), ENTRY_ID, seqs[i] % 1000000);
                writer_begin_object(w, NULL);
                writer_uint(w, "seq", seqs[i]);
                writer_string(w, "id", id);
                writer_string(w, "kind", "message");
                writer_string(w, "username", "alice");
                writer_string(w, "user_type", "REGISTERED");
                writer_time(w, "time", TEST_REALTIME + seqs[i] * USEC_PER_SEC);
                writer_string(w, "message_content", "text");
                writer_end_object(w);
        }
        writer_end_array(w);
        writer_bool(w, "more", more);
        writer_end_object(w);
}

static void answer_list(HostDouble *d, const uint64_t *seqs, size_t n, bool more) {
        _cleanup_(writer_done) Writer w = {};
        RpcRequest *q = d->request;

        write_page(&w, seqs, n, more);
        d->request = NULL;
        rpc_request_reply(q, &w);
}

static void answer(HostDouble *d, uint64_t first, uint64_t last, bool more) {
        uint64_t seqs[64];
        size_t n = 0;

        for (uint64_t seq = first; seq <= last; seq++)
                seqs[n++] = seq;
        answer_list(d, seqs, n, more);
}

/* Live, with entries 31 to 40 of forty. */
static void live_with_ten(HostDouble *d) {
        channel_member_set_backlog(d->member, 10);
        double_locate(d, true);
        (void) double_expect(d, "CONNECT");
        double_accept(d, 40);
        double_push_entries(d, 31, 40, false);
        double_until(d, MEMBER_LIVE, 40);
}

static void assert_first(HostDouble *d, uint64_t seq) {
        assert_int_equal(channel_member_get_first_seq(d->member), seq);
}

static void test_pages_join(void **state) {
        HostDouble *d = *state;
        Page p;

        live_with_ten(d);
        ask(d, &p, true, 0, 10);
        until_page(d, &p, 31, 40, false); /* all that was wished is here */
        ask(d, &p, true, 31, 20);
        expect_history(d, "before", 31, 20);
        answer(d, 21, 30, true); /* a short page is not the end */
        until_page(d, &p, 21, 30, true);
        assert_true(p.from_host);
        assert_first(d, 21);
        /* Far below: the pages between come first, so that no hole stays. */
        ask(d, &p, true, 5, 15);
        expect_history(d, "before", 21, 15);
        answer(d, 6, 20, true);
        until_page(d, &p, 0, 0, true);
        ask(d, &p, true, 5, 15);
        expect_history(d, "before", 6, 15);
        answer(d, 1, 5, false);
        until_page(d, &p, 1, 4, false);
        assert_first(d, 1);
        ask(d, &p, true, 0, 100);
        until_page(d, &p, 1, 40, false);
        assert_false(p.from_host);
        assert_int_equal(channel_member_get_n_unread(d->member), 10); /* nobody owes the rest */
}

/* Whatever else comes is not shown and not kept. */
static void test_wrong_pages(void **state) {
        static const struct Wrong {
                const char *name;
                uint64_t seqs[6];
        } table[] = {
                { "overlaps", { 28, 29, 30, 31 } },
                { "holds what is held", { 31, 32, 33 } },
                { "ends too early", { 27, 28, 29 } },
                { "has a hole", { 27, 28, 30 } },
                { "descends", { 30, 29, 28 } },
                { "repeats", { 29, 29, 30 } },
                { "more than asked", { 26, 27, 28, 29, 30 } },
                { "is empty", {} },
                { "is above", { 41, 42 } },
        };
        HostDouble *d = *state;
        Page p;

        live_with_ten(d);
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                size_t n = 0;

                print_message("%s\n", table[i].name);
                while (table[i].seqs[n] > 0)
                        n++;
                ask(d, &p, true, 31, 4);
                expect_history(d, "before", 31, 4);
                answer_list(d, table[i].seqs, n, true);
                until_error(d, &p, ERROR_PROTOCOL);
                assert_first(d, 31);
        }
        ask(d, &p, true, 31, 4);
        expect_history(d, "before", 31, 4);
        answer(d, 27, 30, true);
        until_page(d, &p, 27, 30, true);
        double_push_entries(d, 41, 41, false);
        double_until(d, MEMBER_LIVE, 41);
}

static void test_wrong_pages_after(void **state) {
        static const struct Wrong {
                const char *name;
                uint64_t seqs[4];
        } table[] = {
                { "begins too late", { 7, 8 } },
                { "begins too early", { 5, 6 } },
                { "is empty", {} },
                { "has a hole", { 6, 8 } },
        };
        HostDouble *d = *state;
        Page p;

        live_with_ten(d);
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                size_t n = 0;

                print_message("%s\n", table[i].name);
                while (table[i].seqs[n] > 0)
                        n++;
                ask(d, &p, false, 5, 10);
                expect_history(d, "after", 5, 10);
                answer_list(d, table[i].seqs, n, false);
                until_error(d, &p, ERROR_PROTOCOL);
        }
        /* That it is at its end is not believed either. */
        ask(d, &p, false, 5, 10);
        expect_history(d, "after", 5, 10);
        answer(d, 6, 12, false);
        until_page(d, &p, 6, 12, true);
        /* What is held is shown from here. */
        ask(d, &p, false, 25, 10);
        expect_history(d, "after", 25, 10);
        answer(d, 26, 35, false);
        until_page(d, &p, 26, 30, true);
        ask(d, &p, false, 30, 10);
        until_page(d, &p, 31, 40, false);
        assert_false(p.from_host);
        assert_first(d, 31);
}

/* Both ask before either is answered: the second page is there already, and is not shown as another
 * one. The double has one request at a time, so the second answer follows the first. */
static void test_two_pagers(void **state) {
        HostDouble *d = *state;
        RpcRequest *first;
        Page p, q;

        live_with_ten(d);
        ask(d, &p, true, 31, 10);
        expect_history(d, "before", 31, 10);
        first = TAKE_PTR(d->request);
        ask(d, &q, true, 26, 5);
        expect_history(d, "before", 31, 5);
        answer(d, 26, 30, true);
        until_page(d, &q, 0, 0, true);
        assert_first(d, 26);
        d->request = first;
        answer(d, 21, 30, true);
        until_page(d, &p, 26, 30, true); /* what has joined the copy by now */
        assert_first(d, 26);
        ask(d, &p, true, 26, 5);
        expect_history(d, "before", 26, 5);
        answer(d, 21, 25, true);
        until_page(d, &p, 21, 25, true);
        assert_first(d, 21);
}

static void test_away(void **state) {
        HostDouble *d = *state;
        Page p;

        live_with_ten(d);
        ask(d, &p, true, 31, 10);
        expect_history(d, "before", 31, 10);
        d->rpc = rpc_free(d->rpc); /* before the answer */
        until_error(d, &p, ERROR_HOST_OFFLINE);
        double_until(d, MEMBER_OFFLINE, 40);
        ask(d, &p, true, 31, 10); /* what is here, and nobody to ask */
        until_page(d, &p, 0, 0, false);
        ask(d, &p, true, 35, 10);
        until_page(d, &p, 31, 34, false);
        (void) double_expect(d, "CONNECT");
        double_accept(d, 40);
        double_until(d, MEMBER_LIVE, 40);
        ask(d, &p, true, 31, 10);
        expect_history(d, "before", 31, 10);
        test_loop_run(d->loop, 11 * USEC_PER_SEC); /* no answer at all */
        until_error(d, &p, ERROR_TIMEOUT);
        answer(d, 21, 30, true); /* too late */
        ask(d, &p, true, 31, 10);
        expect_history(d, "before", 31, 10);
        assert_first(d, 31);
        answer(d, 21, 30, true);
        until_page(d, &p, 21, 30, true);
        assert_first(d, 21);
}

/* Nothing is held yet: pages are shown, and not kept. */
static void test_nothing_held(void **state) {
        HostDouble *d = *state;
        Page p;

        channel_member_set_backlog(d->member, 0);
        double_locate(d, true);
        (void) double_expect(d, "CONNECT");
        double_accept(d, 40);
        expect_history(d, "before", 41, 1);
        answer(d, 40, 40, true);
        ask(d, &p, true, 0, 10);
        expect_history(d, NULL, 0, 10);
        answer(d, 30, 39, true); /* not the newest */
        until_error(d, &p, ERROR_PROTOCOL);
        ask(d, &p, true, 0, 10);
        expect_history(d, NULL, 0, 10);
        answer(d, 31, 40, false);
        until_page(d, &p, 31, 40, true);
        ask(d, &p, true, 31, 10);
        expect_history(d, "before", 31, 10);
        answer(d, 21, 30, true);
        until_page(d, &p, 21, 30, true);
        ask(d, &p, false, 0, 10);
        expect_history(d, "after", 0, 10);
        answer(d, 1, 10, true);
        until_page(d, &p, 1, 10, true);
        assert_first(d, 0);
        double_push_entries(d, 41, 41, false);
        double_until(d, MEMBER_LIVE, 41);
        assert_first(d, 41);
}

#define T(f) cmocka_unit_test_setup_teardown(f, double_setup, double_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                T(test_pages_join), T(test_wrong_pages), T(test_wrong_pages_after),
                T(test_two_pagers), T(test_away),        T(test_nothing_held),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
