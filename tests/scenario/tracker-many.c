/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows a large directory on the wire: 5,000 channels of the largest legal kind, listed and pushed
 * in frames, read fast, slowly, or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scenario/tracker-rig.h"

#define N_CHANNELS 5000

static void on_put(int r, void *userdata) {
        unsigned *n_put = userdata;

        assert_int_equal(r, 0);
        ++*n_put;
}

/* A tracker that starts with so many in its database, each lease alive. */
static void start_with_many(Rig *rig) {
        char topic[TOPIC_BYTES_MAX + 1];
        unsigned n_put = 0;

        memset(topic, '"', TOPIC_BYTES_MAX); /* each takes two bytes */
        topic[TOPIC_BYTES_MAX] = '\0';
        rig_start(rig);
        for (unsigned i = 0; i < N_CHANNELS; i++) {
                ChannelRecord c = {
                        .entry = { .online = true, .epoch = NUMBER_MAX, .last_seq = NUMBER_MAX },
                };
                DirectoryEntry *e = &c.entry;

                snprintf(e->channel_name, sizeof(e->channel_name),
                         "channel-%05u-with-a-long-name.x", i);
                snprintf(e->channel_id, sizeof(e->channel_id), "%08u-2222-4333-8444-555555555555",
                         i);
                snprintf(e->owner, sizeof(e->owner), "owner-%u-with-a-name-that-is-long", i / 1000);
                snprintf(c.key, sizeof(c.key), "%064u", i / 1000);
                e->topic = topic;
                for (unsigned k = 0; k < ADDRESSES_MAX; k++) {
                        char text[ADDRESS_STRING_SIZE];

                        snprintf(text, sizeof(text),
                                 "[2001:db8:1111:2222:3333:4444:5555:%u666]:22237", k + 1);
                        assert_int_equal(address_parse(text, false, &e->addresses[k]), 0);
                }
                e->n_addresses = ADDRESSES_MAX;
                assert_int_equal(
                        db_put_channel(tracker_get_db(rig->tracker), &c, on_put, &n_put, NULL), 0);
                if (i % 100 == 99)
                        test_loop_until_count(rig->loop, &n_put, i + 1, USEC_PER_MINUTE);
        }
        rig_kill(rig);
        rig_start(rig);
}

static void take_changed(RigClient *c, unsigned *n_changed, unsigned *n_resets) {
        for (unsigned i = 0; i < c->n_pushes; i++) {
                *n_changed += value_length(value_get(c->pushes[i], "changed"));
                *n_resets += value_has(c->pushes[i], "reset");
                value_unref(c->pushes[i]);
        }
        c->n_pushes = 0;
}

/* Before the first change of this run: all that there is came after it. */
static uint64_t first_generation(RigClient *c) {
        assert_int_equal(rig_call(c, "LIST", "{\"limit\":1}"), ERROR_NONE);
        return rig_uint(c->payload, "generation") - N_CHANNELS;
}

/* Each page is a frame (a larger one would have been refused), in order, each channel once. */
static void test_list(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *stranger = NULL;
        RigClient *who[2];

        start_with_many(rig);
        alice = who[0] = rig_user(rig, "alice");
        stranger = who[1] = rig_client_new(rig);
        rig_connect(stranger);
        for (unsigned k = 0; k < ELEMENTSOF(who); k++) {
                char after[NAME_SIZE] = "";
                unsigned n = 0, n_pages = 0;
                const char *next;

                do {
                        const Value *channels;

                        assert_int_equal(rig_call(who[k], "LIST", "{\"after\":\"%s\"}", after),
                                         ERROR_NONE);
                        channels = value_get(who[k]->payload, "channels");
                        assert_true(value_length(channels) > 0);
                        for (unsigned i = 0; i < value_length(channels); i++) {
                                const char *name =
                                        rig_string(value_at(channels, i), "channel_name");

                                assert_true(strcmp(name, after) > 0);
                                strcpy(after, name);
                                n++;
                        }
                        n_pages++;
                        next = value_string(value_get(who[k]->payload, "next"), NULL);
                        assert_true(!next || streq(next, after));
                } while (next);
                assert_int_equal(n, N_CHANNELS);
                assert_true(n_pages > (k == 0 ? 100 : 1000));
        }
}

