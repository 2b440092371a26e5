/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a tracker tells the journal of people, certificates and the stories of channels, and
 * that a flood is few lines of it whose counts add up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/log-pace.h"
#include "net/listener.h"
#include "scenario/tracker-rig.h"
#include "support/fault-vfs.h"
#include "support/journal.h"
#include "tracker/message-ids.h"

#define ID_LOBBY "11111111-2222-4333-8444-555555555555"

static int setup(void **state) {
        journal_begin();
        return 0;
}

static int teardown(void **state) {
        journal_end();
        return 0;
}

static RigClient *stranger(Rig *rig) {
        RigClient *c = rig_client_new(rig);

        rig_connect(c);
        assert_false(c->is_closed);
        return c;
}

static ErrorCode sign_in(Rig *rig, const char *name, const char *password) {
        _cleanup_(rig_client_freep) RigClient *c = stranger(rig);
        char more[128];

        snprintf(more, sizeof(more), "\"username\":\"%s\",\"password\":\"%s\"", name, password);
        return rig_call_csr(c, "SIGNIN", more);
}

static const char *key_field(const RigClient *c) {
        static char field[16 + KEY_ID_SIZE];

        memcpy(field, "CHAT_KEY=", 10);
        key_get_id(c->key, field + strlen("CHAT_KEY="));
        return field;
}

static void people_come_and_go(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *laptop = NULL;
        _cleanup_free_ char *code = NULL;
        char more[256];
        size_t line;

        rig_start(rig);
        assert_int_equal(journal_find(0, MESSAGE_TRACKER_AUTHORITY_EXPOSED, NULL), SIZE_MAX);
        assert_string_equal(
                journal_get(journal_expect(MESSAGE_TRACKER_AUTHORITY_MADE, NULL), "CHAT_DIRECTORY"),
                rig->directory);

        alice = rig_client_new(rig);
        rig_connect(alice);
        assert_int_equal(
                rig_call_csr(alice, "SIGNUP", "\"username\":\"alice\",\"password\":\"password1\""),
                ERROR_NONE);
        code = strdup(rig_string(alice->payload, "recovery_code"));
        alice->certificate = strdup(rig_string(alice->payload, "certificate"));
        line = journal_expect(MESSAGE_TRACKER_SIGNED_UP, key_field(alice));
        assert_string_equal(journal_get(line, "CHAT_USER"), "alice");
        assert_string_equal(journal_get(line, "CHAT_PEER"), "127.0.0.1");
        line = journal_expect(MESSAGE_TRACKER_CERTIFICATE_ISSUED, key_field(alice));
        assert_string_equal(journal_get(line, "CHAT_UNTIL"), "2026-01-08T00:00:00.000Z");
        assert_string_equal(journal_get(line, "CHAT_USER"), "alice");
        rig_connect(alice);
        assert_int_equal(rig_call_csr(alice, "RENEW", ""), ERROR_NONE);
        assert_true(journal_find(line + 1, MESSAGE_TRACKER_CERTIFICATE_ISSUED, key_field(alice)) !=
                    SIZE_MAX);

        laptop = rig_client_new(rig);
        rig_connect(laptop);
        snprintf(more, sizeof(more),
                 "\"username\":\"alice\",\"recovery_code\":\"%s\",\"new_password\":\"password2\"",
                 code);
        assert_int_equal(rig_call_csr(laptop, "RECOVER", more), ERROR_NONE);
        laptop->certificate = strdup(rig_string(laptop->payload, "certificate"));
        (void) journal_expect(MESSAGE_TRACKER_RECOVERED, key_field(laptop));
        line = journal_expect(MESSAGE_TRACKER_KEYS_REVOKED, key_field(alice));
        assert_string_equal(journal_get(line, "CHAT_USER"), "alice");
        assert_string_equal(journal_get(line, "CHAT_KEYS"), "1");

        /* Who has no certificate any more is told so, and so is the operator. */
        rig_connect(alice);
        assert_true(alice->is_closed);
        test_loop_run(rig->loop, USEC_PER_SEC);
        line = journal_expect(MESSAGE_TRACKER_CERTIFICATE_REFUSED, "CHAT_PEER=127.0.0.1");
        assert_true(journal_get(line, "CHAT_REASON")[0]);
        free(TAKE_PTR(alice->certificate));
        rig_connect(alice);
        assert_int_equal(rig_call_csr(alice, "RENEW", ""), ERROR_REVOKED);
        (void) journal_expect(MESSAGE_TRACKER_CERTIFICATE_REFUSED, "CHAT_REASON=it was revoked");
        assert_int_equal(rig_call(alice, "RENEW", "{\"csr\":\"x\"}"), ERROR_BAD_REQUEST);
        (void) journal_expect(MESSAGE_TRACKER_CERTIFICATE_REFUSED,
                              "CHAT_REASON=its request for one is no good");

        rig_connect(laptop);
        assert_int_equal(rig_call(laptop, "DELETE", "{\"password\":\"password2\"}"), ERROR_NONE);
        (void) journal_expect(MESSAGE_TRACKER_DELETED, "CHAT_USER=alice");
        journal_assert_never("password1", strlen("password1"));
        journal_assert_never("password2", strlen("password2"));
        journal_assert_never(code, strlen(code));
}

