/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds a hosted channel to what people say of themselves (protocol §5 INVISIBLE, STATUS): who is
 * invisible is nowhere to be seen, whatever she does; who is away is here. */
#include "daemon/host/channel-host-internal.h"
#include "unit/daemon/member-double.h"

#define HIDDEN ",\"since\":1,\"invisible\":true"
#define SEEN ",\"since\":1,\"invisible\":false"

static ErrorCode invisible(Member *m, bool on) {
        return member_call(m, "INVISIBLE", ",\"invisible\":%s", on ? "true" : "false");
}

static ErrorCode status(Member *m, const char *status) {
        return member_call(m, "STATUS", ",\"status\":\"%s\"", status);
}

/* Joined, and so long ago that what comes next is told at once. */
static Member *joined(Fixture *f, const char *name, const char *how) {
        Member *m = member_new(f, name);

        assert_int_equal(member_call(m, "CONNECT", "%s", how), ERROR_NONE);
        m->n_online = get_uint(m->reply, "members_online");
        m->generation = get_uint(m->reply, "generation");
        test_loop_run(f->loop, 2 * USEC_PER_SEC);
        return m;
}

/* Another connection of the same device. */
static Member *same_device(Fixture *f, Member *of) {
        Member *m = member_new(f, "bob");

        tls_config_free(m->tls);
        m->tls = tls_config_ref(of->tls);
        m->rpc = rpc_free(m->rpc);
        m->is_ready = false;
        member_dial(m);
        assert_true(m->is_ready);
        return m;
}

static void settle_for(Fixture *f, uint64_t usec) {
        test_loop_run(f->loop, usec);
        settle(f);
}

/* As MEMBERS has it: "alice/online bob/away ". */
static void expect_members(Member *asker, const char *expected) {
        char all[512] = "";
        const Value *members;

        assert_int_equal(member_call(asker, "MEMBERS", ",\"limit\":500"), ERROR_NONE);
        members = value_get(asker->reply, "members");
        for (size_t i = 0; i < value_length(members); i++)
                snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s/%s ",
                         get_string(value_at(members, i), "username"),
                         get_string(value_at(members, i), "status"));
        assert_string_equal(all, expected);
}

static void expect_told(Member *m, const char *presence, uint64_t n_online) {
        settle_for(m->fixture, 2 * USEC_PER_SEC);
        assert_string_equal(m->presence, presence);
        assert_int_equal(m->n_online, n_online);
        member_forget(m);
}

/* ---- invisible ---- */

/* She comes, reads, speaks, is given a role, goes and is cut off: nobody is told anything. */
static void test_nobody_sees_her(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = joined(f, "bob", SEEN);
        _cleanup_(member_freep) Member *carol = NULL;
        uint64_t generation = channel_host_get_generation(f->host);
        unsigned n_told = f->n_members_told;

        for (unsigned i = 0; i < 3; i++) {
                carol = joined(f, "carol", HIDDEN);
                assert_int_equal(carol->n_online, 2);
                expect_members(carol, "alice/online bob/online ");
                expect_members(bob, "alice/online bob/online ");
                assert_int_equal(member_call(bob, "RET_INFO", "%s", ""), ERROR_NONE);
                assert_int_equal(get_uint(bob->reply, "members_online"), 2);
                assert_int_equal(value_length(value_get(bob->reply, "members")), 2);
                assert_int_equal(member_send(carol, i, "it is me"), ERROR_NONE);
                assert_int_equal(invisible(carol, true), ERROR_NONE);
                assert_int_equal(status(carol, i % 2 ? "away" : "online"), ERROR_NONE);
                wait_seen(bob, 2 + i);
                wait_seen(carol, 2 + i);
                assert_string_equal(bob->seen[bob->n_seen - 1].username, "carol");
                if (i == 0)
                        assert_int_equal(member_call(carol, "DISCONNECT", "%s", ""), ERROR_NONE);
                carol = member_free(carol);
                settle_for(f, USEC_PER_MINUTE);
        }
        carol = joined(f, "carol", HIDDEN);
        f->answer_lookup_at_once = true;
        assert_int_equal(local_authorize(f, "carol", ROLE_MODERATOR), ERROR_NONE);
        assert_string_equal(f->lookup, "carol"); /* as one who is not here */
        assert_int_equal(local_authorize(f, "carol", ROLE_NONE), ERROR_NONE);
        assert_int_equal(local_permissions(f, VIEW_RESTRICTED, SEND_INVALID), ERROR_NONE);
        wait_closed(carol, "restricted");
        settle_for(f, USEC_PER_MINUTE);
        assert_int_equal(channel_host_get_generation(f->host), generation + 1); /* bob's end */
        assert_string_equal(bob->presence, "");
        assert_int_equal(f->n_members_told, n_told + 1);
        assert_int_equal(channel_host_get_n_online(f->host), 1);
}

