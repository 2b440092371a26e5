/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the journals of a tracker, a host and a member tell, read as an operator reads them: the
 * story of a channel, who one is, what was refused. */
#include <stdlib.h>
#include <sys/socket.h>

#include "base/log-pace.h"
#include "daemon/account/account-owner.h"
#include "daemon/message-ids.h"
#include "scenario/support.h"
#include "support/fault-vfs.h"
#include "support/journal.h"
#include "support/scratch.h"
#include "tracker/message-ids.h"

#define LOBBY "CHAT_CHANNEL=lobby"

static int setup(void **state) {
        journal_begin();
        return 0;
}

static int teardown(void **state) {
        journal_end();
        return 0;
}

static Account *account(Person *p) {
        return manager_get_account(p->manager);
}

/* ---- a story ---- */

/* The line after *at that has both fields; *at is it from now on. */
static void then(size_t *at, const char *message_id, const char *field, const char *other) {
        const char *value = other ? strchr(other, '=') + 1 : "";
        char name[32] = "";
        size_t i = *at;

        if (other)
                snprintf(name, sizeof(name), "%.*s", (int) (value - 1 - other), other);
        do
                i = journal_find(i + 1, message_id, field);
        while (i != SIZE_MAX && other && !streq(journal_get(i, name), value));
        if (i == SIZE_MAX)
                fail_msg("after \"%s\" nothing is said of %s, %s", journal_get(*at, "MESSAGE"),
                         message_id, other ?: field);
        *at = i;
}

typedef struct Done {
        bool is_done;
        ErrorCode error;
} Done;

static void on_done(const Failure *f, void *userdata) {
        *(Done *) userdata = (Done){ .is_done = true, .error = f ? f->code : ERROR_NONE };
}

static bool is_done(void *userdata) {
        return ((Done *) userdata)->is_done;
}

static void sanction(Person *p, SanctionKind kind, const char *target) {
        Sanction s = { .kind = kind, .target = target, .reason = "a word of spite" };
        Done d = {};

        assert_int_equal(channel_member_sanction(person_channel(p, "lobby"), &s, on_done, &d, NULL),
                         0);
        world_until(p->world, is_done, &d);
        assert_int_equal(d.error, ERROR_NONE);
}

