/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A store becomes a backup and a backup a store: what is in it, what is not, what is true of both,
 * and what a crash leaves. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "daemon/store/store-archive.h"
#include "daemon/store/store-internal.h"
#include "sql/file.h"
#include "support/authority.h"
#include "tests/unit/daemon/store-fixture.h"

typedef struct Archive {
        TestAuthority *authority;
        Pulse *pulse;
        int fd; /* the backup */
        BackupSummary summary;
        Failure failure;
} Archive;

static void archive_begin(Fixture *f, Archive *a) {
        /* The state directory's own name for it. */
        f->store = store_free(f->store);
        each_file(f, remove_file, NULL);
        snprintf(f->path, sizeof(f->path), "%s/" STORE_FILE, f->directory);
        open_store(f);
        a->authority = test_authority_new(f->clock);
        assert_int_equal(pulse_new(&a->pulse), 0);
        a->fd = memfd_create("backup", MFD_CLOEXEC);
        assert_true(a->fd >= 0);
}

static void archive_end(Archive *a) {
        test_authority_free(a->authority);
        pulse_free(a->pulse);
        close(a->fd);
}

/* alice hosts `den` and is in `lobby`; a guest has a text that waits. Signed out where asked. */
static void fill(Fixture *f, Archive *a, bool signed_in) {
        _cleanup_free_ char *pem = NULL;
        StoredTracker t = { .address = "localhost:1" };
        StoredIdentity i = { .certificate_pem = "CERTIFICATE", .key_pem = PEM(PEM_BODY) };
        Proposal p = proposal_of(1, "alice", "{\"message_content\":\"in the den\"}");
        Entry e = entry_of(1, 2, "message", "bob");
        uint64_t alice, guest, row;
        StoredChannel c;
        Result q = {};

        assert_int_equal(certificate_to_pem(a->authority->ca, &pem), 0);
        memcpy(t.tracker_id, a->authority->tracker_id, sizeof(t.tracker_id));
        memcpy(t.pin, a->authority->pin, sizeof(t.pin));
        t.ca_pem = pem;
        assert_int_equal(CALL(f, &q, store_save_tracker(f->store, &t, on_done, &q, NULL)), 0);
        memcpy(i.tracker_id, t.tracker_id, sizeof(t.tracker_id));

        strcpy(i.username, "guest-gus");
        i.user_type = USER_GUEST;
        assert_int_equal(CALL(f, &q, store_sign_in(f->store, &i, on_row, &q, NULL)), 0);
        guest = q.row;
        c = channel_named(guest, "lobby", false);
        row = save_channel(f, &c);
        assert_int_equal(add_row(f, &q, row, 9, "a guest's"), 0);

        strcpy(i.username, "alice");
        i.user_type = USER_REGISTERED;
        assert_int_equal(CALL(f, &q, store_sign_in(f->store, &i, on_row, &q, NULL)), 0);
        alice = q.row;
        c = channel_named(alice, "den", true);
        row = save_channel(f, &c);
        assert_int_equal(CALL(f, &q, store_append(f->store, row, &p, 1, on_appended, &q, NULL)), 0);
        c = channel_named(alice, "new", true); /* asked for, never granted */
        c.epoch = 0;
        save_channel(f, &c);
        c = channel_named(alice, "lobby", false);
        row = save_channel(f, &c);
        assert_int_equal(CALL(f, &q,
                              store_copy(f->store, row, &e, 1, "alice", USER_REGISTERED, on_copied,
                                         &q, NULL)),
                         0);
        assert_int_equal(add_row(f, &q, row, 3, "waits"), 0);
        assert_int_equal(CALL(f, &q, store_set_invisible(f->store, alice, true, on_done, &q, NULL)),
                         0);
        if (!signed_in)
                assert_int_equal(CALL(f, &q, store_sign_out(f->store, alice, on_done, &q, NULL)),
                                 0);
        result_done(&q);
}

