/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what protocol §4 says about names, leases and changes; leaves the wire to the scenarios.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tracker/directory.h"
#include "wire/limits.h"

#define LEASE (60 * USEC_PER_SEC)
#define REAL (UINT64_C(1767225600) * USEC_PER_SEC)
#define ID_LOBBY "11111111-2222-4333-8444-555555555555"
#define ID_OTHER "99999999-2222-4333-8444-555555555555"
#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* A request of alice's first device for lobby, before what a test changes about it. */
static HostRequest request(void) {
        return (HostRequest){
                .owner = "alice",
                .key = KEY_A,
                .channel_name = "lobby",
                .channel_id = ID_LOBBY,
                .topic = "hello",
                .epoch = 1,
                .last_seq = 10,
                .members = 2,
        };
}

/* Plans and does: the error, or ERROR_NONE with the epoch. */
static ErrorCode host(Directory *d, HostRequest q, uint64_t now, uint64_t *ret_epoch,
                      Failure *ret_failure) {
        ChannelRecord record;
        Failure failure = { 0 };

        if (directory_plan_host(d, &q, now, REAL + now, &record, &failure) < 0) {
                if (ret_failure)
                        *ret_failure = failure;
                return failure.code;
        }
        if (ret_epoch)
                *ret_epoch = record.entry.epoch;
        assert_int_equal(directory_put(d, &record, now), 0);
        return ERROR_NONE;
}

static Directory *with_lobby(void) {
        Directory *d;
        uint64_t epoch;

        assert_int_equal(directory_new(100, LEASE, &d), 0);
        assert_int_equal(host(d, request(), 1, &epoch, NULL), ERROR_NONE);
        assert_int_equal(epoch, 1);
        return d;
}

static void test_host(void **state) {
        static const struct {
                const char *what;
                const char *owner, *key, *name, *id; /* NULL: as in request() */
                bool take_over, lapsed, forgotten;
                uint64_t epoch, last_seq; /* 0: as in request() */
                ErrorCode error;
                uint64_t got_epoch;
        } table[] = {
                { .what = "the same again", .got_epoch = 1 },
                { .what = "the same key, an older epoch", .epoch = 0, .got_epoch = 1 },
                { .what = "the same key, a higher epoch", .epoch = 7, .got_epoch = 7 },
                { .what = "further on", .last_seq = 11, .got_epoch = 1 },
                { .what = "a log that went back", .last_seq = 9, .error = ERROR_STALE_EPOCH },
                { .what = "another owner's name",
                  .owner = "bob",
                  .key = KEY_B,
                  .id = ID_OTHER,
                  .error = ERROR_CHANNEL_EXISTS },
                { .what = "another id under the name",
                  .id = ID_OTHER,
                  .error = ERROR_CHANNEL_EXISTS },
                { .what = "the id under another name", .name = "hall", .error = ERROR_CONFLICT },
                { .what = "the id of another owner",
                  .owner = "bob",
                  .key = KEY_B,
                  .error = ERROR_CONFLICT },
                { .what = "the other device", .key = KEY_B, .error = ERROR_CONFLICT },
                { .what = "the other device takes over",
                  .key = KEY_B,
                  .take_over = true,
                  .got_epoch = 2 },
                { .what = "the other device takes over with an older log",
                  .key = KEY_B,
                  .take_over = true,
                  .last_seq = 9,
                  .error = ERROR_STALE_EPOCH },
                { .what = "the other device after the lapse",
                  .key = KEY_B,
                  .lapsed = true,
                  .got_epoch = 2 },
                { .what = "the same device after the lapse", .lapsed = true, .got_epoch = 1 },
                { .what = "anybody after forget",
                  .owner = "bob",
                  .key = KEY_B,
                  .id = ID_OTHER,
                  .forgotten = true,
                  .got_epoch = 1 },
                { .what = "no epoch is left",
                  .key = KEY_B,
                  .take_over = true,
                  .epoch = NUMBER_MAX,
                  .error = ERROR_BAD_REQUEST },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(directory_freep) Directory *d = with_lobby();
                HostRequest q = request();
                uint64_t now = 2 * USEC_PER_SEC, epoch = 0;
                Failure failure = { 0 };

                q.owner = table[i].owner ?: q.owner;
                q.key = table[i].key ?: q.key;
                q.channel_name = table[i].name ?: q.channel_name;
                q.channel_id = table[i].id ?: q.channel_id;
                q.take_over = table[i].take_over;
                q.epoch = table[i].epoch ?: q.epoch;
                q.last_seq = table[i].last_seq ?: q.last_seq;
                if (table[i].lapsed) {
                        now = LEASE + 1;
                        assert_non_null(directory_lapse(d, now, REAL + now));
                }
                if (table[i].forgotten)
                        directory_remove(d, "lobby");

                if (host(d, q, now, &epoch, &failure) != table[i].error ||
                    epoch != table[i].got_epoch)
                        fail_msg("%s: error %d, epoch %d", table[i].what, failure.code,
                                 (int) epoch);
                if (table[i].error == ERROR_STALE_EPOCH) {
                        assert_int_equal(failure.last_seq, 10);
                        assert_int_equal(failure.epoch, 1);
                }
                if (table[i].key && table[i].error == ERROR_CONFLICT && !table[i].owner)
                        assert_int_equal(failure.holder_until, REAL + 1 + LEASE);
        }
}

