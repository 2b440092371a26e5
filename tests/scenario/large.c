/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is large and still allowed, between real daemons: the most channels that one may host, the
 * longest texts in the widest JSON. No frame is over its limit, or its reader would hang up. */
#include "scenario/support.h"

#include <poll.h>

#include "daemon/describe.h"

#define N_MESSAGES 40
#define WAIT_USEC (20 * USEC_PER_SEC)

static void fill(char *text, size_t size, const char *with) {
        size_t n = strlen(with), used = 0;

        for (; used + n <= size; used += n)
                memcpy(text + used, with, n);
        memset(text + used, 'x', size - used);
        text[size] = '\0';
}

/* 16,384 bytes of what JSON has to escape, or has in two to four bytes: to the host and back, to
 * who is there, to who comes later, and to who reads back. */
static void test_long_texts(void **state) {
        static const char *const widest[] = {
                "\"", "\\", "\n", "\t", "é", "\xf0\x9f\x8e\x89", "\"é"
        };
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *bob = world_person(w, "bob");
        Person *carol = world_person(w, "carol");
        static char text[MESSAGE_BYTES_MAX + 1];

        person_sign_up(alice, "alice");
        person_sign_up(bob, "bob");
        person_sign_up(carol, "carol");
        person_host(alice, "lobby");
        (void) person_join(bob, "lobby");
        person_until_state(bob, "lobby", MEMBER_LIVE);

        /* All at once into the outbox, and from both: what fits a frame goes in it. */
        for (unsigned i = 0; i < N_MESSAGES; i++) {
                fill(text, i % 3 == 2 ? 10 + i : MESSAGE_BYTES_MAX, widest[i % ELEMENTSOF(widest)]);
                (void) person_send(i % 4 ? bob : alice, "lobby", text);
        }
        person_until_sent(bob, "lobby");
        person_until_sent(alice, "lobby");
        person_until_seq(bob, "lobby", 1 + N_MESSAGES);
        assert_same_log(alice, bob, "lobby");

        (void) person_join(carol, "lobby");
        person_until_seq(carol, "lobby", 1 + N_MESSAGES);
        assert_same_log(alice, carol, "lobby");

        /* Only the newest, and the rest as it is asked for. */
        assert_int_equal(person_leave(carol, "lobby", true), ERROR_NONE);
        assert_int_equal(person_try_join(carol, "lobby", 1), ERROR_NONE);
        person_until_seq(carol, "lobby", 1 + N_MESSAGES);
        person_read_before(carol, "lobby", 1 + N_MESSAGES, 500);
}

#define N_CHANNELS CHANNELS_HOSTED_MAX

static void name_of(unsigned i, char ret[static NAME_SIZE]) {
        snprintf(ret, NAME_SIZE, "channel-%04u-with-a-very-long-na", i % 10000);
        assert_int_equal(strlen(ret), NAME_MAX_BYTES);
}

static void on_channel(const Failure *f, ChannelMember *c, void *userdata) {
        unsigned *n_done = userdata;

        if (f)
                fail_msg("%s", f->message);
        ++*n_done;
}

static bool all_done(void *userdata) {
        return *(unsigned *) userdata == N_CHANNELS;
}

/* Much is on the way, and the kernel's time is the real one: a millisecond of it goes with each of
 * these steps. */
static void pass(World *w, uint64_t usec, uint64_t step, bool (*until)(void *userdata),
                 void *userdata) {
        for (uint64_t passed = 0; passed < usec && !(until && until(userdata)); passed += step) {
                (void) poll(NULL, 0, 1);
                assert_true(clock_virtual_run(w->rig->rt->clock, until, userdata, step) >= 0);
        }
        assert_true(!until || until(userdata));
}

/* As many channels as one may host: kept alive by heartbeats, joined by one member over one
 * connection, whose PINGs tell the heads of all, and described in one piece. */
static void test_many_channels(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *bob = world_person(w, "bob");
        HostOptions options = { .view = VIEW_INVALID, .send = SEND_INVALID };
        _cleanup_free_ char *described = NULL;
        char topic[TOPIC_BYTES_MAX + 1], name[NAME_SIZE];
        unsigned n_hosted = 0, n_joined = 0;

        fill(topic, TOPIC_BYTES_MAX, "\"");
        options.topic = topic;
        person_sign_up(alice, "alice");
        person_sign_up(bob, "bob");
        for (unsigned i = 0; i < N_CHANNELS; i++) {
                name_of(i, name);
                assert_int_equal(
                        manager_host(alice->manager, name, &options, on_channel, &n_hosted, NULL),
                        0);
        }
        pass(w, USEC_PER_MINUTE, 10 * USEC_PER_MSEC, all_done, &n_hosted);
        assert_int_equal(person_try_host(alice, "one-too-many", &options), ERROR_QUEUE_FULL);
        for (unsigned i = 0; i < N_CHANNELS; i++) {
                name_of(i, name);
                assert_int_equal(manager_join(bob->manager, name, &(JoinOptions){ .backlog = -1 },
                                              on_channel, &n_joined, NULL),
                                 0);
        }
        pass(w, USEC_PER_MINUTE, 10 * USEC_PER_MSEC, all_done, &n_joined);

        /* Five PINGs of 52 KB, and leases that would have lapsed. */
        pass(w, 100 * USEC_PER_SEC, 50 * USEC_PER_MSEC, NULL, NULL);
        for (unsigned i = 0; i < N_CHANNELS; i += 99) {
                name_of(i, name);
                if (channel_member_get_state(person_channel(bob, name)) != MEMBER_LIVE)
                        fail_msg("%s: %s", name,
                                 channel_member_get_state_reason(person_channel(bob, name)));
                assert_int_equal(person_sees(bob, name), 1);
        }
        assert_int_equal(describe_manager(bob->manager, &described), 0);
        assert_in_range(strlen(described), N_CHANNELS * 2 * TOPIC_BYTES_MAX,
                        N_CHANNELS * (2 * TOPIC_BYTES_MAX + 1024));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_long_texts),
                cmocka_unit_test(test_many_channels),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
