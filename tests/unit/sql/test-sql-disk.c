/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of requests when the disk fails or loses power at any of the operations that they
 * need: those that were called done are there, and one database takes another's place whole. The
 * disk itself is tested first, and that one that lies is found out. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "sql/file.h"
#include "sql/sql-internal.h"
#include "support/fault-vfs.h"
#include "unit/sql/sql-fixture.h"

#define N_ITEMS 12
#define OPERATIONS_MAX 2000
#define N_SEEDS 3 /* 0: nothing but what was synced */

static bool goes_on(void *userdata) {
        return true;
}

/* ---- the disk ---- */

static void put(const char *directory, const char *name, const char *text, bool is_synced) {
        char path[PATH_MAX];
        int fd;

        snprintf(path, sizeof(path), "%s/%s", directory, name);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        if (is_synced)
                assert_int_equal(fsync(fd), 0);
        close(fd);
}

static void sync_folder(const char *directory) {
        int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(fsync(fd), 0);
        close(fd);
}

/* NULL: there is no such file. */
static const char *get(const char *directory, const char *name, char ret[static 80]) {
        char path[PATH_MAX];
        ssize_t n;
        int fd;

        snprintf(path, sizeof(path), "%s/%s", directory, name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return NULL;
        n = read(fd, ret, 79);
        assert_true(n >= 0);
        ret[n] = '\0';
        close(fd);
        return ret;
}

static void a_disk_forgets(void **state) {
        Fixture *f = *state;
        FaultDisk *d;
        char text[80], a[PATH_MAX], b[PATH_MAX + 8];

        put(f->root, "a", "before", false);
        d = fault_disk_new(f->root);
        put(f->root, "a", "AFTER!", false);
        put(f->root, "b", "named, not written", false);
        put(f->root, "c", "named and written", true);
        sync_folder(f->root);
        put(f->root, "d", "written, not named", true);
        snprintf(a, sizeof(a), "%s/c", f->root);
        snprintf(b, sizeof(b), "%s/e", f->root);
        assert_int_equal(rename(a, b), 0);
        fault_disk_reboot(d, 0);
        assert_string_equal(get(f->root, "a", text), "before");
        assert_string_equal(get(f->root, "b", text), "");
        assert_string_equal(get(f->root, "c", text), "named and written");
        assert_null(get(f->root, "d", text));
        assert_null(get(f->root, "e", text));

        assert_int_equal(link(a, b), 0);
        sync_folder(f->root);
        assert_int_equal(unlink(a), 0);
        fault_disk_reboot(d, 0);
        assert_string_equal(get(f->root, "c", text), "named and written");
        assert_string_equal(get(f->root, "e", text), "named and written");

        fault_disk_set_lying(d, true);
        put(f->root, "g", "lost", true);
        sync_folder(f->root);
        fault_disk_reboot(d, 0);
        assert_null(get(f->root, "g", text));
        fault_disk_free(d);
}

static void a_disk_remembers_some(void **state) {
        Fixture *f = *state;
        FaultDisk *d = fault_disk_new(f->root);
        unsigned n_old = 0, n_new = 0, n_torn = 0;

        for (uint64_t seed = 1; seed <= 60; seed++) {
                char old[1025] = { 0 }, new[1025] = { 0 }, found[1025] = { 0 }, path[PATH_MAX];
                int fd;

                memset(old, 'o', 1024);
                memset(new, 'n', 1024);
                put(f->root, "a", old, true);
                sync_folder(f->root);
                put(f->root, "a", new, false);
                fault_disk_reboot(d, seed);
                snprintf(path, sizeof(path), "%s/a", f->root);
                fd = open(path, O_RDONLY | O_CLOEXEC);
                assert_int_equal(read(fd, found, 1024), 1024);
                close(fd);
                n_old += streq(found, old);
                n_new += streq(found, new);
                n_torn += found[0] != found[1023];
        }
        /* Written past SQLite, all of it is one change. */
        assert_true(n_old > 0 && n_new > 0);
        assert_int_equal(n_old + n_new + n_torn, 60);
        fault_disk_free(d);
}

/* ---- requests ---- */

typedef struct Run {
        Fixture *f;
        FaultDisk *disk;
        bool was_told[N_ITEMS + 1]; /* that it is stored */
        bool stops;                 /* at the first failure */
} Run;

static void setup_run(Run *run, Fixture *f) {
        *run = (Run){ .f = f, .disk = fault_disk_new(f->root) };
        f->n_freed = f->n_done = 0;
}

/* Several a batch, and readers between; what is deleted is cut out of the WAL at once. */
static int add_and_forget(SqlTx *tx, Item *item) {
        if (item->number % 5 == 0)
                sql_forget(tx);
        return insert(tx, item);
}

static void ask(Run *run) {
        static char text[9000];
        Fixture *f = run->f;

        memset(text, 'x', sizeof(text) - 1);
        for (unsigned n = 1; n <= N_ITEMS && !fault_disk_is_off(run->disk);) {
                Item items[3];
                unsigned n_freed = f->n_freed, first = n;

                f->n_done = 0;
                for (unsigned i = 0; i < 1 + first % 3 && n <= N_ITEMS; i++) {
                        items[i] = (Item){
                                .fixture = f, .number = n++, .text = text, .work = add_and_forget
                        };
                        write_item(f, &items[i], NULL);
                }
                while (f->n_freed < n_freed + (n - first) && !fault_disk_is_off(run->disk))
                        assert_true(sd_event_run(f->rt.event, 10 * USEC_PER_SEC) > 0);
                for (unsigned i = 0; i < f->n_done; i++)
                        run->was_told[f->order[i]] = f->results[i] == 0;
                if (fault_disk_is_off(run->disk)) {
                        f->sql = sql_free(f->sql); /* before what it was asked with is gone */
                        return;
                }
                f->n_done = 0;
                if (run->stops && fault_disk_has_struck(run->disk))
                        return;
                (void) one(f, false, count, 0);
        }
}

static int find(SqlTx *tx, Item *item) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "SELECT length(text) FROM item WHERE n = ?", "i", &stmt,
                        (int) item->number);
        return r < 0 ? r : sql_step(stmt);
}