static void test_pushes(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL;
        unsigned n_changed = 0, n_resets = 0;

        start_with_many(rig);
        alice = rig_user(rig, "alice");
        assert_int_equal(rig_call(alice, "WATCH", "{\"generation\":%llu}",
                                  (unsigned long long) first_generation(alice)),
                         ERROR_NONE);
        assert_false(rig_bool(alice->payload, "reset"));
        for (unsigned i = 0; i < 100000 && n_changed < N_CHANNELS; i++) {
                assert_true(sd_event_run(rig->rt->event, 0) >= 0);
                take_changed(alice, &n_changed, &n_resets);
        }
        assert_int_equal(n_changed, N_CHANNELS);
        assert_int_equal(n_resets, 0);
}

/* Who reads, if slowly, is told everything, whatever else happens meanwhile: only who does not read
 * has to begin anew. */
static void test_slow_watcher(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *bob = NULL;
        unsigned n_changed = 0, n_resets = 0, n_rounds = 0;

        start_with_many(rig);
        alice = rig_user(rig, "alice");
        bob = rig_user(rig, "bob");
        assert_int_equal(rig_call(bob, "HOST",
                                  "{\"channel_name\":\"bobs\",\"channel_id\":"
                                  "\"99999999-2222-4333-8444-555555555555\",\"addresses\":[],"
                                  "\"view_permission\":\"public\",\"topic\":\"\",\"epoch\":1,"
                                  "\"last_seq\":1,\"members\":1}"),
                         ERROR_NONE);
        assert_int_equal(rig_call(alice, "WATCH", "{\"generation\":%llu}",
                                  (unsigned long long) first_generation(alice) - 1),
                         ERROR_NONE);
        for (; n_rounds < 1000 && n_changed < N_CHANNELS; n_rounds++) {
                rpc_set_paused(alice->rpc, true);
                assert_int_equal(rig_call(bob, "VIEW",
                                          "{\"channel_name\":\"bobs\",\"topic\":\"%u\"}", n_rounds),
                                 ERROR_NONE);
                test_loop_run(rig->loop, USEC_PER_SEC);
                rpc_set_paused(alice->rpc, false);
                /* So much that she is through well before the leases end, each round a second. */
                for (unsigned i = 0; i < 5; i++)
                        assert_true(sd_event_run(rig->rt->event, 0) >= 0);
                take_changed(alice, &n_changed, &n_resets);
        }
        assert_int_equal(n_resets, 0);
        assert_true(n_changed >= N_CHANNELS && n_rounds > 3);
}

/* The longest HEARTBEAT that fits a frame, with nothing in it that the tracker knows: all of it is
 * in the answer. */
static void test_heartbeat(void **state) {
        static const struct {
                unsigned n;
                const char *tail;
        } table[] = { { 700, "-a-name-of-thirty-two-byte" }, { CHANNELS_HOSTED_MAX, "" } };
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        for (size_t k = 0; k < ELEMENTSOF(table); k++) {
                _cleanup_(writer_done) Writer w = {};

                writer_begin_array(&w, NULL);
                for (unsigned i = 0; i < table[k].n; i++) {
                        char name[NAME_SIZE];

                        snprintf(name, sizeof(name), "n%04u%s", i % 10000, table[k].tail);
                        writer_begin_object(&w, NULL);
                        writer_string(&w, "channel_name", name);
                        writer_uint(&w, "epoch", 1);
                        writer_uint(&w, "last_seq", 0);
                        writer_uint(&w, "members", 0);
                        writer_end_object(&w);
                }
                writer_end_array(&w);
                assert_true(w.size > FRAME_BYTES_MAX * 9 / 10);
                assert_int_equal(rig_call(alice, "HEARTBEAT",
                                          "{\"channels\":%.*s,\"revocations_after\":0}",
                                          (int) w.size, w.data),
                                 ERROR_NONE);
                assert_int_equal(value_length(value_get(alice->payload, "lost")), table[k].n);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_list),
                cmocka_unit_test(test_pushes),
                cmocka_unit_test(test_slow_watcher),
                cmocka_unit_test(test_heartbeat),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