/* The name that nobody has may be a password that was typed into the wrong place. */
static void a_name_that_nobody_has_is_not_kept(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL;
        size_t line;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        assert_int_equal(sign_in(rig, "swordfish", "whatever1"), ERROR_BAD_CREDENTIALS);
        line = journal_expect(MESSAGE_TRACKER_SIGN_IN_FAILED, "CHAT_PEER=127.0.0.1");
        assert_string_equal(journal_get(line, "CHAT_USER"), "");
        assert_int_equal(sign_in(rig, "alice", "whatever1"), ERROR_BAD_CREDENTIALS);
        (void) journal_expect(MESSAGE_TRACKER_SIGN_IN_FAILED, "CHAT_USER=alice");
        journal_assert_never("swordfish", strlen("swordfish"));
}

static void ten_thousand_failures_are_few_lines(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *c = NULL;
        unsigned n_wrong = 0, n_throttled = 0;
        size_t lines, more;

        rig->settings.sign_in_failures_per_minute = 60;
        rig_start(rig);
        alice = rig_user(rig, "alice");
        c = stranger(rig);
        for (unsigned i = 0; i < 10000; i++) {
                ErrorCode e = rig_call_csr(c, "SIGNIN",
                                           "\"username\":\"alice\",\"password\":\"wrong-one\"");

                assert_true(e == ERROR_BAD_CREDENTIALS || e == ERROR_RATE_LIMITED);
                n_wrong += e == ERROR_BAD_CREDENTIALS;
                n_throttled += e == ERROR_RATE_LIMITED;
        }
        assert_true(n_wrong > LOG_PACE_EACH && n_throttled > 5000);
        test_loop_run(rig->loop, LOG_PACE_USEC);
        assert_int_equal(journal_sum(MESSAGE_TRACKER_SIGN_IN_FAILED, &lines), n_wrong);
        assert_int_equal(journal_sum(MESSAGE_TRACKER_THROTTLED, &more), n_throttled);
        assert_in_range(lines + more, 2, 50);
        (void) journal_expect(MESSAGE_TRACKER_THROTTLED, "CHAT_LIMIT=SignInFailuresPerMinute");
        assert_true(journal_count() < 200);
}

static void each_limit_has_its_name(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *c = NULL;
        size_t line;

        rig->settings.sign_ups_per_minute = 1;
        rig->settings.sign_ins_per_day = 1;
        rig->settings.whois_misses_per_minute = 1;
        rig_start(rig);
        alice = rig_user(rig, "alice");
        c = stranger(rig);
        assert_int_equal(
                rig_call_csr(c, "SIGNUP", "\"username\":\"bob\",\"password\":\"password1\""),
                ERROR_RATE_LIMITED);
        line = journal_expect(MESSAGE_TRACKER_THROTTLED, "CHAT_LIMIT=SignUpsPerMinute");
        assert_string_equal(journal_get(line, "CHAT_USER"), "");
        assert_int_equal(sign_in(rig, "alice", "password1"), ERROR_NONE);
        assert_int_equal(sign_in(rig, "alice", "password1"), ERROR_RATE_LIMITED);
        line = journal_expect(MESSAGE_TRACKER_THROTTLED, "CHAT_LIMIT=SignInsPerDay");
        assert_string_equal(journal_get(line, "CHAT_USER"), "alice");
        for (unsigned i = 0; i < 2; i++)
                assert_int_equal(rig_call(alice, "WHOIS", "{\"username\":\"nobody\"}"),
                                 i == 0 ? ERROR_NONE : ERROR_RATE_LIMITED);
        (void) journal_expect(MESSAGE_TRACKER_THROTTLED, "CHAT_LIMIT=WhoisMissesPerMinute");
}