/* The number of what is missing; 0: nothing. -1: it cannot even be read. */
static int look(Run *run) {
        run->f->n_freed = run->f->n_done = 0;
        for (unsigned n = 1; n <= N_ITEMS; n++) {
                int r = one(run->f, false, find, n);

                if (r < 0)
                        return -1;
                if (run->was_told[n] && r == 0)
                        return (int) n;
        }
        return 0;
}

static void start_anew(Run *run) {
        DIR *dir = opendir(run->f->root);
        struct dirent *e;

        fault_disk_free(run->disk);
        assert_non_null(dir);
        while ((e = readdir(dir)))
                if (e->d_name[0] != '.')
                        assert_int_equal(unlinkat(dirfd(dir), e->d_name, 0), 0);
        closedir(dir);
}

static void nth_operation_fails(void **state) {
        static const int errors[] = { EIO, ENOSPC };
        unsigned n_struck = 0;

        for (unsigned kind = 0; kind < 2 * ELEMENTSOF(errors); kind++) {
                bool is_over = false;

                for (uint64_t n = 1; !is_over; n++) {
                        int lost;
                        Run run;

                        assert_true(n < OPERATIONS_MAX);
                        setup_run(&run, *state);
                        fault_disk_plan(run.disk, &(FaultPlan){ .ops = FAULT_CHANGES,
                                                                .at = n,
                                                                .error = errors[kind / 2],
                                                                .lasts = kind % 2 });
                        open_sql(run.f);
                        ask(&run);
                        is_over = !fault_disk_has_struck(run.disk);
                        fault_disk_heal(run.disk);
                        lost = look(&run);
                        if (lost != 0)
                                fail_msg("%s %" PRIu64 " (%s): %d is lost",
                                         strerror(errors[kind / 2]), n,
                                         fault_disk_get_struck(run.disk), lost);
                        /* It goes on, and what it says then is true after a power loss, too. */
                        run.f->n_freed = run.f->n_done = 0;
                        for (unsigned i = 1; i <= N_ITEMS; i++) {
                                int r = one(run.f, true, insert, i);

                                if (r != (run.was_told[i] ? -EEXIST : 0))
                                        fail_msg("%s %" PRIu64 " (%s): %u: %s",
                                                 strerror(errors[kind / 2]), n,
                                                 fault_disk_get_struck(run.disk), i, strerror(-r));
                                run.was_told[i] = true;
                        }
                        run.f->sql = sql_free(run.f->sql);
                        fault_disk_reboot(run.disk, 0);
                        open_sql(run.f);
                        lost = look(&run);
                        if (lost != 0)
                                fail_msg("%s %" PRIu64 " (%s): %d is lost later",
                                         strerror(errors[kind / 2]), n,
                                         fault_disk_get_struck(run.disk), lost);
                        run.f->sql = sql_free(run.f->sql);
                        start_anew(&run);
                        n_struck += !is_over;
                }
        }
        print_message("%u faults\n", n_struck);
        assert_true(n_struck > 100);
}