static ErrorCode host_numbered(Directory *d, unsigned i, const char *owner, Failure *failure) {
        HostRequest q = request();
        char name[NAME_SIZE], id[UUID_STRING_SIZE];

        snprintf(name, sizeof(name), "c%u", i);
        snprintf(id, sizeof(id), "%08u-2222-4333-8444-555555555555", i);
        q.owner = owner;
        q.channel_name = name;
        q.channel_id = id;
        return host(d, q, 2, NULL, failure);
}

static void test_one_owner_has_so_many(void **state) {
        _cleanup_(directory_freep) Directory *d = with_lobby();
        Failure failure = { 0 };

        for (unsigned i = 1; i < 1000; i++)
                assert_int_equal(host_numbered(d, i, "alice", NULL), ERROR_NONE);
        assert_int_equal(host_numbered(d, 0, "alice", &failure), ERROR_RATE_LIMITED);
        assert_true(failure.retry_after_ms > 0);
        assert_int_equal(host_numbered(d, 7, "alice", NULL), ERROR_NONE);
        assert_int_equal(host_numbered(d, 0, "bob", NULL), ERROR_NONE);
        directory_remove(d, "c0");
        assert_int_equal(host_numbered(d, 0, "alice", NULL), ERROR_RATE_LIMITED);
        directory_remove(d, "lobby");
        assert_int_equal(host_numbered(d, 0, "alice", NULL), ERROR_NONE);
}

/* Names that come and go leave the count of ids that were given up alone. */
static void test_one_owner_begins_so_many_logs_anew(void **state) {
        _cleanup_(directory_freep) Directory *d = with_lobby();
        char ids[2][UUID_STRING_SIZE] = { ID_LOBBY };
        HostRequest q = request();
        Failure failure;

        q.last_seq = 0;
        for (unsigned i = 1; i <= 1000; i++) {
                snprintf(ids[i % 2], UUID_STRING_SIZE, "11111111-2222-4333-8444-%012u", i);
                q.channel_id = ids[i % 2];
                q.previous = ids[(i + 1) % 2];
                assert_int_equal(host(d, q, 1, NULL, NULL), ERROR_NONE);
                assert_non_null(directory_get_retired(d, q.previous));
        }
        q.previous = q.channel_id;
        q.channel_id = ID_OTHER;
        assert_int_equal(host(d, q, 1, NULL, &failure), ERROR_RATE_LIMITED);
        assert_true(failure.retry_after_ms > 0);
        directory_remove(d, "lobby");
        q.channel_id = ID_LOBBY;
        assert_int_equal(host(d, q, 1, NULL, &failure), ERROR_STALE_EPOCH);
        q.channel_id = ID_OTHER;
        assert_int_equal(host(d, q, 1, NULL, NULL), ERROR_NONE);
        q.channel_id = "99999999-2222-4333-8444-555555555556";
        q.previous = ID_OTHER;
        assert_int_equal(host(d, q, 1, NULL, NULL), ERROR_RATE_LIMITED);
}

