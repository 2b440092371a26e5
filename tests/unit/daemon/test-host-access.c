/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds ACCESS to its words: who is told what of whom, and who hears unasked that it has changed.
 */
#include "daemon/host/channel-host-internal.h"
#include "unit/daemon/member-double.h"

static const char *access_of(Member *m, const char *username) {
        static char text[4096];
        const Value *why;
        bool can_view, can_send, can_moderate;

        if (username)
                assert_int_equal(member_call(m, "ACCESS", ",\"username\":\"%s\"", username),
                                 ERROR_NONE);
        else
                assert_int_equal(member_call(m, "ACCESS", "%s", ""), ERROR_NONE);
        assert_int_equal(value_bool(value_get(m->reply, "can_view"), &can_view), 0);
        assert_int_equal(value_bool(value_get(m->reply, "can_send"), &can_send), 0);
        assert_int_equal(value_bool(value_get(m->reply, "can_moderate"), &can_moderate), 0);
        snprintf(text, sizeof(text), "%s %s%s%s%s:", get_string(m->reply, "username"),
                 get_string(m->reply, "role"), can_view ? " view" : "", can_send ? " send" : "",
                 can_moderate ? " moderate" : "");
        why = value_get(m->reply, "why");
        assert_in_range(value_length(why), 1, WHY_MAX);
        for (size_t i = 2; i < value_length(why); i++)
                snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s;",
                         value_string(value_at(why, i), NULL));
        return text;
}

static void test_asked(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        _cleanup_(member_freep) Member *mo = member_new(f, "mo");
        _cleanup_(member_freep) Member *eve = member_new(f, "guest-eve");
        static const char *const wrong[] = { "\"\"", "\"Bob\"", "\"a b\"", "7", "[]", "\"x\"" };

        f->answer_lookup_at_once = true;
        assert_int_equal(local_authorize(f, "mo", ROLE_MODERATOR), ERROR_NONE);
        assert_int_equal(local_permissions(f, VIEW_RESTRICTED, SEND_INVALID), ERROR_NONE);

        /* One's own, without CONNECT and without the right to view. */
        assert_string_equal(access_of(bob, NULL), "bob none: bob is not a member;");
        assert_string_equal(access_of(bob, "bob"), "bob none: bob is not a member;");
        assert_string_equal(access_of(eve, "guest-eve"),
                            "guest-eve none: guest-eve is a guest, not a member;");
        assert_int_equal(member_connect(bob, 0), ERROR_RESTRICTED);
        assert_string_equal(access_of(bob, NULL), "bob none: bob is not a member;");
        assert_memory_equal(access_of(mo, NULL), "mo moderator view send moderate:", 32);

        /* Others': moderators'. Whether anybody has the name makes no difference to them either. */
        assert_int_equal(member_call(bob, "ACCESS", ",\"username\":\"alice\""),
                         ERROR_NOT_MODERATOR);
        assert_int_equal(member_call(bob, "ACCESS", ",\"username\":\"nobody\""),
                         ERROR_NOT_MODERATOR);
        assert_int_equal(member_call(eve, "ACCESS", ",\"username\":\"bob\""), ERROR_NOT_MODERATOR);
        assert_string_equal(access_of(mo, "alice"),
                            "alice owner view send moderate: alice is the owner;");
        assert_string_equal(access_of(mo, "bob"), "bob none: bob is not a member;");
        assert_string_equal(access_of(mo, "nobody"), "nobody none: nobody is not a member;");
        assert_string_equal(access_of(mo, "guest-nobody"),
                            "guest-nobody none: guest-nobody is a guest, not a member;");

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                assert_int_equal(member_call(bob, "ACCESS", ",\"username\":%s", wrong[i]),
                                 ERROR_BAD_REQUEST);
                assert_string_equal(bob->failure.field, "username");
        }
        assert_int_equal(member_call(bob, "ACCESS", "%s", ""), ERROR_NONE);
}

static bool was_told(void *userdata) {
        return ((Member *) userdata)->access[0];
}

static void wait_access(Member *m, const char *access) {
        wait_until(m->fixture, was_told, m);
        assert_string_equal(m->access, access);
        m->access[0] = '\0';
}