/* A commit that failed may be whole in the WAL: it is not there when the file is opened anew. */
static void what_was_refused_stays_so(void **state) {
        bool is_over = false;

        for (uint64_t n = 1; !is_over; n++) {
                Run run;

                assert_true(n < OPERATIONS_MAX);
                setup_run(&run, *state);
                run.stops = true;
                open_sql(run.f);
                assert_int_equal(one(run.f, true, count, 0), 0);
                fault_disk_plan(
                        run.disk,
                        &(FaultPlan){ .ops = FAULT_CHANGES, .at = n, .error = EIO, .lasts = true });
                ask(&run);
                is_over = !fault_disk_has_struck(run.disk);
                run.f->n_freed = run.f->n_done = 0;
                sql_try_again(run.f->sql);
                (void) one(run.f, true, count, 0);
                fault_disk_heal(run.disk);
                sql_try_again(run.f->sql);
                for (unsigned i = 1; i <= N_ITEMS; i++)
                        if (one(run.f, true, insert, i) != (run.was_told[i] ? -EEXIST : 0))
                                fail_msg("%" PRIu64 " (%s): %u has come back", n,
                                         fault_disk_get_struck(run.disk), i);
                run.f->sql = sql_free(run.f->sql);
                start_anew(&run);
        }
}

/* How often something was lost. */
static unsigned lose_power(Fixture *f, bool is_lying, bool may_lose) {
        unsigned n_lost = 0, n_struck = 0;

        for (uint64_t seed = 0; seed < N_SEEDS; seed++) {
                bool is_over = false;

                for (uint64_t n = 1; !is_over; n++) {
                        Run run;
                        int lost;

                        assert_true(n < OPERATIONS_MAX);
                        setup_run(&run, f);
                        fault_disk_set_lying(run.disk, is_lying);
                        fault_disk_plan(run.disk, &(FaultPlan){ .ops = FAULT_CHANGES,
                                                                .at = n,
                                                                .error = FAULT_POWER });
                        open_sql(run.f);
                        ask(&run);
                        is_over = !fault_disk_is_off(run.disk);
                        f->sql = sql_free(f->sql);
                        fault_disk_reboot(run.disk, seed > 0 ? seed * 1000 + n : 0);
                        open_sql(run.f);
                        lost = look(&run);
                        if (lost != 0 && !may_lose)
                                fail_msg("power loss at %" PRIu64 ", seed %" PRIu64 ": %d is lost",
                                         n, seed, lost);
                        n_lost += lost != 0;
                        n_struck += !is_over;
                        f->sql = sql_free(f->sql);
                        start_anew(&run);
                }
        }
        print_message("%u power losses, %u with losses\n", n_struck, n_lost);
        assert_true(n_struck > 100);
        return n_lost;
}

static void power_is_lost(void **state) {
        (void) lose_power(*state, false, false);
}

/* synchronous=OFF is that to a file. */
static void a_lying_disk_is_found_out(void **state) {
        assert_true(lose_power(*state, true, true) > 50);
}

/* ---- one takes another's place ---- */

static void path_of(const Fixture *f, const char *name, char ret[static PATH_MAX]) {
        snprintf(ret, PATH_MAX, "%s/%s", f->root, name);
}