static void test_heartbeat(void **state) {
        static const struct {
                const char *name, *owner, *key;
                uint64_t epoch;
                bool lapsed, unhosted;
                ErrorCode error;
                bool revived;
        } table[] = {
                { .error = ERROR_NONE },
                { .name = "hall", .error = ERROR_NO_SUCH_CHANNEL },
                { .owner = "bob", .error = ERROR_CHANNEL_EXISTS },
                { .key = KEY_B, .error = ERROR_STALE_EPOCH },
                { .epoch = 2, .error = ERROR_STALE_EPOCH },
                { .lapsed = true, .error = ERROR_NONE, .revived = true },
                { .unhosted = true, .error = ERROR_STALE_EPOCH },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(directory_freep) Directory *d = with_lobby();
                HostRequest q = request();
                bool revived, progress;
                uint64_t now = 30 * USEC_PER_SEC;

                q.channel_name = table[i].name ?: q.channel_name;
                q.owner = table[i].owner ?: q.owner;
                q.key = table[i].key ?: q.key;
                q.epoch = table[i].epoch ?: q.epoch;
                q.last_seq = 20;
                if (table[i].lapsed) {
                        now = LEASE + 1;
                        assert_non_null(directory_lapse(d, now, REAL));
                }
                if (table[i].unhosted)
                        directory_unhost(d, "lobby", REAL);
                assert_int_equal(directory_heartbeat(d, &q, now, REAL, &revived, &progress),
                                 table[i].error);
                assert_int_equal(revived, table[i].revived);
                assert_int_equal(progress, table[i].error == ERROR_NONE);
                if (table[i].error == ERROR_NONE) {
                        assert_int_equal(directory_next_lapse(d), now + LEASE);
                        assert_true(directory_get(d, "lobby")->entry.online);
                        /* Never back, whatever a later beat says, and wanting to be stored until
                         * it is: by this device, not by an earlier epoch. */
                        q.last_seq = 15;
                        for (unsigned k = 0; k < 5; k++) {
                                assert_int_equal(
                                        directory_heartbeat(d, &q, now, REAL, &revived, &progress),
                                        ERROR_NONE);
                                assert_int_equal(progress, k < 4);
                                directory_set_stored(d, "lobby", k == 0 ? KEY_B : KEY_A,
                                                     k == 1 ? 2 : 1, k == 2 ? 19 : 20);
                        }
                        assert_int_equal(directory_get(d, "lobby")->entry.last_seq, 20);
                }
        }
}

/* Many channels, each lease renewed at its own time: each lapses then and not before. */
static void test_lapse_order(void **state) {
        _cleanup_(directory_freep) Directory *d = NULL;
        char names[50][NAME_SIZE], ids[50][UUID_STRING_SIZE];
        size_t n = 0;

        assert_int_equal(directory_new(0, LEASE, &d), 0);
        for (unsigned i = 0; i < 50; i++) {
                HostRequest q = request();

                snprintf(names[i], sizeof(names[i]), "c%u", i);
                snprintf(ids[i], sizeof(ids[i]), "%08u-2222-4333-8444-555555555555", i);
                q.channel_name = names[i];
                q.channel_id = ids[i];
                assert_int_equal(host(d, q, 1000 + i, NULL, NULL), ERROR_NONE);
        }
        for (unsigned i = 0; i < 50; i += 2) {
                HostRequest q = request();
                bool revived, progress;

                q.channel_name = names[i];
                assert_int_equal(directory_heartbeat(d, &q, 5000 + i, REAL, &revived, &progress),
                                 ERROR_NONE);
        }
        assert_int_equal(directory_count_online(d), 50);
        for (;;) {
                uint64_t next = directory_next_lapse(d);
                const ChannelRecord *c;
                unsigned i;

                if (next == UINT64_MAX)
                        break;
                assert_null(directory_lapse(d, next - 1, REAL));
                c = directory_lapse(d, next, REAL + next);
                assert_non_null(c);
                i = (unsigned) atoi(c->entry.channel_name + 1);
                assert_int_equal(next, (i % 2 == 0 ? 5000 + i : 1000 + i) + LEASE);
                assert_false(c->entry.online);
                assert_int_equal(c->entry.since, REAL + next);
                n++;
        }
        assert_int_equal(n, 50);
        assert_int_equal(directory_count(d), 50);
        assert_int_equal(directory_count_online(d), 0);
}