static void assert_not_told(Member *m) {
        settle(m->fixture);
        assert_string_equal(m->access, "");
}

static void test_let_in(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        _cleanup_(member_freep) Member *carol = member_new(f, "carol");
        _cleanup_(member_freep) Member *eve = member_new(f, "guest-eve");

        f->answer_lookup_at_once = true;
        assert_int_equal(local_permissions(f, VIEW_RESTRICTED, SEND_INVALID), ERROR_NONE);
        assert_int_equal(member_connect(bob, 0), ERROR_RESTRICTED);
        assert_int_equal(member_connect(bob, 0), ERROR_RESTRICTED);
        assert_int_equal(member_connect(eve, 0), ERROR_RESTRICTED);
        assert_int_equal(channel_host_get_n_sessions(f->host), 0);
        assert_int_equal(channel_host_get_n_online(f->host), 1);

        /* Once, and who was not refused is nobody that it concerns. */
        assert_int_equal(local_authorize(f, "bob", ROLE_MEMBER), ERROR_NONE);
        wait_access(bob, "view+send+ ");
        assert_int_equal(local_authorize(f, "bob", ROLE_MODERATOR), ERROR_NONE);
        assert_not_told(bob);
        assert_not_told(carol);
        assert_not_told(eve);
        assert_int_equal(bob->n_seen, 0);
        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        wait_seen(bob, head_of(f));

        /* Out again: that is what CLOSED says. Before she came there again: what holds then. */
        assert_int_equal(local_authorize(f, "bob", ROLE_NONE), ERROR_NONE);
        wait_closed(bob, "restricted");
        assert_not_told(bob);
        assert_int_equal(local_permissions(f, VIEW_PUBLIC, SEND_INVALID), ERROR_NONE);
        wait_access(bob, "view+send+ ");
        wait_access(eve, "view+send- ");
        assert_int_equal(local_permissions(f, VIEW_RESTRICTED, SEND_INVALID), ERROR_NONE);
        wait_access(bob, "view-send- ");
        wait_access(eve, "view-send- ");

        /* Who goes hears no more of it. */
        assert_int_equal(member_call(bob, "DISCONNECT", "%s", ""), ERROR_NONE);
        eve = member_free(eve);
        settle(f);
        assert_int_equal(f->host->n_refused, 0);
        assert_int_equal(local_permissions(f, VIEW_PUBLIC, SEND_INVALID), ERROR_NONE);
        assert_not_told(bob);
}

static void test_sending(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        _cleanup_(member_freep) Member *mo = member_new(f, "mo");
        _cleanup_(member_freep) Member *eve = member_new(f, "guest-eve");

        f->answer_lookup_at_once = true;
        assert_int_equal(local_authorize(f, "mo", ROLE_MODERATOR), ERROR_NONE);
        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_int_equal(member_connect(mo, 0), ERROR_NONE);
        assert_int_equal(member_connect(eve, 0), ERROR_NONE);
        wait_seen(bob, 2);
        assert_int_equal(local_permissions(f, VIEW_INVALID, SEND_MEMBERS), ERROR_NONE);
        wait_access(bob, "view+send- ");
        assert_int_equal(bob->n_seen_at_access, 2); /* before the entry that did it */
        wait_seen(bob, 3);
        assert_int_equal(local_permissions(f, VIEW_INVALID, SEND_EVERYONE), ERROR_NONE);
        wait_access(bob, "view+send+ ");
        wait_access(eve, "view+send+ ");
        assert_int_equal(local_permissions(f, VIEW_INVALID, SEND_MEMBERS), ERROR_NONE);
        wait_access(bob, "view+send- ");
        assert_int_equal(local_authorize(f, "bob", ROLE_MEMBER), ERROR_NONE);
        wait_access(bob, "view+send+ ");
        assert_not_told(bob);
        assert_string_equal(mo->access, "");
}

