/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A channel becomes restricted, or its topic another, at its host: the tracker shows it so within a
 * second, and never again otherwise, whoever of the two is away or killed meanwhile. */
#include "scenario/support.h"

#define TOPIC "secret plans"

typedef struct Stage {
        World *world;
        Person *alice, *bob;
        RigClient *stranger; /* without a certificate, watches */
} Stage;

static void setup(Stage *s) {
        *s = (Stage){ .world = world_new() };
        s->alice = world_person(s->world, "alice");
        s->bob = world_person(s->world, "bob");
        person_sign_up(s->alice, "alice");
        person_sign_up(s->bob, "bob");
        assert_int_equal(person_try_host(s->alice, "lobby",
                                         &(HostOptions){ .view = VIEW_INVALID, .topic = TOPIC }),
                         ERROR_NONE);
        (void) person_join(s->bob, "lobby");
        person_until_state(s->bob, "lobby", MEMBER_LIVE);
        world_pass(s->world, USEC_PER_MINUTE); /* counts are told */
        s->stranger = rig_client_new(s->world->rig);
}

static void stage_done(Stage *s) {
        rig_client_free(s->stranger);
        world_free(s->world);
}

static void watch(Stage *s) {
        rig_connect(s->stranger);
        assert_int_equal(rig_call(s->stranger, "WATCH", "{}"), ERROR_NONE);
        for (unsigned i = 0; i < s->stranger->n_pushes; i++)
                value_unref(s->stranger->pushes[i]);
        s->stranger->n_pushes = 0;
}

static void assert_shown(const Value *c, const char *view, const char *topic, uint64_t members) {
        assert_string_equal(rig_string(c, "channel_name"), "lobby");
        assert_string_equal(rig_string(c, "view_permission"), view);
        assert_string_equal(rig_string(c, "topic"), topic);
        assert_int_equal(rig_uint(c, "members"), members);
}

static void assert_listed(Stage *s, const char *view, const char *topic, uint64_t members) {
        assert_int_equal(rig_call(s->stranger, "LIST", "{}"), ERROR_NONE);
        assert_int_equal(value_length(value_get(s->stranger->payload, "channels")), 1);
        assert_shown(value_at(value_get(s->stranger->payload, "channels"), 0), view, topic,
                     members);
}

static size_t n_found(Stage *s, const char *query) {
        assert_int_equal(rig_call(s->stranger, "LIST", "{\"query\":\"%s\"}", query), ERROR_NONE);
        return value_length(value_get(s->stranger->payload, "channels"));
}

static const Value *last_told(Stage *s) {
        assert_true(s->stranger->n_pushes > 0);
        return value_at(value_get(s->stranger->pushes[s->stranger->n_pushes - 1], "changed"), 0);
}

/* The words were nowhere in what was told since it watched. */
static void assert_never_told(Stage *s, const char *words) {
        for (unsigned i = 0; i < s->stranger->n_pushes; i++) {
                _cleanup_(writer_done) Writer w = {};

                writer_value(&w, NULL, s->stranger->pushes[i]);
                writer_bytes(&w, "", 1);
                assert_null(strstr(w.data, words));
        }
}

static void test_within_a_second(void **state) {
        Person *carol;
        unsigned n;
        Stage s;

        setup(&s);
        assert_int_equal(person_authorize(s.alice, "lobby", "bob", ROLE_MODERATOR), ERROR_NONE);
        watch(&s);
        assert_listed(&s, "public", TOPIC, 2);
        assert_int_equal(n_found(&s, "secret"), 1);

        assert_int_equal(person_set_view(s.alice, "lobby", VIEW_RESTRICTED, SEND_INVALID),
                         ERROR_NONE);
        world_pass(s.world, USEC_PER_SEC);
        assert_shown(last_told(&s), "restricted", "", 0);
        assert_never_told(&s, TOPIC);
        assert_listed(&s, "restricted", "", 0);
        assert_int_equal(n_found(&s, "secret"), 0);
        assert_int_equal(n_found(&s, "lob"), 1);
        assert_int_equal(rig_call(s.stranger, "VIEW",
                                  "{\"channel_name\":\"lobby\",\"view_permission\":\"public\"}"),
                         ERROR_NOT_SIGNED_IN);

        /* Another topic is hidden as well, and how many are here. */
        n = s.stranger->n_pushes;
        assert_int_equal(person_set_topic(s.alice, "lobby", TOPIC " two"), ERROR_NONE);
        world_pass(s.world, 2 * USEC_PER_MINUTE);
        assert_never_told(&s, TOPIC);
        for (; n < s.stranger->n_pushes; n++)
                assert_shown(value_at(value_get(s.stranger->pushes[n], "changed"), 0), "restricted",
                             "", 0);
        assert_listed(&s, "restricted", "", 0);
        carol = world_person(s.world, "carol");
        person_sign_up(carol, "carol");
        assert_int_equal(person_try_join(carol, "lobby", -1), ERROR_RESTRICTED);

        /* And shown again, by whoever may set it. */
        assert_int_equal(person_set_view(s.bob, "lobby", VIEW_PUBLIC, SEND_INVALID),
                         ERROR_NOT_OWNER);
        assert_int_equal(person_set_view(s.alice, "lobby", VIEW_PUBLIC, SEND_INVALID), ERROR_NONE);
        world_pass(s.world, USEC_PER_SEC);
        assert_shown(last_told(&s), "public", TOPIC " two", 2);
        assert_int_equal(person_set_topic(s.bob, "lobby", "tea"), ERROR_NONE);
        world_pass(s.world, USEC_PER_SEC);
        assert_shown(last_told(&s), "public", "tea", 2);
        assert_int_equal(person_set_topic(s.bob, "lobby", ""), ERROR_NONE);
        world_pass(s.world, USEC_PER_SEC);
        assert_shown(last_told(&s), "public", "", 2);
        assert_string_equal(channel_member_get_topic(person_channel(s.alice, "lobby")), "");
        assert_string_equal(channel_member_get_topic(person_channel(s.bob, "lobby")), "");
        stage_done(&s);
}

