/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who we are: trackers, signing in and out, and that a destroyed key is in no file. */
#include "tests/unit/daemon/store-fixture.h"

#define OTHER_PEM_BODY "MC4CAQAwBQYDK2VwBCIEIGFub3RoZXIta2V5LW9mLXNvbWVib2R5LWVsc2Ut"
#define SECOND_TRACKER_ID "fedcba9876543210fedcba9876543210"

static void load(Fixture *f, Result *q) {
        assert_int_equal(CALL(f, q, store_load(f->store, on_loaded, q, NULL)), 0);
}

static int sign_out(Fixture *f, Result *q, uint64_t identity) {
        return CALL(f, q, store_sign_out(f->store, identity, on_done, q, NULL));
}

static void test_nothing_at_first(void **state) {
        Fixture *f = *state;
        Result q = {};

        load(f, &q);
        assert_false(q.has_tracker);
        assert_false(q.has_identity);
        assert_int_equal(CALL(f, &q, store_load_channels(f->store, 1, on_channels, &q, NULL)), 0);
        assert_int_equal(q.n_channels, 0);
        result_done(&q);
}

static void test_tracker_is_kept(void **state) {
        Fixture *f = *state;
        StoredTracker t = {
                .tracker_id = TRACKER_ID,
                .pin = "sha256:00",
                .address = "[::1]:22236",
                .ca_pem = "the CA",
        };
        Result q = {};

        assert_int_equal(CALL(f, &q, store_save_tracker(f->store, &t, on_done, &q, NULL)), 0);
        reopen_store(f);
        load(f, &q);
        assert_true(q.has_tracker);
        assert_false(q.has_identity);
        assert_string_equal(q.tracker.tracker_id, TRACKER_ID);
        assert_string_equal(q.tracker.pin, "sha256:00");
        assert_string_equal(q.tracker.address, "[::1]:22236");
        assert_string_equal(q.tracker.ca_pem, "the CA");
        assert_int_equal(q.tracker.identity, 0);

        /* Another address of the same tracker: who is signed in stays. */
        sign_in(f, "bob", USER_REGISTERED, PEM(PEM_BODY));
        t.address = "tracker.example:22236";
        assert_int_equal(CALL(f, &q, store_save_tracker(f->store, &t, on_done, &q, NULL)), 0);
        load(f, &q);
        assert_string_equal(q.tracker.address, "tracker.example:22236");
        assert_true(q.has_identity);
        assert_string_equal(q.identity.username, "bob");

        /* Another tracker, and back: each remembers its own. */
        save_tracker(f, SECOND_TRACKER_ID);
        load(f, &q);
        assert_string_equal(q.tracker.tracker_id, SECOND_TRACKER_ID);
        assert_false(q.has_identity);
        save_tracker(f, TRACKER_ID);
        load(f, &q);
        assert_string_equal(q.identity.username, "bob");

        /* Its authorities changed: all else stays, and the pin of before is not taken again. */
        assert_int_equal(CALL(f, &q,
                              store_save_authorities(f->store, TRACKER_ID, "sha256:01", "the next",
                                                     on_done, &q, NULL)),
                         0);
        load(f, &q);
        assert_string_equal(q.tracker.pin, "sha256:01");
        assert_string_equal(q.tracker.ca_pem, "the next");
        assert_string_equal(q.tracker.address, "localhost:1");
        assert_string_equal(q.identity.username, "bob");
        assert_int_equal(CALL(f, &q, store_save_tracker(f->store, &t, on_done, &q, NULL)),
                         -EBADMSG); /* no chain that leads to the one held */

        t.ca_pem = NULL;
        assert_int_equal(CALL(f, &q, store_save_tracker(f->store, &t, on_done, &q, NULL)), -EINVAL);
        result_done(&q);
}