/* As a log says it that was hosted elsewhere before. */
static void start_with(Fixture *f, const char *extra) {
        Proposal p = { .kind = ENTRY_BAN, .extra = extra, .n_extra = strlen(extra) };
        Job *job = NULL;

        strcpy(p.id, uuid_of(99));
        strcpy(p.username, "alice");
        peer_server_remove_host(f->server, f->host);
        f->host = channel_host_free(f->host, NULL);
        assert_int_equal(store_append(f->store, f->row, &p, 1, NULL, NULL, &job), 0);
        start_host(f, CHANNEL_ID, 1);
        assert_int_equal(f->loaded, 0);
        assert_int_equal(peer_server_add_host(f->server, f->host), 0);
}

static void test_ban_ends(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        _cleanup_(member_freep) Member *carol = member_new(f, "carol");
        const uint64_t end = clock_realtime(f->loop->rt.clock) + 3 * USEC_PER_HOUR;
        char time[TIME_STRING_SIZE], extra[128];

        time_print(end, time);
        snprintf(extra, sizeof(extra), "{\"target\":\"bob\",\"reason\":\"spam\",\"until\":\"%s\"}",
                 time);
        start_with(f, extra);
        assert_int_equal(member_connect(bob, 0), ERROR_BANNED);
        assert_non_null(strstr(access_of(bob, NULL), "bob is banned: alice did it on "));
        assert_non_null(strstr(access_of(bob, NULL), " reason of the ban: spam;"));
        assert_true(clock_timer_is_armed(f->host->access_timer));

        /* A clock that is set while it waits counts. */
        clock_virtual_jump_realtime(f->loop->rt.clock, (int64_t) (3 * USEC_PER_HOUR));
        test_loop_run(f->loop, USEC_PER_MINUTE);
        wait_access(bob, "view+send+ ");
        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_false(clock_timer_is_armed(f->host->access_timer));
        assert_int_equal(member_connect(carol, 0), ERROR_NONE);
}

static void ban(Fixture *f, const char *target, uint64_t until) {
        Sanction s = { .kind = SANCTION_BAN, .target = target, .until = until };
        Local l = {};

        assert_int_equal(channel_host_sanction(f->host, &f->owner, &s, local_done, &l), 0);
        local_wait(f, &l, 1);
        assert_int_equal(l.failure.code, ERROR_NONE);
}

/* Whoever comes and goes is no reason to look through all bans again, and whoever is there when one
 * ends is told. */
static void test_knocking(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        _cleanup_(member_freep) Member *carol = member_new(f, "carol");
        const uint64_t end = clock_realtime(f->loop->rt.clock) + USEC_PER_HOUR;

        f->answer_lookup_at_once = true;
        ban(f, "carol", 2 * end);
        assert_int_equal(member_connect(carol, 0), ERROR_BANNED);
        assert_int_equal(member_call(carol, "DISCONNECT", "%s", ""), ERROR_NONE);
        assert_int_equal(member_connect(carol, 0), ERROR_BANNED);
        assert_true(f->host->knows_ban_end);

        /* A ban that ends earlier, made while somebody waits, and while nobody does. */
        ban(f, "bob", end);
        assert_int_equal(member_call(carol, "DISCONNECT", "%s", ""), ERROR_NONE);
        test_loop_run(f->loop, 2 * USEC_PER_MINUTE);
        assert_false(f->host->knows_ban_end);
        assert_false(clock_timer_is_armed(f->host->access_timer));
        assert_int_equal(member_connect(bob, 0), ERROR_BANNED);
        test_loop_run(f->loop, USEC_PER_HOUR);
        wait_access(bob, "view+send+ ");
        assert_string_equal(carol->access, "");
}

/* A ban that has ended holds again where the clock is set back to before that: nothing more is
 * pushed to whom it means, though no entry has changed anything. */
static void test_clock_set_back(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        _cleanup_(member_freep) Member *carol = member_new(f, "carol");
        size_t seen;

        f->answer_lookup_at_once = true;
        ban(f, "bob", clock_realtime(f->loop->rt.clock) + USEC_PER_HOUR);
        test_loop_run(f->loop, USEC_PER_HOUR + USEC_PER_SEC);
        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_int_equal(member_connect(carol, 0), ERROR_NONE);
        wait_seen(bob, head_of(f));
        seen = bob->n_seen;

        clock_virtual_jump_realtime(f->loop->rt.clock, -(int64_t) (30 * USEC_PER_MINUTE));
        assert_int_equal(member_send(carol, 1, "behind his back"), ERROR_NONE);
        wait_closed(bob, "banned");
        wait_seen(carol, head_of(f));
        assert_int_equal(bob->n_seen, seen);
        assert_string_equal(carol->closed_reason, "");
        test_loop_run(f->loop, 31 * USEC_PER_MINUTE);
        wait_access(bob, "view+send+ ");
}