/* `journalctl CHAT_CHANNEL=lobby`: at the tracker, at the host, at a member. */
static void a_channel_has_a_story(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *bob = world_person(w, "bob"),
               *carol = world_person(w, "carol");
        _cleanup_free_ char *story = NULL;
        size_t tracker, host, member;

        person_sign_up(alice, "alice");
        person_sign_up(bob, "bob");
        person_sign_up(carol, "carol");
        tracker = host = member = journal_count() - 1;

        person_host(alice, "lobby");
        (void) person_join(bob, "lobby");
        (void) person_join(carol, "lobby");
        person_until_state(bob, "lobby", MEMBER_LIVE);
        person_until_state(carol, "lobby", MEMBER_LIVE);
        assert_int_equal(person_set_topic(alice, "lobby", "a topic of words"), ERROR_NONE);
        assert_int_equal(person_authorize(alice, "lobby", "bob", ROLE_MODERATOR), ERROR_NONE);
        (void) person_send(bob, "lobby", "what bob says");
        sanction(bob, SANCTION_KICK, "carol");
        person_until_state(carol, "lobby", MEMBER_CLOSED);
        sanction(bob, SANCTION_BAN, "carol");
        assert_int_equal(person_try_join(carol, "lobby", -1), ERROR_BANNED);
        sanction(bob, SANCTION_UNBAN, "carol");
        assert_int_equal(person_set_view(alice, "lobby", VIEW_RESTRICTED, SEND_INVALID),
                         ERROR_NONE);
        world_pass(w, USEC_PER_MINUTE);
        person_kill(alice);
        person_until_state(bob, "lobby", MEMBER_OFFLINE);
        world_pass(w, 5 * USEC_PER_MINUTE);
        person_start(alice);
        person_until_state(bob, "lobby", MEMBER_LIVE);
        world_pass(w, 2 * USEC_PER_MINUTE);
        assert_int_equal(person_leave(bob, "lobby", false), ERROR_NONE);
        world_pass(w, 2 * USEC_PER_MINUTE);
        assert_int_equal(person_unhost(alice, "lobby", true), ERROR_NONE);
        world_pass(w, USEC_PER_MINUTE);

        then(&host, MESSAGE_HOSTED, LOBBY, NULL);
        then(&host, MESSAGE_MEMBER_CAME, LOBBY, "CHAT_USER=bob");
        then(&host, MESSAGE_ROLE_CHANGED, LOBBY, "CHAT_USER=bob");
        assert_string_equal(journal_get(host, "CHAT_BY"), "alice");
        assert_string_equal(journal_get(host, "MESSAGE"), "alice made bob a moderator of lobby");
        then(&host, MESSAGE_USER_KICKED, LOBBY, "CHAT_USER=carol");
        then(&host, MESSAGE_USER_BANNED, LOBBY, "CHAT_BY=bob");
        then(&host, MESSAGE_MEMBER_DENIED, LOBBY, "CHAT_USER=carol");
        assert_string_equal(journal_get(host, "CHAT_REASON"), "banned");
        then(&host, MESSAGE_USER_UNBANNED, LOBBY, "CHAT_USER=carol");
        then(&host, MESSAGE_PERMISSIONS_CHANGED, LOBBY, "CHAT_BY=alice");
        then(&host, MESSAGE_UNHOSTED, LOBBY, NULL);
        then(&host, MESSAGE_HOSTED, LOBBY, NULL);
        then(&host, MESSAGE_MEMBER_WENT, LOBBY, "CHAT_USER=bob");
        then(&host, MESSAGE_UNHOSTED, LOBBY, NULL);

        then(&tracker, MESSAGE_TRACKER_LEASE_GAINED, LOBBY, "CHAT_USER=alice");
        then(&tracker, MESSAGE_TRACKER_VIEW_CHANGED, LOBBY, "CHAT_USER=alice");
        then(&tracker, MESSAGE_TRACKER_LEASE_LOST, LOBBY, "CHAT_USER=alice");
        then(&tracker, MESSAGE_TRACKER_LEASE_GAINED, LOBBY, "CHAT_USER=alice");
        then(&tracker, MESSAGE_TRACKER_GIVEN_UP, LOBBY, "CHAT_USER=alice");

        then(&member, MESSAGE_JOINED, LOBBY, "CHAT_PEER=alice");
        then(&member, MESSAGE_ROLE_CHANGED, LOBBY, "CHAT_USER=bob"); /* the host's … */
        then(&member, MESSAGE_ROLE_CHANGED, LOBBY, "CHAT_USER=bob"); /* … and a member's */
        then(&member, MESSAGE_CLOSED, LOBBY, "CHAT_REASON=kicked");
        then(&member, MESSAGE_JOIN_DENIED, LOBBY, "CHAT_REASON=banned");
        then(&member, MESSAGE_HOST_AWAY, LOBBY, "CHAT_REASON=host-offline");
        then(&member, MESSAGE_HOST_BACK, LOBBY, "CHAT_PEER=alice");
        then(&member, MESSAGE_LEFT, LOBBY, "CHAT_REASON=left");
        (void) journal_expect(MESSAGE_LEASE_GAINED, LOBBY);

        /* Nothing that anybody wrote. */
        story = journal_story(LOBBY);
        assert_non_null(strstr(story, "bob banned carol from lobby for good\n"));
        journal_assert_never("a topic of words", strlen("a topic of words"));
        journal_assert_never("what bob says", strlen("what bob says"));
        journal_assert_never("a word of spite", strlen("a word of spite"));
}