/* As many as one source may have, and then 10,000 more. */
static void ten_thousand_connections_are_few_lines(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        int fds[HANDSHAKES_PER_SOURCE_MAX];
        size_t lines, line;

        rig_start(rig);
        for (size_t i = 0; i < ELEMENTSOF(fds) + 10000; i++) {
                int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                struct linger now = { .l_onoff = 1 };

                assert_true(fd >= 0);
                assert_int_equal(connect(fd, &rig->address.sa, rig->address.size), 0);
                test_loop_run(rig->loop, 1);
                if (i < ELEMENTSOF(fds)) {
                        fds[i] = fd;
                        continue;
                }
                (void) setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
                close(fd);
        }
        test_loop_run(rig->loop, LOG_PACE_USEC);
        assert_int_equal(journal_sum(MESSAGE_TRACKER_CONNECTION_REFUSED, &lines), 10000);
        assert_in_range(lines, 2, 2 * (LOG_PACE_EACH + 1));
        line = journal_expect(MESSAGE_TRACKER_CONNECTION_REFUSED, "CHAT_PEER=127.0.0.1");
        assert_string_equal(journal_get(line, "CHAT_LIMIT"), "handshakes of one source");
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                close(fds[i]);
}

static ErrorCode host(RigClient *c, const char *more) {
        return rig_call(c, "HOST",
                        "{\"channel_name\":\"lobby\",\"channel_id\":\"" ID_LOBBY
                        "\",\"addresses\":[],\"view_permission\":\"public\",\"topic\":\"secret "
                        "words\",\"epoch\":1,\"last_seq\":1,\"members\":0%s}",
                        more);
}

static void a_channel_has_a_story(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *copy = NULL;
        _cleanup_free_ char *story = NULL;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        assert_int_equal(host(alice, ""), ERROR_NONE);
        test_loop_run(rig->loop, 5 * USEC_PER_MINUTE); /* it is silent … */
        assert_int_equal(
                rig_call(alice, "HEARTBEAT",
                         "{\"channels\":[{\"channel_name\":\"lobby\",\"epoch\":1,\"last_seq\":1,"
                         "\"members\":0}],\"revocations_after\":0}"),
                ERROR_NONE);
        assert_int_equal(rig_call(alice, "VIEW",
                                  "{\"channel_name\":\"lobby\",\"view_permission\":\"restricted\","
                                  "\"topic\":\"other secret words\"}"),
                         ERROR_NONE);
        assert_int_equal(rig_call(alice, "UNHOST", "{\"channel_name\":\"lobby\",\"forget\":false}"),
                         ERROR_NONE);
        assert_int_equal(rig_call(alice, "UNHOST", "{\"channel_name\":\"lobby\",\"forget\":true}"),
                         ERROR_NONE);
        story = journal_story("CHAT_CHANNEL=lobby");
        assert_string_equal(story, "alice hosts lobby (epoch 1).\n"
                                   "alice was not heard of any more and lost lobby (epoch 1).\n"
                                   "alice again hosts lobby (epoch 1).\n"
                                   "alice restricted lobby (epoch 1).\n"
                                   "alice no longer hosts lobby (epoch 1).\n"
                                   "alice gave up lobby (epoch 1).\n");
        (void) journal_expect(MESSAGE_TRACKER_LEASE_GAINED, key_field(alice));
        (void) journal_expect(MESSAGE_TRACKER_LEASE_LOST, "CHAT_USER=alice");
        (void) journal_expect(MESSAGE_TRACKER_VIEW_CHANGED, "CHAT_USER=alice");
        (void) journal_expect(MESSAGE_TRACKER_UNHOSTED, "CHAT_USER=alice");
        (void) journal_expect(MESSAGE_TRACKER_GIVEN_UP, "CHAT_USER=alice");
        journal_assert_never("secret words", strlen("secret words"));

        /* The same key, once more. */
        copy = rig_client_new(rig);
        key_free(copy->key);
        copy->key = key_ref(alice->key);
        copy->certificate = strdup(alice->certificate);
        assert_int_equal(host(alice, ",\"instance\":\"aaaaaaaa-2222-4333-8444-555555555555\""),
                         ERROR_NONE);
        rig_connect(copy);
        assert_int_equal(host(copy, ",\"instance\":\"bbbbbbbb-2222-4333-8444-555555555555\""),
                         ERROR_NONE);
        (void) journal_expect(MESSAGE_TRACKER_HOST_REPLACED, "CHAT_USER=alice");
}