/* What it was not told it hears as soon as it is back, before the channel is online there. */
static void test_the_tracker_was_away(void **state) {
        Stage s;

        setup(&s);
        world_tracker_kill(s.world);
        assert_int_equal(person_set_view(s.alice, "lobby", VIEW_RESTRICTED, SEND_INVALID),
                         ERROR_NONE);
        assert_int_equal(person_set_topic(s.alice, "lobby", "other"), ERROR_NONE);
        world_pass(s.world, 5 * USEC_PER_MINUTE);
        world_tracker_start(s.world);
        watch(&s);
        rig_until_pushes(s.stranger, 1);
        assert_shown(last_told(&s), "restricted", "", 0);
        world_pass(s.world, 2 * USEC_PER_MINUTE);
        assert_never_told(&s, TOPIC);
        assert_never_told(&s, "other");
        assert_listed(&s, "restricted", "", 0);
        stage_done(&s);
}

/* The daemon comes back after kill -9, or an orderly end, and says nothing else meanwhile. */
static void test_the_host_was_away(void **state) {
        for (unsigned i = 0; i < 2; i++) {
                bool orderly = i == 1;
                Stage s;

                setup(&s);
                assert_int_equal(person_leave(s.bob, "lobby", true), ERROR_NONE);
                assert_int_equal(person_set_view(s.alice, "lobby", VIEW_RESTRICTED, SEND_MEMBERS),
                                 ERROR_NONE);
                world_pass(s.world, USEC_PER_SEC);
                watch(&s);
                if (orderly)
                        person_stop(s.alice);
                else
                        person_kill(s.alice);
                world_pass(s.world, 2 * USEC_PER_MINUTE);
                assert_int_equal(s.stranger->n_pushes, 1); /* offline */
                assert_shown(last_told(&s), "restricted", "", 0);
                person_start(s.alice);
                person_until_state(s.alice, "lobby", MEMBER_LIVE);
                world_pass(s.world, 2 * USEC_PER_MINUTE);
                assert_true(s.stranger->n_pushes > 1);
                assert_never_told(&s, "public");
                assert_never_told(&s, TOPIC);
                assert_listed(&s, "restricted", "", 0);
                assert_int_equal(channel_member_get_send(person_channel(s.alice, "lobby")),
                                 SEND_MEMBERS);

                /* The other way: what is public again is found again, also by an empty topic. */
                assert_int_equal(person_set_view(s.alice, "lobby", VIEW_PUBLIC, SEND_INVALID),
                                 ERROR_NONE);
                assert_int_equal(person_set_topic(s.alice, "lobby", ""), ERROR_NONE);
                person_kill(s.alice);
                world_pass(s.world, 2 * USEC_PER_MINUTE);
                watch(&s);
                person_start(s.alice);
                person_until_state(s.alice, "lobby", MEMBER_LIVE);
                world_pass(s.world, 2 * USEC_PER_MINUTE);
                assert_never_told(&s, "restricted");
                assert_never_told(&s, TOPIC);
                assert_listed(&s, "public", "", 1);
                stage_done(&s);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_within_a_second),
                cmocka_unit_test(test_the_tracker_was_away),
                cmocka_unit_test(test_the_host_was_away),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