static int back_up(Fixture *f, Archive *a) {
        _cleanup_(transfer_freep) Transfer *t = NULL;

        assert_int_equal(ftruncate(a->fd, 0), 0);
        assert_int_equal(lseek(a->fd, 0, SEEK_SET), 0);
        assert_int_equal(transfer_new(a->fd, true, &t, &a->failure), 0);
        return store_back_up(f->directory, t, a->pulse, &a->summary, &a->failure);
}

static int receive(Fixture *f, Archive *a) {
        _cleanup_(transfer_freep) Transfer *t = NULL;

        assert_int_equal(lseek(a->fd, 0, SEEK_SET), 0);
        assert_int_equal(transfer_new(a->fd, false, &t, &a->failure), 0);
        return store_receive(f->directory, t, a->pulse, &a->summary, &a->failure);
}

static bool is_in_backup(Archive *a, const char *text) {
        struct stat st;
        bool found;
        char *map;

        assert_int_equal(fstat(a->fd, &st), 0);
        map = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_SHARED, a->fd, 0);
        assert_true(map != MAP_FAILED);
        found = memmem(map, (size_t) st.st_size, text, strlen(text));
        munmap(map, (size_t) st.st_size);
        return found;
}

static unsigned count_files(Fixture *f) {
        static const char *const names[] = { BACKUP_FILE, RESTORE_RECEIVED, RESTORE_FILE };
        unsigned n = 0;
        char path[PATH_MAX];

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                snprintf(path, sizeof(path), "%s/%s", f->directory, names[i]);
                n += access(path, F_OK) == 0;
        }
        return n;
}

static void put_in_place(Fixture *f, const char *aside) {
        Result q = {};

        assert_int_equal(
                CALL(f, &q, store_replace(f->store, f->directory, aside, on_done, &q, NULL)), 0);
        result_done(&q);
}

/* Everything of one identity in a store that was restored. */
static void check_alice(Fixture *f, Archive *a) {
        const StoredChannel *den, *lobby;
        Result q = {};
        uint64_t row;

        assert_int_equal(CALL(f, &q, store_load(f->store, on_loaded, &q, NULL)), 0);
        assert_true(q.has_tracker);
        assert_false(q.has_identity);
        assert_string_equal(q.tracker.tracker_id, a->authority->tracker_id);
        /* The rows keep their numbers: alice is the second one. */
        assert_int_equal(CALL(f, &q, store_load_channels(f->store, 2, on_channels, &q, NULL)), 0);
        assert_int_equal(q.n_channels, 2);
        assert_true(q.invisible);
        den = &q.channels[0];
        lobby = &q.channels[1];
        assert_string_equal(den->name, "den");
        assert_true(den->hosted && den->closed && den->went_back);
        assert_string_equal(den->reason, "restored");
        assert_int_equal(den->synced_seq, 1);
        assert_string_equal(lobby->name, "lobby");
        assert_false(lobby->hosted || lobby->closed || lobby->went_back);
        assert_int_equal(lobby->synced_seq, 1);
        assert_int_equal(lobby->n_unread, 1);
        assert_int_equal(lobby->n_outbox, 1);
        assert_int_equal(CALL(f, &q, store_load_channels(f->store, 1, on_channels, &q, NULL)), 0);
        assert_int_equal(q.n_channels, 1);
        assert_int_equal(q.channels[0].n_outbox, 0);
        row = q.channels[0].row;
        assert_int_equal(
                CALL(f, &q, store_outbox_read(f->store, row, 0, false, 10, 0, on_outbox, &q, NULL)),
                0);
        assert_int_equal(q.n_rows, 1);
        assert_int_equal(q.rows[0].state, OUTBOX_FAILED);
        assert_int_equal(q.rows[0].error, ERROR_EXPIRED);
        result_done(&q);
}