/* Two devices of one: who loses the lease is told, and who has a role with a new key is news. */
static void a_channel_moves(void **state) {
        static const HostOptions take_over = {
                .view = VIEW_INVALID,
                .send = SEND_INVALID,
                .take_over = true,
        };
        _cleanup_(world_freep) World *w = world_new();
        Person *one = world_person(w, "one"), *two = world_person(w, "two"),
               *bob = world_person(w, "bob"), *desk = world_person(w, "desk");
        size_t line;

        person_sign_up(one, "alice");
        person_sign_in(two, "alice");
        person_sign_up(bob, "bob");
        person_host(one, "lobby");
        (void) person_join(bob, "lobby");
        person_until_state(bob, "lobby", MEMBER_LIVE);
        assert_int_equal(person_authorize(one, "lobby", "bob", ROLE_MODERATOR), ERROR_NONE);
        person_sign_in(desk, "bob");
        (void) person_join(desk, "lobby");
        person_until_state(desk, "lobby", MEMBER_LIVE);
        world_pass(w, USEC_PER_MINUTE);
        line = journal_expect(MESSAGE_ROLE_KEY_NEW, "CHAT_USER=bob");
        assert_string_equal(journal_get(line, "CHAT_CHANNEL"), "lobby");

        (void) person_join(two, "lobby");
        person_until_state(two, "lobby", MEMBER_LIVE);
        assert_int_equal(person_try_host(two, "lobby", &take_over), ERROR_NONE);
        world_pass(w, 2 * USEC_PER_MINUTE);
        line = journal_expect(MESSAGE_LEASE_LOST, LOBBY);
        assert_true(journal_get(line, "CHAT_REASON")[0]);
}

/* ---- who one is ---- */

static void an_account_has_a_story(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person_off(w, "alice", 9 * (int64_t) USEC_PER_DAY);
        _cleanup_(rig_client_freep) RigClient *other = rig_client_new(w->rig);
        char key[KEY_ID_SIZE], field[KEY_ID_SIZE + 16];
        size_t line;

        line = journal_expect(MESSAGE_PIN_ACCEPTED, NULL);
        assert_string_equal(journal_get(line, "CHAT_PIN"), w->rig->pin);
        assert_int_equal(person_try_sign_in(alice, "swordfish", "not her password"),
                         ERROR_BAD_CREDENTIALS);
        (void) journal_expect(MESSAGE_SIGN_IN_FAILED, "CHAT_REASON=bad-credentials");
        journal_assert_never("swordfish", strlen("swordfish"));
        journal_assert_never("not her password", strlen("not her password"));
        person_sign_up(alice, "alice");
        account_get_key_id(account(alice), key);
        snprintf(field, sizeof(field), "CHAT_KEY=%s", key);
        line = journal_expect(MESSAGE_SIGNED_IN, field);
        assert_string_equal(journal_get(line, "CHAT_USER"), "alice");
        assert_string_equal(journal_get(line, "CHAT_TRACKER"), tracker_get_id(w->rig->tracker));
        (void) journal_expect(MESSAGE_CLOCK_OFF, NULL);
        (void) journal_expect(MESSAGE_ONLINE, NULL);

        world_pass(w, 4 * USEC_PER_DAY);
        line = journal_expect(MESSAGE_CERTIFICATE_RENEWED, "CHAT_USER=alice");
        assert_true(journal_get(line, "CHAT_UNTIL")[0]);

        /* However often it is tried: once lost, once found. */
        line = journal_count();
        world_tracker_kill(w);
        world_pass(w, USEC_PER_HOUR);
        line = journal_find(line, MESSAGE_OFFLINE, NULL);
        assert_true(line != SIZE_MAX);
        assert_true(journal_find(line + 1, MESSAGE_OFFLINE, NULL) == SIZE_MAX);
        world_tracker_start(w);
        world_pass(w, 5 * USEC_PER_MINUTE);
        assert_true(journal_find(line, MESSAGE_ONLINE, NULL) != SIZE_MAX);

        /* Another device signs this one out. */
        rig_connect(other);
        assert_int_equal(
                rig_call_csr(other, "SIGNIN",
                             "\"username\":\"alice\",\"password\":\"correct horse battery\""),
                ERROR_NONE);
        other->certificate = strdup(rig_string(other->payload, "certificate"));
        rig_connect(other);
        account_get_key_id(account(alice), key);
        assert_int_equal(rig_call(other, "DEVICES", "{\"revoke\":[\"%s\"]}", key), ERROR_NONE);
        world_pass(w, USEC_PER_HOUR);
        (void) journal_expect(MESSAGE_CERTIFICATE_REFUSED, "CHAT_REASON=revoked");
        person_sign_in(alice, "alice");
        person_sign_out(alice);
        (void) journal_expect(MESSAGE_SIGNED_OUT, "CHAT_USER=alice");

        world_tracker_replace(w);
        world_pass(w, USEC_PER_HOUR);
        line = journal_expect(MESSAGE_PIN_MISMATCH, NULL);
        assert_string_equal(journal_get(line, "CHAT_OFFERED"), w->rig->pin);
        assert_string_not_equal(journal_get(line, "CHAT_PIN"), w->rig->pin);
        assert_true(journal_find(line + 1, MESSAGE_PIN_MISMATCH, NULL) == SIZE_MAX);
}

