/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows that a member which stops reading costs the host no memory, and that one which is far
 * behind costs the others nothing: they are told while it catches up. */
#include <malloc.h>

#include "unit/daemon/member-double.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void); /* gcc has no header for it */
#endif

#define N_MESSAGES 200000
#define N_BEHIND 100000
#define N_EACH 64 /* a call */
#define N_CALLS 8 /* under way at a time */
#define COST_MAX (256 * 1024)

/* Keeps nothing of what it is told but how far it is: what this process allocates beside it is the
 * host's. */
typedef struct Reader {
        Fixture *fixture;
        TlsConfig *tls;
        Rpc *rpc;
        bool is_ready, is_connected, is_closed;
        uint64_t last; /* told, without a hole since it connected */
} Reader;

static void reader_on_ready(Rpc *r, int64_t offset_usec, void *userdata) {
        ((Reader *) userdata)->is_ready = true;
}

static void reader_on_push(Rpc *r, const char *command, const Value *payload, void *userdata) {
        const Value *entries = value_get(payload, "entries");
        Reader *reader = userdata;

        if (!streq(command, "MESSAGE"))
                return;
        for (size_t i = 0; i < value_length(entries); i++)
                assert_int_equal(get_uint(value_at(entries, i), "seq"), ++reader->last);
}

static void reader_on_closed(Rpc *r, const ConnClosed *why, void *userdata) {
        ((Reader *) userdata)->is_closed = true;
}

static void reader_on_connected(int r, const Value *payload, const Failure *failure,
                                void *userdata) {
        assert_int_equal(r, 0);
        assert_null(failure);
        ((Reader *) userdata)->is_connected = true;
}

static void reader_init(Reader *r, Fixture *f, const char *name, uint64_t since) {
        static const RpcHandlers handlers = {
                .on_ready = reader_on_ready,
                .on_push = reader_on_push,
                .on_closed = reader_on_closed,
        };
        static const RpcParameters parameters = {
                .agent = "reader/1",
                .in_flight = 1,
                .frame_max = FRAME_BYTES_MAX,
        };
        _cleanup_(writer_done) Writer w = {};
        Conn *conn;
        int fd;

        *r = (Reader){ .fixture = f, .last = since };
        r->tls = test_authority_tls(f->authority, SUBJECT_USER, name, TLS_EXPECT_PEER);
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        assert_int_equal(connect(fd, &f->address.sa, f->address.size), 0);
        assert_int_equal(conn_new(&f->loop->rt, fd, &f->address, r->tls, false, NULL, NULL, &conn),
                         0);
        assert_int_equal(rpc_new(&f->loop->rt, conn, &parameters, &handlers, r, &r->rpc), 0);
        wait_true(f, &r->is_ready);
        writer_begin_object(&w, NULL);
        writer_string(&w, "channel_name", "lobby");
        writer_uint(&w, "since", since);
        writer_bool(&w, "invisible", false);
        writer_end_object(&w);
        assert_int_equal(rpc_call(r->rpc, "CONNECT", &w, 0, reader_on_connected, r, NULL), 0);
        wait_true(f, &r->is_connected);
}

static Reader bob, carol, dave;

static void reader_done(Reader *r) {
        rpc_free(r->rpc);
        tls_config_free(r->tls);
        *r = (Reader){};
}

static int teardown_readers(void **state) {
        reader_done(&bob);
        reader_done(&carol);
        reader_done(&dave);
        return teardown(state);
}

static bool has_head(void *userdata) {
        const Reader *r = userdata;

        assert_false(r->is_closed);
        return r->last == head_of(r->fixture);
}

/* ---- what is said ---- */

static void start_call(Fixture *f, Local *l, unsigned first, unsigned n) {
        static char text[101];
        LocalMessage messages[N_EACH] = {};

        memset(text, 'x', sizeof(text) - 1);
        for (unsigned i = 0; i < n; i++) {
                messages[i].text = text;
                strcpy(messages[i].id, uuid_of(first + i));
        }
        assert_int_equal(channel_host_send(f->host, &f->owner, messages, n, local_sent, l), 0);
}

static size_t allocated(void) {
#ifdef __SANITIZE_ADDRESS__
        return __sanitizer_get_current_allocated_bytes();
#else
        struct mallinfo2 m = mallinfo2();

        return m.uordblks + m.hblkhd;
#endif
}

static int compare(const void *a, const void *b) {
        const size_t *x = a, *y = b;

        return *x < *y ? -1 : *x > *y;
}