static void test_there_and_back(void **state) {
        Fixture *f = *state;
        char aside[PATH_MAX];
        Archive a = {};

        archive_begin(f, &a);
        fill(f, &a, true);
        assert_int_equal(back_up(f, &a), 0);
        assert_int_equal(a.summary.n_channels, 3);
        assert_int_equal(a.summary.n_hosted, 1);
        assert_int_equal(a.summary.n_entries, 2);
        assert_int_equal(a.summary.n_outbox, 1);
        assert_int_equal(a.summary.n_users, 1);
        assert_string_equal(a.summary.users[0], "alice");
        assert_string_equal(a.summary.tracker, "localhost:1");
        assert_string_equal(a.summary.pin, a.authority->pin);
        assert_int_equal(a.summary.n_bytes, lseek(a.fd, 0, SEEK_END));
        assert_true(is_in_backup(&a, "in the den"));
        assert_false(is_in_backup(&a, PEM_BODY));
        assert_false(is_in_backup(&a, "PRIVATE KEY"));
        assert_false(is_in_backup(&a, "CERTIFICATE\n")); /* … of a person, beside the CA's */
        assert_int_equal(count_files(f), 0);

        /* Here somebody is signed in. */
        assert_int_equal(store_check_replaceable(f->directory, true, a.pulse, &a.failure),
                         -error_info(ERROR_ALREADY_SIGNED_IN)->error);
        f->store = store_free(f->store);
        each_file(f, remove_file, NULL);
        open_store(f);
        fill(f, &a, false);
        assert_int_equal(store_check_replaceable(f->directory, false, a.pulse, &a.failure),
                         -error_info(ERROR_CONFLICT)->error);
        assert_int_equal(store_check_replaceable(f->directory, true, a.pulse, &a.failure), 0);
        assert_int_equal(receive(f, &a), 0);
        assert_int_equal(count_files(f), 1);
        snprintf(aside, sizeof(aside), "%s/" STORE_ASIDE "now", f->directory);
        put_in_place(f, aside);
        assert_int_equal(count_files(f), 0);
        check_alice(f, &a);

        /* A copy of a copy is the same. */
        assert_int_equal(back_up(f, &a), 0);
        assert_int_equal(receive(f, &a), 0);
        f->store = store_free(f->store);
        each_file(f, remove_file, NULL);
        open_store(f);
        assert_int_equal(receive(f, &a), 0);
        put_in_place(f, NULL);
        reopen_store(f);
        check_alice(f, &a);
        archive_end(&a);
}

/* By hand, in the place of a store: nobody is signed in, and nothing hosted is served. */
static void test_put_there_by_hand(void **state) {
        Fixture *f = *state;
        Archive a = {};
        char buffer[4096];
        ssize_t n;
        FILE *out;

        archive_begin(f, &a);
        fill(f, &a, true);
        assert_int_equal(back_up(f, &a), 0);
        f->store = store_free(f->store);
        each_file(f, remove_file, NULL);
        out = fopen(f->path, "we");
        assert_non_null(out);
        assert_int_equal(lseek(a.fd, 0, SEEK_SET), 0);
        while ((n = read(a.fd, buffer, sizeof(buffer))) > 0)
                assert_int_equal(fwrite(buffer, 1, (size_t) n, out), n);
        fclose(out);
        open_store(f);
        check_alice(f, &a);
        archive_end(&a);
}

static bool goes_on(void *userdata) {
        return true;
}

static void add_tracker(SqlTx *tx, const TestAuthority *authority, const char *address) {
        _cleanup_free_ char *pem = NULL;

        assert_int_equal(certificate_to_pem(authority->ca, &pem), 0);
        assert_int_equal(sql_run(tx,
                                 "INSERT INTO tracker (tracker_id, pin, address, ca_pem,"
                                 " is_current) VALUES (?, ?, ?, ?, 1)",
                                 "ssss", authority->tracker_id, authority->pin, address, pem),
                         0);
}