/* The host keeps what is new ready for who is here, and reads it from disk otherwise. Into how many
 * frames it goes tells bob, who comes back, whether somebody was. */
static void test_frames_of_others(void **state) {
        Fixture *f = *state;
        size_t frames = 0, largest = 0;

        local_without_rate(f);
        for (unsigned i = 0; i < 5; i++) {
                _cleanup_(member_freep) Member *carol = NULL, *dave = NULL, *bob = NULL;
                uint64_t head = head_of(f);

                if (i > 0)
                        carol = joined(f, "carol", i == 1 ? HIDDEN : SEEN);
                if (i == 4) {
                        assert_int_equal(invisible(carol, true), ERROR_NONE);
                        dave = joined(f, "dave", SEEN);
                }
                local_fill(f, 1 + 1000 * i, 10, 5);
                settle(f);
                if (i == 2)
                        assert_int_equal(invisible(carol, true), ERROR_NONE);
                if (i == 3) {
                        member_forget(carol);
                        assert_int_equal(member_call(carol, "CONNECT", HIDDEN), ERROR_NONE);
                }
                dave = member_free(dave);
                settle(f);
                local_fill(f, 11 + 1000 * i, 800, 5);
                settle(f);
                bob = member_new(f, "bob");
                assert_int_equal(member_connect(bob, head), ERROR_NONE);
                wait_seen(bob, head + 810);
                if (i == 0) {
                        frames = bob->n_pushes;
                        largest = bob->largest_push;
                }
                assert_int_equal(bob->n_pushes, frames);
                assert_int_equal(bob->largest_push, largest);
                if (carol)
                        wait_seen(carol, head + 810);
        }
}

/* To become invisible looks like leaving, to be seen again like arriving. */
static void test_the_switch(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = joined(f, "bob", SEEN);
        _cleanup_(member_freep) Member *carol = joined(f, "carol", SEEN);

        expect_told(bob, "carol/none+ ", 3);
        assert_int_equal(invisible(carol, true), ERROR_NONE);
        settle_for(f, 27 * USEC_PER_SEC);
        expect_told(bob, "", 3);
        settle_for(f, USEC_PER_SEC);
        expect_told(bob, "carol/none- ", 2);
        expect_members(bob, "alice/online bob/online ");
        expect_told(carol, "", 2);
        assert_int_equal(member_send(carol, 1, "still here"), ERROR_NONE);
        wait_seen(bob, 2);
        wait_seen(carol, 2);
        expect_told(bob, "", 2);

        assert_int_equal(invisible(carol, false), ERROR_NONE);
        expect_told(bob, "carol/none+ ", 3);
        expect_told(carol, "", 3);
        /* To and fro within the grace is nothing. */
        for (unsigned i = 0; i < 10; i++) {
                assert_int_equal(invisible(carol, i % 2 == 0), ERROR_NONE);
                settle_for(f, 5 * USEC_PER_SEC);
        }
        settle_for(f, USEC_PER_MINUTE);
        expect_told(bob, "", 3);
        /* By another CONNECT, too. */
        member_forget(carol);
        assert_int_equal(member_call(carol, "CONNECT", HIDDEN), ERROR_NONE);
        settle_for(f, 31 * USEC_PER_SEC);
        expect_told(bob, "carol/none- ", 2);
        member_forget(carol);
        assert_int_equal(member_call(carol, "CONNECT", SEEN), ERROR_NONE);
        expect_told(bob, "carol/none+ ", 3);
        /* One that is refused ends the stream, as a connection does. */
        assert_int_equal(member_connect(carol, 99), ERROR_CONFLICT);
        settle_for(f, 25 * USEC_PER_SEC);
        expect_told(bob, "", 3);
        settle_for(f, 5 * USEC_PER_SEC);
        expect_told(bob, "carol/none- ", 2);
}

