/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A member stops reading while the others talk: they notice nothing, the host keeps next to nothing
 * for it and takes nothing more from it, and when it reads again it gets all of it in order, over
 * the same connection, until it is live. */
#include "daemon/host/peer.h"
#include "scenario/relay.h"

/* More than two kernels hold for one connection, and many times what the host keeps encoded. */
#define TEXT_BYTES 16000
#define N_TEXTS 1200
#define KEPT_BYTES_MAX (256 * 1024)

typedef struct Story {
        World *w;
        Person *alice, *bob, *carol;
        Relay *relay;
        char text[TEXT_BYTES + 1];
        uint64_t last; /* seq that the host has */
} Story;

static Person *member(Story *s, const char *name) {
        Person *p = world_person(s->w, name);

        person_sign_up(p, name);
        return p;
}

static void begin(Story *s) {
        *s = (Story){ .w = world_new(), .last = 2 };
        memset(s->text, 'x', TEXT_BYTES);
        s->alice = member(s, "alice");
        s->bob = member(s, "bob");
        s->carol = member(s, "carol");
        s->relay = relay_new(s->alice);
        person_host(s->alice, "lobby");
        assert_int_equal(person_set_rate(s->alice, "lobby", 0, -1), ERROR_NONE);
        (void) person_join(s->bob, "lobby");
        (void) person_join(s->carol, "lobby");
        person_until_state(s->bob, "lobby", MEMBER_LIVE);
        person_until_state(s->carol, "lobby", MEMBER_LIVE);
        world_pass(s->w, USEC_PER_MINUTE);
}

static void end(Story *s) {
        relay_free(s->relay);
        world_free(s->w);
}

static void talk(Story *s, unsigned n) {
        for (unsigned i = 0; i < n; i++) {
                (void) person_send(s->alice, "lobby", s->text);
                s->last++;
                if (i % 50 == 49) /* carol has it all, all the time */
                        person_until_seq(s->carol, "lobby", s->last);
        }
        person_until_seq(s->carol, "lobby", s->last);
}

typedef struct Kept {
        size_t n_bytes;
        unsigned n_connections;
} Kept;

static int add_kept(const PeerInfo *info, void *userdata) {
        Kept *k = userdata;

        if (!streq(info->username, "bob"))
                return 0;
        k->n_bytes += info->queued_bytes;
        k->n_connections++;
        return 0;
}

static Kept kept_for_bob(const Story *s) {
        Kept k = {};

        assert_int_equal(
                peer_server_each(manager_get_peers(s->alice->manager),
                                 channel_member_get_local_host(person_channel(s->alice, "lobby")),
                                 0, add_kept, &k),
                0);
        return k;
}

static uint64_t held_by_bob(const Story *s) {
        return channel_member_get_synced_seq(person_channel(s->bob, "lobby"));
}

static void check(Story *s) {
        person_until_seq(s->bob, "lobby", s->last);
        person_until_state(s->bob, "lobby", MEMBER_LIVE);
        (void) person_send(s->alice, "lobby", "live");
        s->last++;
        person_until_seq(s->bob, "lobby", s->last);
        assert_int_equal(s->bob->last_told, s->last);
        assert_int_equal(channel_member_get_n_unread(person_channel(s->bob, "lobby")), s->last - 2);
        assert_same_log(s->alice, s->bob, "lobby");
}

/* What the kernels hold, then what the host has encoded, then its disk, then live: one stream. */
static void test_reads_again(void **state) {
        _cleanup_(end) Story s;
        uint64_t before;
        Kept k;

        begin(&s);
        before = clock_boottime(s.w->rig->rt->clock);
        relay_freeze(s.relay, s.bob);
        talk(&s, N_TEXTS);
        k = kept_for_bob(&s);
        assert_int_equal(k.n_connections, 1);
        assert_true(k.n_bytes > 0); /* it does not fit into the kernels */
        assert_true(k.n_bytes < KEPT_BYTES_MAX);
        assert_true(held_by_bob(&s) < s.last / 2);
        assert_true(clock_boottime(s.w->rig->rt->clock) - before < 40 * USEC_PER_SEC);

        relay_thaw(s.relay, s.bob);
        talk(&s, 20); /* while it catches up */
        check(&s);
        assert_int_equal(relay_get_n_dialled(s.relay, s.bob), 1);
}

/* For longer than a connection may be silent: the host lets it go, and it comes back for the rest.
 */
static void test_stays_away(void **state) {
        _cleanup_(end) Story s;

        begin(&s);
        relay_freeze(s.relay, s.bob);
        talk(&s, N_TEXTS);
        world_pass(s.w, 40 * USEC_PER_SEC);
        person_until_seq(s.carol, "lobby", s.last);
        world_pass(s.w, USEC_PER_MINUTE);
        assert_true(kept_for_bob(&s).n_connections <= 1);
        check(&s);
        assert_int_equal(relay_get_n_dialled(s.relay, s.bob), 2);
        assert_int_equal(relay_get_n_dialled(s.relay, s.carol), 1);
        assert_same_log(s.alice, s.carol, "lobby");
}

/* It asks and asks, and takes no answer: the host stops to read from it. */
static void test_asks_without_reading(void **state) {
        _cleanup_(end) Story s;
        char line[256];
        Kept k;

        begin(&s);
        talk(&s, 100);
        person_until_seq(s.bob, "lobby", s.last);
        relay_freeze(s.relay, s.bob);
        for (unsigned i = 0; i < 2000; i++) { /* a frame of answers each: 128 MB */
                snprintf(line, sizeof(line),
                         "HISTORY-{\"id\":\"late-%u\",\"payload\":{\"channel_name\":\"lobby\","
                         "\"limit\":500}}",
                         i);
                relay_say_late(s.relay, s.bob, line);
        }
        world_pass(s.w, 10 * USEC_PER_SEC);
        talk(&s, 50);
        k = kept_for_bob(&s);
        assert_int_equal(k.n_connections, 1);
        /* What makes it stop, and the two answers that were under way. */
        assert_true(k.n_bytes > 0 && k.n_bytes < KEPT_BYTES_MAX);
        relay_thaw(s.relay, s.bob);
        check(&s);
        assert_int_equal(relay_get_n_dialled(s.relay, s.bob), 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reads_again),
                cmocka_unit_test(test_stays_away),
                cmocka_unit_test(test_asks_without_reading),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