static void the_disk_has_its_troubles(void **state) {
        static const struct {
                int error;
                const char *message_id;
        } troubles[] = {
                { ENOSPC, MESSAGE_TRACKER_STORE_FULL },
                { EIO, MESSAGE_TRACKER_STORE_FAILING },
        };
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(fault_disk_freep) FaultDisk *disk = fault_disk_new(rig->directory);
        _cleanup_(rig_client_freep) RigClient *alice = NULL;
        _cleanup_free_ char *file = NULL;
        size_t after;
        int fd;

        assert_true(asprintf(&file, "CHAT_FILE=%s/tracker.db", rig->directory) > 0);
        rig_start(rig);
        alice = rig_user(rig, "alice");
        for (size_t i = 0; i < ELEMENTSOF(troubles); i++) {
                fault_disk_plan(disk, &(FaultPlan){ .ops = FAULT_WRITE | FAULT_SYNC,
                                                    .at = 1,
                                                    .error = troubles[i].error,
                                                    .lasts = true });
                assert_int_equal(host(alice, ""), ERROR_BUSY);
                after = journal_expect(troubles[i].message_id, file);
                fault_disk_heal(disk);
                test_loop_run(rig->loop, USEC_PER_MINUTE);
                assert_true(journal_find(after, MESSAGE_TRACKER_STORE_BACK, file) != SIZE_MAX);
        }

        /* It waits for one that is read-only as it starts. */
        rig_kill(rig);
        fault_disk_plan(disk,
                        &(FaultPlan){ .ops = FAULT_OPEN, .at = 1, .error = EROFS, .lasts = true });
        assert_int_equal(listener_bind(&rig->address, &fd), 0);
        assert_int_equal(tracker_new(rig->rt, &rig->settings, fd, &rig->tracker), 0);
        test_loop_run(rig->loop, USEC_PER_MINUTE);
        after = journal_expect(MESSAGE_TRACKER_STORE_READ_ONLY, file);
        fault_disk_heal(disk);
        test_loop_run(rig->loop, USEC_PER_MINUTE);
        assert_true(journal_find(after, MESSAGE_TRACKER_STORE_BACK, file) != SIZE_MAX);
        rig_kill(rig);
}

static void what_is_damaged_is_told(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_free_ char *file = NULL, *key = NULL;
        FILE *f;
        Tracker *t;
        int fd;

        assert_true(asprintf(&file, "%s/tracker.db", rig->directory) > 0);
        assert_true(asprintf(&key, "%s/ca.key", rig->directory) > 0);
        rig_start(rig);
        rig_kill(rig);
        f = fopen(file, "re+");
        assert_non_null(f);
        for (unsigned i = 0; i < 100; i++)
                fputs("this is no database at all\n", f);
        fclose(f);
        assert_int_equal(chmod(key, 0644), 0);

        assert_int_equal(listener_bind(&rig->address, &fd), 0);
        assert_int_equal(tracker_new(rig->rt, &rig->settings, fd, &t), 0);
        (void) clock_virtual_run(rig->rt->clock, NULL, NULL, USEC_PER_SEC);
        tracker_free(t);
        assert_string_equal(
                journal_get(journal_expect(MESSAGE_TRACKER_STORE_DAMAGED, NULL), "CHAT_FILE"),
                file);
        assert_string_equal(journal_get(journal_expect(MESSAGE_TRACKER_AUTHORITY_EXPOSED, NULL),
                                        "CHAT_DIRECTORY"),
                            rig->directory);
}

#define heard(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                heard(people_come_and_go),
                heard(a_name_that_nobody_has_is_not_kept),
                heard(ten_thousand_failures_are_few_lines),
                heard(each_limit_has_its_name),
                heard(ten_thousand_connections_are_few_lines),
                heard(a_channel_has_a_story),
                heard(the_disk_has_its_troubles),
                heard(what_is_damaged_is_told),
        };

        fault_vfs_register();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