/* She comes back invisible while she still is shown: that looks like leaving, 30 seconds after. */
static void test_back_invisible(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *carol = joined(f, "carol", SEEN);
        _cleanup_(member_freep) Member *bob = joined(f, "bob", SEEN);
        _cleanup_(member_freep) Member *again = NULL;

        expect_told(carol, "bob/none+ ", 3);
        again = same_device(f, bob);
        bob = member_free(bob);
        settle_for(f, 10 * USEC_PER_SEC);
        assert_int_equal(member_call(again, "CONNECT", HIDDEN), ERROR_NONE);
        settle_for(f, 17 * USEC_PER_SEC);
        expect_told(carol, "", 3);
        settle_for(f, 2 * USEC_PER_SEC);
        expect_told(carol, "bob/none- ", 2);

        /* The connection before is not known to be dead: the new one replaces it. */
        assert_int_equal(member_call(again, "CONNECT", SEEN), ERROR_NONE);
        expect_told(carol, "bob/none+ ", 3);
        bob = same_device(f, again);
        assert_int_equal(member_call(bob, "CONNECT", HIDDEN), ERROR_NONE);
        wait_closed(again, "replaced");
        settle_for(f, 25 * USEC_PER_SEC);
        expect_told(carol, "", 3);
        settle_for(f, 5 * USEC_PER_SEC);
        expect_told(carol, "bob/none- ", 2);

        /* An invisible one that is replaced by one that is seen, and the other way. */
        again->closed_reason[0] = '\0';
        assert_int_equal(member_call(again, "CONNECT", SEEN), ERROR_NONE);
        wait_closed(bob, "replaced");
        expect_told(carol, "bob/none+ ", 3);
        settle_for(f, USEC_PER_MINUTE);
        expect_told(carol, "", 3);
}

static void test_two_devices(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = joined(f, "bob", SEEN);
        _cleanup_(member_freep) Member *phone = joined(f, "carol", HIDDEN);
        _cleanup_(member_freep) Member *laptop = joined(f, "carol", SEEN);

        expect_told(bob, "carol/none+ ", 3);
        expect_told(phone, "", 3); /* how many, of herself nothing */
        expect_members(phone, "alice/online bob/online carol/online ");
        assert_int_equal(status(phone, "away"), ERROR_NONE);
        assert_int_equal(invisible(phone, false), ERROR_NONE);
        assert_int_equal(invisible(phone, true), ERROR_NONE);
        settle_for(f, USEC_PER_MINUTE);
        expect_told(bob, "", 3);
        laptop = member_free(laptop);
        settle_for(f, 31 * USEC_PER_SEC);
        expect_told(bob, "carol/none- ", 2);
        expect_told(phone, "", 2);
        assert_int_equal(member_send(phone, 1, "x"), ERROR_NONE);
}

static void test_refused(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *eve = member_new(f, "guest-eve");
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");

        assert_int_equal(invisible(bob, true), ERROR_BAD_REQUEST);
        assert_int_equal(status(bob, "away"), ERROR_BAD_REQUEST);
        assert_int_equal(invisible(eve, true), ERROR_GUESTS_NOT_ALLOWED);
        assert_int_equal(member_call(eve, "CONNECT", SEEN), ERROR_NONE);
        assert_int_equal(invisible(eve, true), ERROR_GUESTS_NOT_ALLOWED);
        assert_int_equal(invisible(eve, false), ERROR_GUESTS_NOT_ALLOWED);
        assert_int_equal(status(eve, "away"), ERROR_NONE);
        expect_members(eve, "alice/online guest-eve/away ");
        assert_int_equal(member_call(eve, "CONNECT", HIDDEN), ERROR_GUESTS_NOT_ALLOWED);
        assert_int_equal(status(eve, "online"), ERROR_BAD_REQUEST); /* it ended the stream */
}

/* ---- away ---- */