static void a_copied_identity_is_told(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *one = world_person(w, "one");
        _cleanup_free_ char *to = NULL;

        person_sign_up(one, "alice");
        person_host(one, "lobby");
        person_kill(one);
        assert_true(asprintf(&to, "%s/two", w->directory) > 0);
        scratch_copy(one->directory, to);
        person_start(one);
        person_until_state(one, "lobby", MEMBER_LIVE);
        world_pass(w, USEC_PER_MINUTE);
        person_until_state(world_stranger(w, "two"), "lobby", MEMBER_LIVE);
        world_pass(w, USEC_PER_MINUTE);
        (void) journal_expect(MESSAGE_IDENTITY_COPIED, "CHAT_USER=alice");
        (void) journal_expect(MESSAGE_HOSTING_LOST, "CHAT_REASON=replaced");
        (void) journal_expect(MESSAGE_TRACKER_HOST_REPLACED, "CHAT_USER=alice");
}

/* ---- who comes ---- */

static void on_end(Conn *c, const ConnClosed *why, void *userdata) {
        *(bool *) userdata = true;
}

/* Somebody of no tracker, or of another one. */
static void dial_without(World *w, const Address *to, const char *ca_pem) {
        static const ConnHandlers handlers = { .on_closed = on_end };
        _cleanup_(chain_freep) Chain *chain = NULL;
        _cleanup_(tls_config_freep) TlsConfig *tls = NULL;
        _cleanup_(conn_freep) Conn *conn = NULL;
        bool has_ended = false;
        int fd;

        assert_int_equal(chain_from_pem(ca_pem, &chain), 0);
        assert_int_equal(tls_config_new(&(TlsParameters){ .clock = w->rig->rt->clock,
                                                          .expect = TLS_EXPECT_PEER_OR_NOBODY,
                                                          .chain = chain },
                                        &tls),
                         0);
        fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        assert_int_equal(connect(fd, &to->sa, to->size), 0);
        assert_int_equal(conn_new(w->rig->rt, fd, to, tls, false, &handlers, &has_ended, &conn), 0);
        test_loop_until_true(w->rig->loop, &has_ended, USEC_PER_MINUTE);
        world_pass(w, USEC_PER_SEC);
}

static void who_is_refused_is_told(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *bob = world_person(w, "bob");
        _cleanup_(rig_client_freep) RigClient *other = rig_client_new(w->rig);
        int fds[HANDSHAKES_PER_SOURCE_MAX];
        char key[KEY_ID_SIZE], field[KEY_ID_SIZE + 16];
        size_t lines, line;

        person_sign_up(alice, "alice");
        person_sign_up(bob, "bob");
        person_host(alice, "lobby");
        (void) person_join(bob, "lobby");
        person_until_state(bob, "lobby", MEMBER_LIVE);

        rig_connect(other);
        assert_int_equal(
                rig_call_csr(other, "SIGNIN",
                             "\"username\":\"bob\",\"password\":\"correct horse battery\""),
                ERROR_NONE);
        dial_without(w, &alice->listen, rig_string(other->payload, "ca"));
        line = journal_expect(MESSAGE_PEER_REFUSED, "CHAT_PEER=127.0.0.1");
        assert_true(journal_get(line, "CHAT_REASON")[0]);

        other->certificate = strdup(rig_string(other->payload, "certificate"));
        rig_connect(other);
        account_get_key_id(account(bob), key);
        snprintf(field, sizeof(field), "CHAT_KEY=%s", key);
        assert_int_equal(rig_call(other, "DEVICES", "{\"revoke\":[\"%s\"]}", key), ERROR_NONE);
        world_pass(w, USEC_PER_MINUTE);
        line = journal_expect(MESSAGE_KEY_REVOKED, field);
        assert_string_equal(journal_get(line, "CHAT_USER"), "bob");

        /* As many as one source may have, and then 10,000 more. */
        person_kill(bob);
        world_pass(w, USEC_PER_MINUTE);
        for (size_t i = 0; i < ELEMENTSOF(fds) + 10000; i++) {
                int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                struct linger now = { .l_onoff = 1 };

                assert_true(fd >= 0);
                assert_int_equal(connect(fd, &alice->listen.sa, alice->listen.size), 0);
                test_loop_run(w->rig->loop, 1);
                if (i < ELEMENTSOF(fds)) {
                        fds[i] = fd;
                        continue;
                }
                (void) setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
                close(fd);
        }
        world_pass(w, LOG_PACE_USEC);
        assert_int_equal(journal_sum(MESSAGE_CONNECTION_REFUSED, &lines), 10000);
        assert_in_range(lines, 2, 2 * (LOG_PACE_EACH + 1));
        (void) journal_expect(MESSAGE_CONNECTION_REFUSED, "CHAT_LIMIT=handshakes of one source");
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                close(fds[i]);
}