/* Each a message of 100 bytes; `until` reads on. What is allocated meanwhile, whenever `until` has
 * all: caches come and go, so the median of it. */
static size_t say(Fixture *f, unsigned *id, unsigned n, Reader *until) {
        static size_t seen[N_MESSAGES / N_EACH / N_CALLS + 2];
        unsigned n_calls = 0, n_seen = 0;
        Local l = {};

        for (unsigned i = 0, k; i < n; i += k) {
                k = MIN(n - i, (unsigned) N_EACH);
                start_call(f, &l, *id, k);
                *id += k;
                if (++n_calls % N_CALLS != 0 && i + k < n)
                        continue;
                local_wait(f, &l, n_calls);
                assert_int_equal(l.failure.code, ERROR_NONE);
                wait_until(f, has_head, until);
                seen[n_seen++] = allocated();
        }
        qsort(seen, n_seen, sizeof(*seen), compare);
        return seen[n_seen / 2];
}

/* What this end of a connection takes of it, which is not the host's. */
static size_t hang_up(Reader *r) {
        size_t before = allocated();

        reader_done(r);
        return before - allocated();
}

/* DEBUG: how far each is by what the host gave its connection. */
static int check_session(const SessionDebug *s, void *userdata) {
        const Fixture *f = userdata;

        assert_int_equal(s->cursor + s->lag, head_of(f));
        assert_false(s->is_invisible);
        if (streq(s->username, "bob")) {
                assert_int_equal(s->lag, 0);
        } else {
                assert_string_equal(s->username, "carol");
                assert_true(s->cursor > carol.last);
                assert_true(s->lag > N_MESSAGES / 2);
                assert_true(s->queued_bytes > 0);
        }
        return 0;
}

static void test_one_that_does_not_read_costs_nothing(void **state) {
        size_t of_reading, of_stalled, of_client;
        Fixture *f = *state;
        unsigned id = 1;
        uint64_t last;

        local_without_rate(f);
        reader_init(&bob, f, "bob", 0);
        reader_init(&carol, f, "carol", 0);
        (void) say(f, &id, N_MESSAGES / 2, &bob); /* caches fill */
        reader_init(&dave, f, "dave", 0);         /* … those of who reads the log, too */
        wait_until(f, has_head, &dave);
        reader_done(&dave);
        wait_until(f, has_head, &carol);
        of_reading = say(f, &id, N_MESSAGES / 2, &bob);
        wait_until(f, has_head, &carol);

        rpc_set_paused(carol.rpc, true);
        of_stalled = say(f, &id, N_MESSAGES, &bob);
        assert_false(carol.is_closed);
        last = carol.last;
        assert_true(head_of(f) - last > N_MESSAGES * 9 / 10);
        assert_int_equal(channel_host_each_session(f->host, NULL, check_session, f), 0);
        of_client = hang_up(&carol);
        of_client -= MIN(of_client, hang_up(&bob));
        print_message("%zu bytes with one that reads, %zd more with one that does not, %zu of "
                      "them at its own end\n",
                      of_reading, (ssize_t) of_stalled - (ssize_t) of_reading, of_client);
        assert_true(of_stalled < of_reading + of_client + COST_MAX);

        /* She comes back, and has missed nothing. */
        reader_init(&carol, f, "carol", last);
        wait_until(f, has_head, &carol);
}

static void test_live_while_another_catches_up(void **state) {
        unsigned id = 1, n_between = 0;
        Fixture *f = *state;
        uint64_t since;

        local_without_rate(f);
        reader_init(&bob, f, "bob", 0);
        (void) say(f, &id, 100, &bob);
        since = head_of(f);
        (void) say(f, &id, N_BEHIND, &bob);
        reader_init(&dave, f, "dave", since);
        /* One at a time: each is bob's at once, and dave comes nearer meanwhile, until he has all.
         */
        for (uint64_t last = dave.last; !has_head(&dave); last = dave.last) {
                Local l = {};

                start_call(f, &l, id++, 1);
                local_wait(f, &l, 1);
                wait_until(f, has_head, &bob);
                n_between += dave.last < head_of(f) && dave.last > last;
                assert_in_range(id, 1, 2 * N_BEHIND);
        }
        print_message("%u live entries while %u were caught up\n", n_between, N_BEHIND);
        assert_true(n_between >= 5);
        assert_true(dave.last - since >= N_BEHIND);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_one_that_does_not_read_costs_nothing, setup,
                                                teardown_readers),
                cmocka_unit_test_setup_teardown(test_live_while_another_catches_up, setup,
                                                teardown_readers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