static void test_away(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = joined(f, "bob", SEEN);
        _cleanup_(member_freep) Member *laptop = joined(f, "carol", SEEN ",\"status\":\"away\"");
        _cleanup_(member_freep) Member *phone = NULL;

        expect_told(bob, "carol/none~ ", 3);
        expect_members(bob, "alice/online bob/online carol/away ");
        assert_int_equal(status(laptop, "online"), ERROR_NONE);
        expect_told(bob, "carol/none+ ", 3);
        assert_int_equal(status(laptop, "online"), ERROR_NONE);
        expect_told(bob, "", 3);
        assert_int_equal(status(laptop, "away"), ERROR_NONE);
        expect_told(bob, "carol/none~ ", 3);

        /* Online while one of them is. */
        phone = joined(f, "carol", SEEN);
        expect_told(bob, "carol/none+ ", 3);
        assert_int_equal(status(phone, "away"), ERROR_NONE);
        expect_told(bob, "carol/none~ ", 3);
        assert_int_equal(status(phone, "online"), ERROR_NONE);
        expect_told(bob, "carol/none+ ", 3);
        /* A cut is not told at once, what it makes less is. */
        phone = member_free(phone);
        settle_for(f, 27 * USEC_PER_SEC);
        expect_told(bob, "", 3);
        settle_for(f, USEC_PER_SEC);
        expect_told(bob, "carol/none~ ", 3);
        phone = joined(f, "carol", SEEN);
        expect_told(bob, "carol/none+ ", 3);
        phone = member_free(phone);
        settle_for(f, 20 * USEC_PER_SEC);
        phone = joined(f, "carol", SEEN);
        settle_for(f, USEC_PER_MINUTE);
        expect_told(bob, "", 3);

        /* Half a minute is counted from the last that went. */
        phone = member_free(phone);
        settle_for(f, 20 * USEC_PER_SEC);
        laptop = member_free(laptop);
        settle_for(f, 20 * USEC_PER_SEC);
        expect_told(bob, "", 3);
        settle_for(f, 10 * USEC_PER_SEC);
        expect_told(bob, "carol/none- ", 2);
}

/* What she said of herself while invisible holds when she is seen. */
static void test_away_unseen(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = joined(f, "bob", SEEN);
        _cleanup_(member_freep) Member *carol = joined(f, "carol", HIDDEN);

        assert_int_equal(status(carol, "away"), ERROR_NONE);
        expect_told(bob, "", 2);
        assert_int_equal(invisible(carol, false), ERROR_NONE);
        expect_told(bob, "carol/none~ ", 3);
        assert_int_equal(invisible(carol, true), ERROR_NONE);
        settle_for(f, 31 * USEC_PER_SEC);
        expect_told(bob, "carol/none- ", 2);
        assert_int_equal(status(carol, "online"), ERROR_NONE);
        assert_int_equal(invisible(carol, false), ERROR_NONE);
        expect_told(bob, "carol/none+ ", 3);
}

/* ---- the local user ---- */

static void restart_host(Fixture *f, bool is_invisible) {
        peer_server_remove_host(f->server, f->host);
        channel_host_free(f->host, NULL);
        f->is_loaded = false;
        assert_int_equal(channel_host_new(&f->loop->rt, f->store, f->row, "lobby", CHANNEL_ID, 1,
                                          &f->owner, &host_handlers, f, &f->host),
                         0);
        assert_int_equal(channel_host_set_presence(f->host, is_invisible, false), 0);
        wait_true(f, &f->is_loaded);
        assert_int_equal(peer_server_add_host(f->server, f->host), 0);
}

static void test_local_user(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = joined(f, "bob", SEEN);
        _cleanup_(member_freep) Member *tablet = NULL;

        assert_int_equal(channel_host_set_presence(f->host, false, true), 0);
        expect_told(bob, "alice/owner~ ", 2);
        assert_int_equal(channel_host_set_presence(f->host, false, false), 0);
        expect_told(bob, "alice/owner+ ", 2);
        assert_int_equal(channel_host_set_presence(f->host, true, false), 0);
        assert_int_equal(channel_host_set_presence(f->host, true, true), 0);
        settle_for(f, 28 * USEC_PER_SEC);
        expect_told(bob, "alice/owner- ", 1);
        expect_members(bob, "bob/online ");
        local_fill(f, 1, 1, 5);
        wait_seen(bob, 2);
        tablet = joined(f, "alice", SEEN);
        expect_told(bob, "alice/owner+ ", 2);
        tablet = member_free(tablet);
        settle_for(f, 31 * USEC_PER_SEC);
        expect_told(bob, "alice/owner- ", 1);
        assert_int_equal(channel_host_set_presence(f->host, false, true), 0);
        expect_told(bob, "alice/owner~ ", 2);
}

static void test_local_user_from_the_beginning(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = NULL;

        /* Seen before: she leaves. */
        settle_for(f, 10 * USEC_PER_SEC);
        restart_host(f, true);
        bob = joined(f, "bob", SEEN);
        assert_int_equal(bob->n_online, 2);
        settle_for(f, 31 * USEC_PER_SEC);
        expect_told(bob, "alice/owner- ", 1);
        bob = member_free(bob);
        settle_for(f, 2 * USEC_PER_MINUTE);
        /* Now she was not. */
        restart_host(f, true);
        assert_int_equal(channel_host_get_n_online(f->host), 0);
        bob = joined(f, "bob", SEEN);
        assert_int_equal(bob->n_online, 1);
        expect_members(bob, "bob/online ");
        assert_int_equal(channel_host_set_presence(f->host, false, false), 0);
        expect_told(bob, "alice/owner+ ", 2);
}