/* ---- the disk ---- */

static void disk_fails(Person *p, FaultDisk *disk, FaultPlan plan, const char *message_id) {
        size_t after = journal_count();
        ErrorCode error;

        fault_disk_plan(disk, &plan);
        (void) person_send_id(p, "lobby", NULL, "words", 0, &error);
        assert_int_equal(error, ERROR_BUSY);
        world_pass(p->world, USEC_PER_SEC);
        after = journal_find(after, message_id, NULL);
        assert_true(after != SIZE_MAX);
        assert_string_equal(journal_get(after, "CHAT_DIRECTORY"), p->directory);
        fault_disk_heal(disk);
        world_pass(p->world, USEC_PER_MINUTE);
        assert_true(journal_find(after, MESSAGE_STORE_BACK, NULL) != SIZE_MAX);
}

static void the_disk_has_its_troubles(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice");
        FaultPlan plan = { .ops = FAULT_WRITE | FAULT_SYNC, .at = 1, .lasts = true };
        _cleanup_free_ char *file = NULL;
        FaultDisk *disk;
        size_t line;
        FILE *f;

        person_sign_up(alice, "alice");
        person_host(alice, "lobby");
        disk = fault_disk_new(alice->directory);
        person_kill(alice);
        person_start(alice);
        person_until_state(alice, "lobby", MEMBER_LIVE);
        plan.error = ENOSPC;
        disk_fails(alice, disk, plan, MESSAGE_STORE_FULL);
        plan.error = EIO;
        disk_fails(alice, disk, plan, MESSAGE_STORE_FAILING);

        /* It waits for one that is read-only as it starts. */
        person_kill(alice);
        fault_disk_plan(disk,
                        &(FaultPlan){ .ops = FAULT_OPEN, .at = 1, .error = EROFS, .lasts = true });
        assert_int_equal(person_begin(alice), 0);
        world_pass(w, USEC_PER_MINUTE);
        (void) journal_expect(MESSAGE_STORE_READ_ONLY, NULL);
        (void) journal_expect(MESSAGE_STORE_BACK, NULL);
        person_kill(alice);
        fault_disk_free(disk);

        assert_true(asprintf(&file, "%s/p2pchat.db", alice->directory) > 0);
        f = fopen(file, "re+");
        assert_non_null(f);
        for (unsigned i = 0; i < 100; i++)
                fputs("this is no database at all\n", f);
        fclose(f);
        assert_int_equal(person_begin(alice), 0);
        world_pass(w, 10 * USEC_PER_MINUTE);
        line = journal_expect(MESSAGE_STORE_DAMAGED, NULL);
        line = journal_find(line, MESSAGE_STORE_SET_ASIDE, NULL);
        assert_true(line != SIZE_MAX);
        assert_int_equal(access(journal_get(line, "CHAT_FILE"), F_OK), 0);
}

#define heard(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                heard(a_channel_has_a_story),  heard(a_channel_moves),
                heard(an_account_has_a_story), heard(a_copied_identity_is_told),
                heard(who_is_refused_is_told), heard(the_disk_has_its_troubles),
        };

        fault_vfs_register();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