static void make(Fixture *f, const char *name, int n) {
        SqlFile *file;
        char path[PATH_MAX];

        path_of(f, name, path);
        assert_int_equal(sql_file_create(path, migrations, 2, goes_on, NULL, &file), 0);
        for (int i = 0; i < n; i++)
                assert_int_equal(sql_run(sql_file_get_tx(file), "INSERT INTO item (n) VALUES (?)",
                                         "i", 100 + i),
                                 0);
        assert_int_equal(sql_file_finish(file, 7), 0);
}

static void on_replaced(int r, void *request, void *userdata) {
        *(int *) request = r;
}

static int may_replace(SqlTx *tx, void *request) {
        return 0;
}

static int count_in(const char *path) {
        SqlFile *file;
        int n;

        assert_int_equal(sql_file_open(path, goes_on, NULL, &file), 0);
        n = count(sql_file_get_tx(file), NULL);
        sql_file_free(file);
        return n;
}

/* 3 before, 5 after. At whatever operation the power goes or the disk fails: one of the two, whole,
 * and the one that was called done. */
static void replace_at_every_step(Fixture *f, int error, uint64_t seeds) {
        unsigned n_old = 0, n_new = 0;

        for (uint64_t seed = 0; seed < seeds; seed++) {
                bool is_over = false;

                for (uint64_t n = 1; !is_over; n++) {
                        char with[PATH_MAX], aside[PATH_MAX + 8];
                        struct stat st;
                        int result = 1, found;
                        Run run;

                        assert_true(n < OPERATIONS_MAX);
                        setup_run(&run, f);
                        open_sql(f);
                        for (unsigned i = 1; i <= 3; i++)
                                assert_int_equal(one(f, true, insert, i), 0);
                        make(f, "with", 5);
                        path_of(f, "with", with);
                        path_of(f, "aside", aside);
                        fault_disk_plan(
                                run.disk,
                                &(FaultPlan){ .ops = FAULT_CHANGES, .at = n, .error = error });
                        assert_int_equal(sql_replace(f->sql, with, aside, may_replace, &result,
                                                     NULL, on_replaced, NULL, NULL),
                                         0);
                        while (result == 1 && !fault_disk_is_off(run.disk))
                                assert_true(sd_event_run(f->rt.event, 10 * USEC_PER_SEC) > 0);
                        is_over = !fault_disk_has_struck(run.disk);
                        if (is_over)
                                assert_int_equal(result, 0);
                        f->n_freed = f->n_done = 0;
                        if (error != FAULT_POWER) {
                                found = one(f, true, count, 0);
                                assert_true(found == 3 || found == 5);
                        }
                        f->sql = sql_free(f->sql);
                        fault_disk_reboot(run.disk, seed > 0 ? seed * 1000 + n : 0);
                        open_sql(f);
                        f->n_freed = f->n_done = 0;
                        found = one(f, true, count, 0);
                        if (found != 5 && (found != 3 || result == 0))
                                fail_msg("step %" PRIu64 " (%s), seed %" PRIu64
                                         ": result %d, %d items",
                                         n, fault_disk_get_struck(run.disk), seed, result, found);
                        n_old += found == 3;
                        n_new += found == 5;
                        f->sql = sql_free(f->sql);
                        if (found == 5)
                                assert_int_equal(count_in(aside), 3);
                        else if (stat(aside, &st) == 0)
                                assert_int_equal(st.st_nlink, 2);
                        start_anew(&run);
                }
        }
        assert_true(n_old > 5 && n_new > 0);
}

static void replaced_with_power_loss(void **state) {
        replace_at_every_step(*state, FAULT_POWER, N_SEEDS);
}

static void replaced_on_a_bad_disk(void **state) {
        replace_at_every_step(*state, EIO, 1);
        replace_at_every_step(*state, ENOSPC, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                inline_only(a_disk_forgets),
                inline_only(a_disk_remembers_some),
                inline_only(nth_operation_fails),
                inline_only(what_was_refused_stays_so),
                inline_only(power_is_lost),
                inline_only(a_lying_disk_is_found_out),
                inline_only(replaced_with_power_loss),
                inline_only(replaced_on_a_bad_disk),
        };

        fault_vfs_register();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
