/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what an account leaves behind at the tracker when it is deleted: its name, which nobody
 * gets again, and no name of a channel, whatever was under way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scenario/tracker-rig.h"

#define DELETION "{\"password\":\"password1\"}"

static const char *hosting(const char *name, unsigned n) {
        static char text[384];

        snprintf(text, sizeof(text),
                 "{\"channel_name\":\"%s\",\"channel_id\":\"11111111-2222-4333-8444-%012u\","
                 "\"addresses\":[],\"view_permission\":\"public\",\"topic\":\"\",\"epoch\":1,"
                 "\"last_seq\":1,\"members\":0}",
                 name, n);
        return text;
}

/* Whoever was sent away already asks for nothing any more. */
static void ask(RigClient *c, const char *command, const char *payload) {
        if (!c->is_closed)
                rig_send(c, command, "%s", payload);
}

static size_t n_channels(RigClient *c) {
        assert_int_equal(rig_call(c, "LIST", "{}"), ERROR_NONE);
        return value_length(value_get(c->payload, "channels"));
}

static RigClient *device(Rig *rig, const char *name) {
        RigClient *c = rig_client_new(rig);
        char more[128];

        rig_connect(c);
        snprintf(more, sizeof(more), "\"username\":\"%s\",\"password\":\"password1\"", name);
        assert_int_equal(rig_call_csr(c, "SIGNIN", more), ERROR_NONE);
        c->certificate = strdup(rig_string(c->payload, "certificate"));
        rig_connect(c);
        return c;
}

static void test_names(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *bob = NULL, *laptop = NULL;
        const Value *removed = NULL;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        laptop = device(rig, "alice");
        bob = rig_user(rig, "bob");
        assert_int_equal(rig_call(alice, "HOST", "%s", hosting("lobby", 1)), ERROR_NONE);
        assert_int_equal(rig_call(laptop, "HOST", "%s", hosting("attic", 2)), ERROR_NONE);
        assert_int_equal(
                rig_call(laptop, "UNHOST", "{\"channel_name\":\"attic\",\"forget\":false}"),
                ERROR_NONE);
        assert_int_equal(rig_call(bob, "HOST", "%s", hosting("cellar", 3)), ERROR_NONE);
        assert_int_equal(rig_call(bob, "HOST", "%s", hosting("lobby", 4)), ERROR_CHANNEL_EXISTS);
        assert_int_equal(rig_call(bob, "WATCH", "{}"), ERROR_NONE);
        assert_int_equal(n_channels(bob), 3);

        assert_int_equal(rig_call(alice, "DELETE", DELETION), ERROR_NONE);
        rig_until(rig, &laptop->is_closed);
        assert_int_equal(n_channels(bob), 1);
        for (unsigned i = 1; !removed; i++) {
                rig_until_pushes(bob, i);
                removed = value_get(bob->pushes[i - 1], "removed");
                if (value_length(removed) == 0)
                        removed = NULL;
        }
        assert_int_equal(value_length(removed), 2);

        /* On disk as well; and free for others, with another id or with the same. */
        rig_kill(rig);
        rig_start(rig);
        rig_connect(bob);
        assert_int_equal(n_channels(bob), 1);
        assert_int_equal(rig_call(bob, "HOST", "%s", hosting("lobby", 4)), ERROR_NONE);
        assert_int_equal(rig_call(bob, "HOST", "%s", hosting("attic", 2)), ERROR_NONE);
        assert_int_equal(n_channels(bob), 3);
}

/* Whatever a device of hers has asked for at that moment, in this order or in that, binds nothing.
 */
static void test_asked_meanwhile(void **state) {
        static const char view[] = "{\"channel_name\":\"lobby\",\"topic\":\"last words\"}",
                          forget[] = "{\"channel_name\":\"lobby\",\"forget\":true}";
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *bob = NULL;

        rig_start(rig);
        bob = rig_user(rig, "bob");
        for (unsigned i = 0; i < 24; i++) {
                _cleanup_(rig_client_freep) RigClient *alice = NULL, *laptop = NULL;
                char name[16];

                snprintf(name, sizeof(name), "alice%u", i);
                alice = rig_user(rig, name);
                laptop = device(rig, name);
                assert_int_equal(rig_call(alice, "HOST", "%s", hosting("lobby", i + 1)),
                                 ERROR_NONE);
                if (i % 2 == 0)
                        rig_send(alice, "DELETE", DELETION);
                /* The password is tried, then the disk is at work: something else each time. */
                for (unsigned n = 0; n < i; n++)
                        assert_true(sd_event_run(rig->rt->event, 0) >= 0);
                if (i % 3 == 0)
                        ask(laptop, "VIEW", view);
                ask(laptop, "HOST", hosting("attic", 100 + i));
                if (i % 3 == 1)
                        ask(laptop, "UNHOST", forget);
                ask(laptop, "HOST", hosting("attic", 100 + i));
                if (i % 2 == 1)
                        rig_send(alice, "DELETE", DELETION);
                ask(laptop, "HOST", hosting("barn", 200 + i));
                rig_until(rig, &alice->is_closed);
                rig_until(rig, &laptop->is_closed);
                test_loop_run(rig->loop, USEC_PER_SEC);
                assert_int_equal(n_channels(bob), 0);
                if (i % 4 == 3) {
                        rig_kill(rig);
                        rig_start(rig);
                        rig_connect(bob);
                        assert_int_equal(n_channels(bob), 0);
                }
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_asked_meanwhile),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