/* ---- now means now ---- */

static HostSession *session_of(Fixture *f, const char *name) {
        HostSession *s;

        DL_FOREACH(f->host->sessions, s)
                if (streq(s->actor.username, name))
                        return s;
        fail_msg("no session of %s", name);
        return NULL;
}

typedef struct Queued {
        const char *username;
        size_t n_bytes;
} Queued;

static int find_queued(const PeerInfo *info, void *userdata) {
        Queued *x = userdata;

        if (streq(info->username, x->username))
                x->n_bytes = info->queued_bytes;
        return 0;
}

typedef struct Waits {
        ChannelHost *host;
        unsigned n;
} Waits;

static bool do_wait(void *userdata) {
        const Waits *x = userdata;

        return x->host->n_answers == x->n;
}

/* Their sockets are full, and all that a channel tells waits for them: the log, answers of each
 * kind, who came. The rights end, and of all that comes nothing but the frame in progress. */
static void test_nothing_follows(void **state) {
        static const struct {
                const char *name, *command, *payload;
        } rows[] = {
                { "bob", "HISTORY", ",\"limit\":500" },
                { "carol", "RET_INFO", "" },
                { "dave", "MEMBERS", ",\"limit\":500" },
                { "guest-eve", "RET_INFO", ",\"list\":\"authorized\"" },
        };
        Fixture *f = *state;
        Member *members[ELEMENTSOF(rows)];
        _cleanup_(member_freep) Member *late = NULL;
        uint64_t cursors[ELEMENTSOF(rows)];
        Waits waits = { f->host, ELEMENTSOF(rows) };

        local_without_rate(f);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                members[i] = member_new(f, rows[i].name);
                assert_int_equal(member_connect(members[i], 0), ERROR_NONE);
                wait_seen(members[i], 2);
                rpc_set_paused(members[i]->rpc, true);
        }
        for (unsigned i = 0; i < 3; i++)
                local_fill(f, i * 1000, 1000, 16000);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                member_start(members[i], rows[i].command, "%s", rows[i].payload);
        wait_until(f, do_wait, &waits);
        late = member_new(f, "late");
        assert_int_equal(member_connect(late, 0), ERROR_NONE);
        settle(f);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Queued x = { .username = rows[i].name };

                cursors[i] = session_of(f, rows[i].name)->cursor;
                assert_int_equal(peer_server_each(f->server, f->host, 0, find_queued, &x), 0);
                assert_in_range(x.n_bytes, 1, FRAME_BYTES_MAX);
                assert_true(cursors[i] < 3000);
                members[i]->presence[0] = '\0';
        }
        assert_int_equal(local_permissions(f, VIEW_RESTRICTED, SEND_INVALID), ERROR_NONE);

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Member *m = members[i];

                assert_true(session_of(f, rows[i].name)->refused);
                rpc_set_paused(m->rpc, false);
                wait_closed(m, "restricted");
                assert_int_equal(member_wait(m), ERROR_RESTRICTED);
                settle(f);
                assert_int_equal(m->n_answers, 2);
                assert_int_equal(m->n_seen, cursors[i]);
                assert_int_equal(m->n_seen_at_closed, cursors[i]);
                assert_int_equal(m->n_presence_at_closed, m->n_presence);
                assert_null(strstr(m->presence, "late"));
        }
        assert_null(f->host->answers);
}

/* Who does not read is not asked whether more is wanted: the ban itself ends it. */
static void test_banned_unread(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        Waits waits = { f->host, 1 };

        local_without_rate(f);
        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        rpc_set_paused(bob->rpc, true);
        for (unsigned i = 0; i < 3; i++)
                local_fill(f, i * 1000, 1000, 16000);
        member_start(bob, "HISTORY", ",\"limit\":500");
        wait_until(f, do_wait, &waits);
        ban(f, "bob", 0);
        assert_false(session_of(f, "bob")->connected);
        rpc_set_paused(bob->rpc, false);
        wait_closed(bob, "banned");
        assert_int_equal(member_wait(bob), ERROR_BANNED);
}