/* ---- after a restart ---- */

typedef struct Saved {
        bool is_done;
        char rows[256];
} Saved;

static void on_roster(int r, uint64_t saved, uint64_t generation, const StoredPresence *rows,
                      size_t n, void *userdata) {
        Saved *s = userdata;

        assert_int_equal(r, 0);
        s->is_done = true;
        for (size_t i = 0; i < n; i++)
                snprintf(s->rows + strlen(s->rows), sizeof(s->rows) - strlen(s->rows), "%s%s ",
                         rows[i].username, rows[i].is_away ? "~" : "+");
}

static void expect_saved(Fixture *f, const char *expected) {
        Saved s = {};

        assert_int_equal(store_load_roster(f->store, f->row, on_roster, &s, NULL), 0);
        wait_true(f, &s.is_done);
        assert_string_equal(s.rows, expected);
}

/* Who is away is so after it, and who is invisible was never written down. */
static void test_restart(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = joined(f, "bob", SEEN ",\"status\":\"away\"");
        _cleanup_(member_freep) Member *carol = joined(f, "carol", HIDDEN);
        _cleanup_(member_freep) Member *dave = joined(f, "dave", SEEN);

        settle_for(f, 10 * USEC_PER_SEC);
        expect_saved(f, "alice+ bob~ dave+ ");
        assert_int_equal(invisible(dave, true), ERROR_NONE);
        settle_for(f, 40 * USEC_PER_SEC);
        expect_saved(f, "alice+ bob~ ");
        assert_int_equal(member_call(carol, "DISCONNECT", "%s", ""), ERROR_NONE);
        assert_int_equal(member_call(carol, "CONNECT", HIDDEN), ERROR_NONE);
        settle_for(f, USEC_PER_MINUTE);
        restart_host(f, false);
        expect_saved(f, "alice+ bob~ ");

        assert_int_equal(member_call(dave, "CONNECT", SEEN), ERROR_NONE);
        expect_members(dave, "alice/online bob/away dave/online ");
        dave->generation = channel_host_get_generation(f->host);
        assert_int_equal(member_call(bob, "CONNECT", SEEN ",\"status\":\"away\""), ERROR_NONE);
        assert_int_equal(member_call(carol, "CONNECT", HIDDEN), ERROR_NONE);
        settle_for(f, USEC_PER_MINUTE);
        assert_string_equal(dave->presence, "");
        expect_members(dave, "alice/online bob/away dave/online ");
}

static void ban(Fixture *f, const char *target) {
        Sanction s = { .kind = SANCTION_BAN, .target = target };
        Local l = {};

        assert_int_equal(channel_host_sanction(f->host, &f->owner, &s, local_done, &l), 0);
        local_wait(f, &l, 1);
        assert_int_equal(l.failure.code, ERROR_NONE);
}

/* Who dropped out a moment ago is still shown, and then is not: nobody waits for the grace. */
static void test_ban_of_who_just_went(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob"), *carol = member_new(f, "carol");
        _cleanup_(member_freep) Member *eve = member_new(f, "guest-eve");

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_int_equal(member_connect(eve, 0), ERROR_NONE);
        assert_int_equal(member_connect(carol, 0), ERROR_NONE);
        test_loop_run(f->loop, 2 * USEC_PER_SEC);
        member_forget(carol);
        assert_int_equal(member_call(bob, "DISCONNECT", "%s", ""), ERROR_NONE);
        assert_int_equal(member_call(eve, "DISCONNECT", "%s", ""), ERROR_NONE);
        ban(f, "bob");
        ban(f, "guest-eve");
        assert_int_equal(channel_host_get_n_online(f->host), 2);
        test_loop_run(f->loop, 2 * USEC_PER_SEC);
        assert_true(carol->n_presence > 0);
        assert_non_null(strstr(carol->presence, "bob/none-"));
        assert_non_null(strstr(carol->presence, "guest-eve/none-"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(nobody_sees_her),
                TEST(frames_of_others),
                TEST(the_switch),
                TEST(back_invisible),
                TEST(two_devices),
                TEST(refused),
                TEST(away),
                TEST(away_unseen),
                TEST(local_user),
                TEST(local_user_from_the_beginning),
                TEST(restart),
                TEST(ban_of_who_just_went),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