static void test_byte_order(void **state) {
        static const char *const sorted[] = { "0a", "a-b", "a.b", "a0", "a_b", "aa", "ab", "z9" };
        _cleanup_(directory_freep) Directory *d = NULL;
        const ChannelRecord *c;
        const char *after = "";

        assert_int_equal(directory_new(0, LEASE, &d), 0);
        for (size_t i = 0; i < ELEMENTSOF(sorted); i++) {
                HostRequest q = request();
                char id[UUID_STRING_SIZE];
                size_t k = i * 3 % ELEMENTSOF(sorted); /* in no order */

                snprintf(id, sizeof(id), "%08zu-2222-4333-8444-555555555555", k);
                q.channel_name = sorted[k];
                q.channel_id = id;
                assert_int_equal(host(d, q, 1, NULL, NULL), ERROR_NONE);
        }
        for (size_t i = 0; i < ELEMENTSOF(sorted); i++) {
                c = directory_after(d, after);
                assert_non_null(c);
                assert_string_equal(c->entry.channel_name, sorted[i]);
                after = c->entry.channel_name;
        }
        assert_null(directory_after(d, after));
        assert_string_equal(directory_after(d, "a/")->entry.channel_name, "a0");
}

static void expect_changes(const Directory *d, uint64_t since, const char *expected) {
        char got[256] = "";

        for (const DirectoryNode *n = directory_first_change(d, since); n;
             n = directory_next_change(n)) {
                if (got[0])
                        strcat(got, " ");
                strcat(got, directory_node_get_record(n) ? "+" : "-");
                strcat(got, directory_node_get_name(n));
        }
        assert_string_equal(got, expected);
}

static void test_changes(void **state) {
        _cleanup_(directory_freep) Directory *d = with_lobby();
        HostRequest q = request(), hall = request();
        bool revived, progress, restricted = true;
        uint64_t g;

        hall.channel_name = "hall";
        hall.channel_id = ID_OTHER;
        expect_changes(d, 100, "+lobby");
        g = directory_get_generation(d);
        expect_changes(d, g, "");

        /* What nobody would see is no change; what only counts is one when it is published. */
        assert_int_equal(host(d, q, 5, NULL, NULL), ERROR_NONE);
        assert_int_equal(directory_set_view(d, "lobby", NULL, "hello"), 0);
        assert_int_equal(directory_get_generation(d), g);
        q.members = 3;
        assert_int_equal(directory_heartbeat(d, &q, 6, REAL, &revived, &progress), ERROR_NONE);
        assert_int_equal(directory_get_generation(d), g);
        assert_true(directory_publish_counts(d));
        assert_false(directory_publish_counts(d));
        expect_changes(d, g, "+lobby");

        g = directory_get_generation(d);
        assert_int_equal(host(d, hall, 7, NULL, NULL), ERROR_NONE);
        assert_int_equal(directory_set_view(d, "lobby", &restricted, NULL), 0);
        expect_changes(d, g, "+hall +lobby");
        assert_int_equal(directory_set_view(d, "hall", NULL, "news"), 0);
        expect_changes(d, g, "+lobby +hall");
        directory_remove(d, "lobby");
        expect_changes(d, g, "+hall -lobby");
        assert_null(directory_get(d, "lobby"));

        /* A name that is back is listed once, as what it is now. */
        q.owner = "bob";
        assert_int_equal(host(d, q, 8, NULL, NULL), ERROR_NONE);
        expect_changes(d, g, "+hall +lobby");

        assert_true(directory_knows_since(d, 100));
        assert_false(directory_knows_since(d, 99));
        assert_false(directory_knows_since(d, directory_get_generation(d) + 1));
}