/* Who goes while answers wait leaves none behind; so does the host. */
static void test_answers_end(void **state) {
        Fixture *f = *state;
        Member *bob = member_new(f, "bob"), *carol = member_new(f, "carol");
        Waits waits = { f->host, 2 };

        local_without_rate(f);
        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_int_equal(member_connect(carol, 0), ERROR_NONE);
        rpc_set_paused(bob->rpc, true);
        rpc_set_paused(carol->rpc, true);
        for (unsigned i = 0; i < 3; i++)
                local_fill(f, i * 1000, 1000, 16000);
        member_start(bob, "HISTORY", ",\"limit\":500");
        member_start(carol, "HISTORY", ",\"limit\":500");
        wait_until(f, do_wait, &waits);
        bob = member_free(bob);
        waits.n = 1;
        wait_until(f, do_wait, &waits);
        peer_server_remove_host(f->server, f->host);
        f->host = channel_host_free(f->host, "unhosted");
        rpc_set_paused(carol->rpc, false);
        assert_int_equal(member_wait(carol), ERROR_BUSY);
        member_free(carol);
}

static void test_bounds(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        ChannelHost *more[REFUSED_PER_CONNECTION_MAX] = {};

        f->answer_lookup_at_once = true;
        assert_int_equal(local_permissions(f, VIEW_RESTRICTED, SEND_INVALID), ERROR_NONE);
        f->host->n_refused = REFUSED_PER_CHANNEL_MAX;
        assert_int_equal(member_connect(bob, 0), ERROR_RESTRICTED);
        assert_null(f->host->sessions);
        f->host->n_refused = 0;
        assert_int_equal(member_connect(bob, 0), ERROR_RESTRICTED);
        assert_int_equal(f->host->n_refused, 1);

        /* The first of his is the one that is forgotten. */
        for (size_t i = 0; i < ELEMENTSOF(more); i++) {
                ChannelHost *first = f->host;
                uint64_t row = f->row;
                char name[NAME_SIZE];
                _cleanup_(writer_done) Writer w = {};

                snprintf(name, sizeof(name), "room%zu", i);
                f->row = add_channel(f, f->identity, name, uuid_of(100 + (unsigned) i));
                f->is_loaded = false;
                assert_int_equal(channel_host_new(&f->loop->rt, f->store, f->row, name,
                                                  uuid_of(100 + (unsigned) i), 1, &f->owner,
                                                  &host_handlers, f, &more[i]),
                                 0);
                wait_true(f, &f->is_loaded);
                f->host = more[i];
                assert_int_equal(local_permissions(f, VIEW_RESTRICTED, SEND_INVALID), ERROR_NONE);
                assert_int_equal(peer_server_add_host(f->server, f->host), 0);
                f->host = first;
                f->row = row;
                assert_int_equal(f->host->n_refused, 1);

                writer_begin_object(&w, NULL);
                writer_string(&w, "channel_name", name);
                writer_uint(&w, "since", 0);
                writer_bool(&w, "invisible", false);
                writer_end_object(&w);
                bob->is_answered = false;
                assert_int_equal(rpc_call(bob->rpc, "CONNECT", &w, 0, member_on_reply, bob, NULL),
                                 0);
                assert_int_equal(member_wait(bob), ERROR_RESTRICTED);
                assert_int_equal(more[i]->n_refused, 1);
        }
        assert_int_equal(f->host->n_refused, 0);
        assert_null(f->host->sessions);
        for (size_t i = 0; i < ELEMENTSOF(more); i++) {
                peer_server_remove_host(f->server, more[i]);
                channel_host_free(more[i], "unhosted");
        }
        settle(f);
        assert_string_equal(bob->closed_reason, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(asked),       TEST(let_in),         TEST(sending), TEST(ban_ends),
                TEST(knocking),    TEST(clock_set_back), TEST(bounds),  TEST(nothing_follows),
                TEST(answers_end), TEST(banned_unread),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