static void test_identities_are_for_ever(void **state) {
        Fixture *f = *state;
        static const struct {
                const char *username;
                UserType type;
                unsigned identity; /* the same number, the same row */
        } table[] = {
                { "bob", USER_REGISTERED, 0 },       { "carol", USER_REGISTERED, 1 },
                { "guest-bob", USER_GUEST, 2 },      { "bob", USER_REGISTERED, 0 },
                { "guest-bob", USER_GUEST, 2 },      { "guest-bob", USER_GUEST, 2 },
                { "guest-bob", USER_REGISTERED, 3 },
        };
        uint64_t rows[4] = {};
        Result q = {};

        save_tracker(f, TRACKER_ID);
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                uint64_t *row = &rows[table[i].identity], got;

                got = sign_in(f, table[i].username, table[i].type, PEM(PEM_BODY));
                if (*row == 0)
                        for (size_t k = 0; k < ELEMENTSOF(rows); k++)
                                assert_true(rows[k] != got);
                else
                        assert_int_equal(got, *row);
                *row = got;
                load(f, &q);
                assert_true(q.has_identity);
                assert_int_equal(q.tracker.identity, got);
                assert_int_equal(q.identity.row, got);
                assert_int_equal(q.identity.user_type, table[i].type);
                assert_string_equal(q.identity.username, table[i].username);
                assert_string_equal(q.identity.tracker_id, TRACKER_ID);
                assert_string_equal(q.identity.key_pem, PEM(PEM_BODY));
                assert_string_equal(q.identity.certificate_pem, "CERTIFICATE");
        }
        result_done(&q);
}

static void test_sign_in_refuses(void **state) {
        Fixture *f = *state;
        StoredIdentity i = {
                .tracker_id = TRACKER_ID,
                .username = "bob",
                .key_pem = "KEY",
                .certificate_pem = "CERTIFICATE",
        };
        Result q = {};

        assert_int_equal(CALL(f, &q, store_sign_in(f->store, &i, on_row, &q, NULL)), -ENOENT);
        assert_int_equal(q.row, 0);
        save_tracker(f, TRACKER_ID);
        i.key_pem = NULL;
        assert_int_equal(CALL(f, &q, store_sign_in(f->store, &i, on_row, &q, NULL)), -EINVAL);
        assert_int_equal(sign_out(f, &q, 77), -ENOENT);
        load(f, &q);
        assert_false(q.has_identity);
        result_done(&q);
}

typedef struct Search {
        const char *text;
        unsigned n_files, n_hits;
} Search;

static void search_file(const char *path, void *userdata) {
        _cleanup_fclose_ FILE *file = fopen(path, "re");
        _cleanup_free_ char *content = NULL;
        Search *s = userdata;
        struct stat st;

        assert_non_null(file);
        assert_int_equal(fstat(fileno(file), &st), 0);
        content = malloc((size_t) st.st_size + 1);
        assert_non_null(content);
        assert_int_equal(fread(content, 1, (size_t) st.st_size, file), st.st_size);
        s->n_files++;
        s->n_hits += memmem(content, (size_t) st.st_size, s->text, strlen(s->text)) != NULL;
}

static unsigned count_files_with(const Fixture *f, const char *text) {
        Search s = { .text = text };

        each_file(f, search_file, &s);
        assert_true(s.n_files > 0);
        return s.n_hits;
}

static void test_sign_out_destroys_the_key(void **state) {
        Fixture *f = *state;
        uint64_t row;
        Result q = {};

        save_tracker(f, TRACKER_ID);
        row = sign_in(f, "bob", USER_REGISTERED, PEM(PEM_BODY));
        /* In the database itself, not only in its WAL. */
        reopen_store(f);
        load(f, &q);
        assert_int_equal(count_files_with(f, PEM_BODY), 1);
        assert_int_equal(sign_in(f, "bob", USER_REGISTERED, PEM(PEM_BODY)), row); /* renewed */

        assert_int_equal(sign_out(f, &q, row), 0);
        assert_int_equal(count_files_with(f, PEM_BODY), 0);
        assert_int_equal(count_files_with(f, "CERTIFICATE"), 0);
        assert_true(count_files_with(f, TRACKER_ID) > 0); /* the search does find */
        load(f, &q);
        assert_true(q.has_tracker);
        assert_int_equal(q.tracker.identity, 0);
        assert_false(q.has_identity);

        assert_int_equal(sign_out(f, &q, row), 0);
        assert_int_equal(sign_in(f, "bob", USER_REGISTERED, PEM(OTHER_PEM_BODY)), row);
        load(f, &q);
        assert_string_equal(q.identity.key_pem, PEM(OTHER_PEM_BODY));
        result_done(&q);
}