/* That somebody came or went, or that there is another topic, would be seen as well where it was
 * told without saying what. */
static void test_restricted_changes(void **state) {
        _cleanup_(directory_freep) Directory *d = with_lobby();
        HostRequest q = request();
        bool revived, progress, restricted = true;
        uint64_t g;

        assert_int_equal(directory_set_view(d, "lobby", &restricted, NULL), 0);
        g = directory_get_generation(d);
        assert_int_equal(directory_set_view(d, "lobby", NULL, "plans"), 0);
        q.members = 4;
        assert_int_equal(directory_heartbeat(d, &q, 6, REAL, &revived, &progress), ERROR_NONE);
        q.members = 5;
        q.restricted = true;
        q.topic = "plans two";
        assert_int_equal(host(d, q, 7, NULL, NULL), ERROR_NONE);
        assert_false(directory_publish_counts(d));
        expect_changes(d, g, "");

        q.last_seq++;
        assert_int_equal(directory_heartbeat(d, &q, 8, REAL, &revived, &progress), ERROR_NONE);
        assert_true(directory_publish_counts(d));
        expect_changes(d, g, "+lobby");
        g = directory_get_generation(d);
        restricted = false;
        assert_int_equal(directory_set_view(d, "lobby", &restricted, NULL), 0);
        expect_changes(d, g, "+lobby");
        assert_string_equal(directory_get(d, "lobby")->entry.topic, "plans two");
        assert_int_equal(directory_get(d, "lobby")->entry.members, 5);
}

/* Removals are forgotten after a while; who was away for longer is told to LIST again. */
static void test_tombstones(void **state) {
        _cleanup_(directory_freep) Directory *d = with_lobby();
        uint64_t g = directory_get_generation(d);
        size_t n = 0;

        for (unsigned i = 0; i < 1500; i++) {
                HostRequest q = request();
                char name[NAME_SIZE];

                snprintf(name, sizeof(name), "c%u", i);
                q.channel_name = name;
                q.channel_id = ID_OTHER;
                assert_int_equal(host(d, q, 1, NULL, NULL), ERROR_NONE);
                directory_remove(d, name);
        }
        assert_false(directory_knows_since(d, g));
        for (const DirectoryNode *x = directory_first_change(d, g); x; x = directory_next_change(x))
                n++;
        assert_int_equal(n, 1000);
        assert_int_equal(directory_count(d), 1);
}

static void test_matches(void **state) {
        static const struct {
                const char *query;
                bool restricted, only_online, matches;
        } table[] = {
                { .query = NULL, .matches = true },
                { .query = "", .matches = true },
                { .query = "OBB", .matches = true },
                { .query = "eLL", .matches = true },
                { .query = "nothing", .matches = false },
                { .query = "LOBBY", .matches = true },
                { .query = "lobby.", .matches = false },
                { .query = "@ELLO", .matches = false },
                { .query = "[ello", .matches = false },
                { .query = "ell", .restricted = true, .matches = false },
                { .query = "lob", .restricted = true, .matches = true },
                { .query = "lob", .only_online = true, .matches = false },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(directory_freep) Directory *d = with_lobby();

                directory_set_view(d, "lobby", &table[i].restricted, NULL);
                directory_unhost(d, "lobby", REAL);
                assert_int_equal(channel_record_matches(directory_get(d, "lobby"), table[i].query,
                                                        table[i].only_online),
                                 table[i].matches);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_host),
                cmocka_unit_test(test_heartbeat),
                cmocka_unit_test(test_lapse_order),
                cmocka_unit_test(test_byte_order),
                cmocka_unit_test(test_changes),
                cmocka_unit_test(test_restricted_changes),
                cmocka_unit_test(test_tombstones),
                cmocka_unit_test(test_matches),
                cmocka_unit_test(test_one_owner_has_so_many),
                cmocka_unit_test(test_one_owner_begins_so_many_logs_anew),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