/* The first version's tables are in store.c for ever: a backup of them is brought up to date. */
static void test_an_older_backup(void **state) {
        Fixture *f = *state;
        char path[PATH_MAX];
        SqlFile *file;
        Archive a = {};
        SqlTx *tx;

        archive_begin(f, &a);
        snprintf(path, sizeof(path), "%s/old", f->directory);
        assert_int_equal(sql_file_create(path, store_migrations, 1, goes_on, NULL, &file), 0);
        tx = sql_file_get_tx(file);
        add_tracker(tx, a.authority, "localhost:1");
        assert_int_equal(sql_run(tx,
                                 "INSERT INTO identity (id, tracker_id, user_type, username)"
                                 " VALUES (2, ?, 'REGISTERED', 'alice')",
                                 "s", a.authority->tracker_id),
                         0);
        assert_int_equal(
                sql_run(tx,
                        "INSERT INTO channel (id, identity, channel_id, name, owner, host, hosted,"
                        " wanted, closed, role, view_permission, send_permission, epoch) VALUES"
                        " (1, 2, '00000000-0000-4000-8000-000000000001', 'den', 'alice', 'alice',"
                        " 1, 1, 0, 'owner', 'public', 'everyone', 1)",
                        ""),
                0);
        assert_int_equal(sql_file_finish(file, BACKUP_APPLICATION_ID), 0);
        close(a.fd);
        a.fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_int_equal(receive(f, &a), 0);
        put_in_place(f, NULL);
        {
                Result q = {};

                assert_int_equal(
                        CALL(f, &q, store_load_channels(f->store, 2, on_channels, &q, NULL)), 0);
                assert_int_equal(q.n_channels, 1);
                assert_true(q.channels[0].went_back && q.channels[0].closed);
                result_done(&q);
        }
        archive_end(&a);
}

/* A file that names two trackers cannot show one and mean the other. */
static void test_which_tracker(void **state) {
        Fixture *f = *state;
        _cleanup_(test_authority_freep) TestAuthority *other = test_authority_new(f->clock);
        char path[PATH_MAX];
        SqlFile *file;
        Archive a = {};

        archive_begin(f, &a);
        snprintf(path, sizeof(path), "%s/two", f->directory);
        for (unsigned n = 0; n <= 2; n++) {
                (void) unlink(path);
                assert_int_equal(sql_file_create(path, store_migrations, 1, goes_on, NULL, &file),
                                 0);
                if (n >= 1)
                        add_tracker(sql_file_get_tx(file), a.authority, "one.example:1");
                if (n >= 2)
                        add_tracker(sql_file_get_tx(file), other, "two.example:2");
                assert_int_equal(sql_file_finish(file, BACKUP_APPLICATION_ID), 0);
                close(a.fd);
                a.fd = open(path, O_RDONLY | O_CLOEXEC);
                assert_int_equal(receive(f, &a), n < 2 ? 0 : -EBADMSG);
                if (n == 2)
                        break;
                assert_string_equal(a.summary.tracker, n == 1 ? "one.example:1" : "");
                assert_string_equal(a.summary.pin, n == 1 ? a.authority->pin : "");
        }
        assert_int_equal(a.failure.code, ERROR_BAD_REQUEST);
        assert_non_null(strstr(a.failure.message, "its tracker"));
        archive_end(&a);
}

/* Who was not to be seen is not, and nothing else is taken for a wish. */
static void test_invisible(void **state) {
        static const struct {
                const char *row;
                int r;
        } table[] = {
                { "'REGISTERED', 'alice', 0", 0 },        { "'REGISTERED', 'alice', 1", 0 },
                { "'REGISTERED', 'alice', 2", -EBADMSG }, { "'REGISTERED', 'alice', -1", -EBADMSG },
                { "'GUEST', 'guest-gus', 0", 0 },         { "'GUEST', 'guest-gus', 1", -EBADMSG },
        };
        Fixture *f = *state;
        char path[PATH_MAX], query[160];
        unsigned version = 0;
        SqlFile *file;
        Archive a = {};

        archive_begin(f, &a);
        snprintf(path, sizeof(path), "%s/wish", f->directory);
        while (store_migrations[version])
                version++;
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                (void) unlink(path);
                assert_int_equal(
                        sql_file_create(path, store_migrations, version, goes_on, NULL, &file), 0);
                add_tracker(sql_file_get_tx(file), a.authority, "localhost:1");
                snprintf(query, sizeof(query),
                         "INSERT INTO identity (tracker_id, user_type, username, invisible)"
                         " VALUES (?, %s)",
                         table[i].row);
                assert_int_equal(
                        sql_run(sql_file_get_tx(file), query, "s", a.authority->tracker_id), 0);
                assert_int_equal(sql_file_finish(file, BACKUP_APPLICATION_ID), 0);
                close(a.fd);
                a.fd = open(path, O_RDONLY | O_CLOEXEC);
                assert_int_equal(receive(f, &a), table[i].r);
        }
        archive_end(&a);
}