static void save_attempt(Fixture *f, const char *username, uint64_t since, const char *pem) {
        StoredAttempt a = { .user_type = USER_REGISTERED, .since = since, .key_pem = pem };
        Result q = {};

        snprintf(a.username, sizeof(a.username), "%s", username);
        assert_int_equal(
                CALL(f, &q, store_save_attempt(f->store, TRACKER_ID, &a, on_done, &q, NULL)), 0);
        result_done(&q);
}

/* One at a time, and in no file once it is not needed any more. */
static void test_attempt(void **state) {
        Fixture *f = *state;
        uint64_t row;
        Result q = {};

        save_tracker(f, TRACKER_ID);
        load(f, &q);
        assert_null(q.tracker.attempt.key_pem);
        save_attempt(f, "bob", START, PEM(OTHER_PEM_BODY));
        save_attempt(f, "alice", START + USEC_PER_SEC, PEM(PEM_BODY));
        assert_int_equal(count_files_with(f, OTHER_PEM_BODY), 0);
        reopen_store(f);
        load(f, &q);
        assert_string_equal(q.tracker.attempt.username, "alice");
        assert_int_equal(q.tracker.attempt.user_type, USER_REGISTERED);
        assert_int_equal(q.tracker.attempt.since, START + USEC_PER_SEC);
        assert_string_equal(q.tracker.attempt.key_pem, PEM(PEM_BODY));

        /* Whatever else is saved of the tracker; and a sign-in alone does not say that its answer
         * was told. */
        save_tracker(f, TRACKER_ID);
        row = sign_in(f, "alice", USER_REGISTERED, PEM(OTHER_PEM_BODY));
        assert_int_equal(store_forget_attempt(f->store, SECOND_TRACKER_ID, START), 0);
        save_tracker(f, TRACKER_ID); /* in the order of submission */
        load(f, &q);
        assert_string_equal(q.tracker.attempt.key_pem, PEM(PEM_BODY));
        assert_int_equal(sign_out(f, &q, row), 0);
        assert_int_equal(count_files_with(f, PEM_BODY), 0);

        save_attempt(f, "alice", START, PEM(PEM_BODY));
        assert_int_equal(store_forget_attempt(f->store, TRACKER_ID, START), 0);
        save_tracker(f, TRACKER_ID); /* in the order of submission */
        load(f, &q);
        assert_null(q.tracker.attempt.key_pem);
        assert_int_equal(count_files_with(f, PEM_BODY), 0);

        save_attempt(f, "alice", START, PEM(PEM_BODY));
        assert_int_equal(
                store_forget_attempt(f->store, SECOND_TRACKER_ID, START + ATTEMPT_KEPT_USEC), 0);
        save_tracker(f, TRACKER_ID); /* in the order of submission */
        load(f, &q);
        assert_null(q.tracker.attempt.key_pem);
        assert_int_equal(count_files_with(f, PEM_BODY), 0);
        result_done(&q);
}

static void test_who_is_replaced_is_signed_out(void **state) {
        Fixture *f = *state;
        Result q = {};

        save_tracker(f, TRACKER_ID);
        sign_in(f, "guest-bob", USER_GUEST, PEM(PEM_BODY));
        assert_true(count_files_with(f, PEM_BODY) > 0);
        sign_in(f, "bob", USER_REGISTERED, PEM(OTHER_PEM_BODY));
        assert_int_equal(count_files_with(f, PEM_BODY), 0);
        load(f, &q);
        assert_string_equal(q.identity.username, "bob");
        assert_string_equal(q.identity.key_pem, PEM(OTHER_PEM_BODY));
        result_done(&q);
}