static void test_stopped(void **state) {
        Fixture *f = *state;
        Archive a = {};

        archive_begin(f, &a);
        fill(f, &a, false);
        assert_int_equal(back_up(f, &a), 0);
        pulse_stop(a.pulse);
        assert_int_equal(receive(f, &a), -ECANCELED);
        assert_int_equal(a.failure.code, ERROR_CANCELLED);
        assert_int_equal(back_up(f, &a), -ECANCELED);
        assert_int_equal(a.failure.code, ERROR_CANCELLED);
        assert_int_equal(count_files(f), 0);
        archive_end(&a);
}

/* Who signs in between the check and the swap is not thrown out. */
static void test_somebody_was_faster(void **state) {
        Fixture *f = *state;
        char aside[PATH_MAX];
        Archive a = {};
        Result q = {};

        archive_begin(f, &a);
        fill(f, &a, true);
        assert_int_equal(back_up(f, &a), 0);
        assert_int_equal(receive(f, &a), 0);
        snprintf(aside, sizeof(aside), "%s/" STORE_ASIDE "now", f->directory);
        assert_int_equal(
                CALL(f, &q, store_replace(f->store, f->directory, aside, on_done, &q, NULL)),
                -EISCONN);
        assert_int_equal(CALL(f, &q, store_load(f->store, on_loaded, &q, NULL)), 0);
        assert_true(q.has_identity);
        assert_int_equal(access(aside, F_OK), -1);
        result_done(&q);
        archive_end(&a);
}

static void put(const Fixture *f, const char *name) {
        char path[PATH_MAX];
        FILE *out;

        snprintf(path, sizeof(path), "%s/%s", f->directory, name);
        out = fopen(path, "we");
        assert_non_null(out);
        fclose(out);
}

static void test_what_a_crash_left(void **state) {
        Fixture *f = *state;
        char same[PATH_MAX], other[PATH_MAX];
        struct stat st;
        Archive a = {};

        archive_begin(f, &a);
        fill(f, &a, false);
        put(f, BACKUP_FILE);
        put(f, RESTORE_RECEIVED);
        put(f, RESTORE_FILE);
        put(f, STORE_ASIDE "other");
        snprintf(same, sizeof(same), "%s/" STORE_ASIDE "same", f->directory);
        snprintf(other, sizeof(other), "%s/" STORE_ASIDE "other", f->directory);
        assert_int_equal(link(f->path, same), 0); /* named, and not yet replaced */
        store_sweep(f->directory);
        assert_int_equal(count_files(f), 0);
        assert_int_equal(access(same, F_OK), -1);
        assert_int_equal(access(other, F_OK), 0);
        assert_int_equal(stat(f->path, &st), 0);
        assert_int_equal(st.st_nlink, 1);
        archive_end(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_there_and_back, setup, teardown),
                cmocka_unit_test_setup_teardown(test_put_there_by_hand, setup_on_threads, teardown),
                cmocka_unit_test_setup_teardown(test_an_older_backup, setup_on_threads, teardown),
                cmocka_unit_test_setup_teardown(test_which_tracker, setup, teardown),
                cmocka_unit_test_setup_teardown(test_invisible, setup, teardown),
                cmocka_unit_test_setup_teardown(test_stopped, setup, teardown),
                cmocka_unit_test_setup_teardown(test_somebody_was_faster, setup_on_threads,
                                                teardown),
                cmocka_unit_test_setup_teardown(test_what_a_crash_left, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