static void test_text_of_who_signs_out(void **state) {
        static const struct {
                const char *username;
                UserType type;
                OutboxState state;
                ErrorCode error;
        } table[] = {
                { "bob", USER_REGISTERED, OUTBOX_QUEUED, ERROR_NONE },
                { "guest-bob", USER_GUEST, OUTBOX_FAILED, ERROR_EXPIRED },
        };
        Fixture *f = *state;
        Result q = {};

        save_tracker(f, TRACKER_ID);
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                uint64_t identity, channel;
                StoredChannel c;

                identity = sign_in(f, table[i].username, table[i].type, PEM(PEM_BODY));
                c = channel_named(identity, "lobby", false);
                channel = save_channel(f, &c);
                assert_int_equal(add_row(f, &q, channel, 1, "hi"), 0);
                assert_int_equal(sign_out(f, &q, identity), 0);

                assert_int_equal(CALL(f, &q,
                                      store_outbox_read(f->store, channel, 0, false, 9, 0,
                                                        on_outbox, &q, NULL)),
                                 0);
                assert_int_equal(q.n_rows, 1);
                assert_int_equal(q.rows[0].state, table[i].state);
                assert_int_equal(q.rows[0].error, table[i].error);
                assert_int_equal(
                        CALL(f, &q, store_load_channels(f->store, identity, on_channels, &q, NULL)),
                        0);
                assert_int_equal(q.n_channels, 1);
                assert_int_equal(q.channels[0].n_outbox, table[i].state == OUTBOX_QUEUED);
        }
        result_done(&q);
}

static bool is_invisible(Fixture *f, Result *q, uint64_t identity) {
        assert_int_equal(CALL(f, q, store_load_channels(f->store, identity, on_channels, q, NULL)),
                         0);
        return q->invisible;
}

/* A person's wish: of this identity, for the next process and the next sign-in too. */
static void test_invisible_is_kept(void **state) {
        Fixture *f = *state;
        uint64_t bob, carol;
        Result q = {};

        save_tracker(f, TRACKER_ID);
        bob = sign_in(f, "bob", USER_REGISTERED, PEM(PEM_BODY));
        assert_false(is_invisible(f, &q, bob));
        assert_int_equal(CALL(f, &q, store_set_invisible(f->store, bob, true, on_done, &q, NULL)),
                         0);
        assert_true(is_invisible(f, &q, bob));
        reopen_store(f);
        assert_true(is_invisible(f, &q, bob));
        assert_int_equal(sign_out(f, &q, bob), 0);
        carol = sign_in(f, "carol", USER_REGISTERED, PEM(PEM_BODY));
        assert_false(is_invisible(f, &q, carol));
        assert_int_equal(sign_in(f, "bob", USER_REGISTERED, PEM(PEM_BODY)), bob);
        assert_true(is_invisible(f, &q, bob));
        assert_int_equal(CALL(f, &q, store_set_invisible(f->store, bob, false, on_done, &q, NULL)),
                         0);
        assert_false(is_invisible(f, &q, bob));
        assert_int_equal(CALL(f, &q, store_set_invisible(f->store, 9, true, on_done, &q, NULL)),
                         -ENOENT);
        result_done(&q);
}

static void check_private(const char *path, void *userdata) {
        struct stat st;
        unsigned *n = userdata;

        assert_int_equal(stat(path, &st), 0);
        print_message("%s %o\n", path, st.st_mode & 0777);
        assert_int_equal(st.st_mode & 0777, 0600);
        (*n)++;
}

static void test_files_are_private_and_held(void **state) {
        Fixture *f = *state;
        unsigned n_files = 0;
        Store *first;
        Result q = {};

        umask(0);
        save_tracker(f, TRACKER_ID);
        load(f, &q);
        each_file(f, check_private, &n_files);
        assert_true(n_files >= 2); /* the database and its WAL */

        first = TAKE_PTR(f->store);
        open_store(f);
        assert_int_equal(CALL(f, &q, store_load(f->store, on_loaded, &q, NULL)), -EBUSY);
        f->store = store_free(f->store);
        f->store = first;
        load(f, &q);
        assert_true(q.has_tracker);
        result_done(&q);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_nothing_at_first, setup, teardown),
                cmocka_unit_test_setup_teardown(test_tracker_is_kept, setup, teardown),
                cmocka_unit_test_setup_teardown(test_identities_are_for_ever, setup, teardown),
                cmocka_unit_test_setup_teardown(test_sign_in_refuses, setup, teardown),
                cmocka_unit_test_setup_teardown(test_sign_out_destroys_the_key, setup_on_threads,
                                                teardown),
                cmocka_unit_test_setup_teardown(test_attempt, setup_on_threads, teardown),
                cmocka_unit_test_setup_teardown(test_who_is_replaced_is_signed_out, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(test_text_of_who_signs_out, setup, teardown),
                cmocka_unit_test_setup_teardown(test_invisible_is_kept, setup, teardown),
                cmocka_unit_test_setup_teardown(test_files_are_private_and_held, setup_on_threads,
                                                teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
