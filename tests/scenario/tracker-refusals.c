/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a tracker answers to what is wrong: each its named error, and the connection and all
 * others go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scenario/tracker-rig.h"

#define ID "\"11111111-2222-4333-8444-555555555555\""
#define HOST(name, id, addresses, view, topic, epoch)                                              \
        "{\"channel_name\":" name ",\"channel_id\":" id ",\"addresses\":" addresses                \
        ",\"view_permission\":" view ",\"topic\":" topic ",\"epoch\":" epoch                       \
        ",\"last_seq\":1,\"members\":0}"

typedef enum Who { STRANGER, GUEST, USER, N_WHO } Who;

static const struct {
        Who who;
        const char *command, *payload;
        ErrorCode error;
        const char *field;
} table[] = {
        { STRANGER, "HOST", "{}", ERROR_NOT_SIGNED_IN, "" },
        { STRANGER, "HEARTBEAT", "{}", ERROR_NOT_SIGNED_IN, "" },
        { STRANGER, "VIEW", "{}", ERROR_NOT_SIGNED_IN, "" },
        { STRANGER, "UNHOST", "{}", ERROR_NOT_SIGNED_IN, "" },
        { STRANGER, "WHOIS", "{\"username\":\"alice\"}", ERROR_NOT_SIGNED_IN, "" },
        { STRANGER, "SIGNOUT", "{}", ERROR_NOT_SIGNED_IN, "" },
        { STRANGER, "PASSWD", "{}", ERROR_NOT_SIGNED_IN, "" },
        { STRANGER, "DEVICES", "{}", ERROR_NOT_SIGNED_IN, "" },
        { STRANGER, "DELETE", "{}", ERROR_NOT_SIGNED_IN, "" },
        { STRANGER, "LIST", "{}", ERROR_NONE, "" },
        { GUEST, "HOST", "{}", ERROR_GUESTS_NOT_ALLOWED, "" },
        { GUEST, "HEARTBEAT", "{}", ERROR_GUESTS_NOT_ALLOWED, "" },
        { GUEST, "VIEW", "{}", ERROR_GUESTS_NOT_ALLOWED, "" },
        { GUEST, "UNHOST", "{}", ERROR_GUESTS_NOT_ALLOWED, "" },
        { GUEST, "PASSWD", "{}", ERROR_GUESTS_NOT_ALLOWED, "" },
        { GUEST, "DEVICES", "{}", ERROR_GUESTS_NOT_ALLOWED, "" },
        { GUEST, "DELETE", "{}", ERROR_GUESTS_NOT_ALLOWED, "" },
        { GUEST, "WHOIS", "{\"username\":\"alice\"}", ERROR_NONE, "" },
        { USER, "SIGNUP", "{}", ERROR_BAD_REQUEST, "" },
        { USER, "SIGNIN", "{}", ERROR_BAD_REQUEST, "" },
        { USER, "GUEST", "{}", ERROR_BAD_REQUEST, "" },
        { USER, "RECOVER", "{}", ERROR_BAD_REQUEST, "" },
        { USER, "CONNECT", "{}", ERROR_UNKNOWN_COMMAND, "" },
        { USER, "NONSENSE", "{}", ERROR_UNKNOWN_COMMAND, "" },
        { USER, "PING", "{}", ERROR_UNSUPPORTED, "" },

        { STRANGER, "SIGNUP", "{}", ERROR_BAD_REQUEST, "username" },
        { STRANGER, "SIGNUP", "{\"username\":\"alice\"}", ERROR_BAD_REQUEST, "password" },
        { STRANGER, "SIGNUP", "{\"username\":1,\"password\":\"password1\",\"csr\":\"x\"}",
          ERROR_BAD_REQUEST, "username" },
        { STRANGER, "SIGNUP", "{\"username\":\"alice\",\"password\":\"password1\",\"csr\":\"x\"}",
          ERROR_BAD_REQUEST, "csr" },
        { STRANGER, "RENEW", "{\"csr\":\"\"}", ERROR_BAD_REQUEST, "csr" },

        { STRANGER, "RECOVER", "{}", ERROR_BAD_REQUEST, "username" },
        { STRANGER, "RECOVER", "{\"username\":\"alice\"}", ERROR_BAD_REQUEST, "recovery_code" },
        { STRANGER, "RECOVER", "{\"username\":\"alice\",\"recovery_code\":\"x\"}",
          ERROR_BAD_REQUEST, "new_password" },
        { USER, "PASSWD", "{}", ERROR_BAD_REQUEST, "old_password" },
        { USER, "PASSWD", "{\"old_password\":\"password1\"}", ERROR_BAD_REQUEST, "new_password" },
        { USER, "PASSWD", "{\"old_password\":\"password1\",\"new_password\":\"short\"}",
          ERROR_WEAK_PASSWORD, "" },
        { USER, "PASSWD",
          "{\"old_password\":\"password1\",\"new_password\":\"password2\",\"keep_others\":1}",
          ERROR_BAD_REQUEST, "keep_others" },
        { USER, "DELETE", "{}", ERROR_BAD_REQUEST, "password" },
        { USER, "DEVICES", "{\"revoke\":\"x\"}", ERROR_BAD_REQUEST, "revoke" },
        { USER, "DEVICES", "{\"revoke\":[\"x\"]}", ERROR_BAD_REQUEST, "revoke" },
        { USER, "DEVICES",
          "{\"revoke\":[\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"]}",
          ERROR_BAD_REQUEST, "revoke" },

        { USER, "WHOIS", "{\"username\":\"Ümlaut\"}", ERROR_INVALID_NAME, "" },
        { USER, "LIST", "{\"limit\":0}", ERROR_BAD_REQUEST, "limit" },
        { USER, "LIST", "{\"limit\":201}", ERROR_BAD_REQUEST, "limit" },
        { USER, "LIST", "{\"limit\":1.5}", ERROR_BAD_REQUEST, "limit" },
        { USER, "LIST", "{\"limit\":-1}", ERROR_BAD_REQUEST, "limit" },
        { USER, "LIST", "{\"online\":1}", ERROR_BAD_REQUEST, "online" },
        { USER, "LIST",
          "{\"query\":"
          "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}",
          ERROR_BAD_REQUEST, "query" },
        { USER, "LIST", "{\"unknown\":[1,2,3],\"query\":null}", ERROR_NONE, "" },
        { USER, "WATCH", "{\"generation\":9223372036854775808}", ERROR_BAD_REQUEST, "generation" },
        { USER, "WATCH", "{\"on\":\"yes\"}", ERROR_BAD_REQUEST, "on" },

        { USER, "HOST", "[]", ERROR_BAD_REQUEST, "payload" },
        { USER, "HOST", HOST("\"Lobby\"", ID, "[]", "\"public\"", "\"\"", "1"), ERROR_INVALID_NAME,
          "" },
        { USER, "HOST", HOST("\"l\"", ID, "[]", "\"public\"", "\"\"", "1"), ERROR_INVALID_NAME,
          "" },
        { USER, "HOST", HOST("\"lobby\"", "\"x\"", "[]", "\"public\"", "\"\"", "1"),
          ERROR_BAD_REQUEST, "channel_id" },
        { USER, "HOST", HOST("\"lobby\"", ID, "{}", "\"public\"", "\"\"", "1"), ERROR_BAD_REQUEST,
          "addresses" },
        { USER, "HOST", HOST("\"lobby\"", ID, "[\"host:1\"]", "\"public\"", "\"\"", "1"),
          ERROR_BAD_REQUEST, "addresses" },
        { USER, "HOST", HOST("\"lobby\"", ID, "[1]", "\"public\"", "\"\"", "1"), ERROR_BAD_REQUEST,
          "addresses" },
        { USER, "HOST", HOST("\"lobby\"", ID, "[1,2,3,4,5,6,7,8,9]", "\"public\"", "\"\"", "1"),
          ERROR_BAD_REQUEST, "addresses" },
        { USER, "HOST", HOST("\"lobby\"", ID, "[]", "\"secret\"", "\"\"", "1"), ERROR_BAD_REQUEST,
          "view_permission" },
        { USER, "HOST", HOST("\"lobby\"", ID, "[]", "\"public\"", "\"a\\nb\"", "1"),
          ERROR_BAD_REQUEST, "topic" },
        { USER, "HOST", HOST("\"lobby\"", ID, "[]", "\"public\"", "\"\"", "-1"), ERROR_BAD_REQUEST,
          "epoch" },
        { USER, "HOST", HOST("\"lobby\"", ID, "[]", "\"public\"", "\"\"", "9007199254740992"),
          ERROR_BAD_REQUEST, "epoch" },
        { USER, "HEARTBEAT", "{\"channels\":[]}", ERROR_BAD_REQUEST, "revocations_after" },
        { USER, "HEARTBEAT", "{\"channels\":[1],\"revocations_after\":0}", ERROR_BAD_REQUEST,
          "channels" },
        { USER, "HEARTBEAT", "{\"channels\":[],\"revocations_after\":0}", ERROR_NONE, "" },
        { USER, "VIEW", "{\"channel_name\":\"nowhere\"}", ERROR_NO_SUCH_CHANNEL, "" },
        { USER, "UNHOST", "{\"channel_name\":\"nowhere\",\"forget\":true}", ERROR_NO_SUCH_CHANNEL,
          "" },
        { USER, "UNHOST", "{\"channel_name\":\"nowhere\"}", ERROR_BAD_REQUEST, "forget" },
};

static void test_refusals(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        RigClient *clients[N_WHO];

        rig_start(rig);
        clients[STRANGER] = rig_client_new(rig);
        rig_connect(clients[STRANGER]);
        clients[GUEST] = rig_guest(rig, "gus");
        clients[USER] = rig_user(rig, "alice");

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                RigClient *c = clients[table[i].who];
                ErrorCode error = rig_call(c, table[i].command, "%s", table[i].payload);

                if (error != table[i].error || !streq(c->failure.field, table[i].field))
                        fail_msg("%s %s: %s, field \"%s\": %s", table[i].command, table[i].payload,
                                 error_info(error)->wire ?: "OK", c->failure.field,
                                 c->failure.message);
        }
        for (size_t i = 0; i < N_WHO; i++) {
                assert_false(clients[i]->is_closed);
                rig_client_free(clients[i]);
        }
}

/* 8 KiB until one is signed in, 64 KiB after. */
static void test_frame_sizes(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *stranger = NULL, *alice = NULL;
        char padding[FRAME_BYTES_ANONYMOUS_MAX + 1];

        memset(padding, 'x', sizeof(padding) - 1);
        padding[sizeof(padding) - 1] = '\0';
        rig_start(rig);
        stranger = rig_client_new(rig);
        rig_connect(stranger);
        alice = rig_user(rig, "alice");

        assert_int_equal(rig_call(alice, "LIST", "{\"padding\":\"%s\"}", padding), ERROR_NONE);
        rig_send(stranger, "LIST", "{\"padding\":\"%s\"}", padding);
        rig_until(rig, &stranger->is_closed);
        assert_int_equal(rig_call(alice, "LIST", "{}"), ERROR_NONE);
}

/* What is under way when the client goes, or the tracker, is nobody's. */
static void test_leaving_early(void **state) {
        static const char *const commands[] = { "SIGNUP", "GUEST", "RENEW" };
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        for (size_t i = 0; i < ELEMENTSOF(commands) * 10; i++) {
                RigClient *c = rig_client_new(rig);

                rig_connect(c);
                rig_send_csr(c, commands[i % ELEMENTSOF(commands)],
                             "\"username\":\"somebody\",\"password\":\"password1\"");
                for (size_t k = 0; k < i / ELEMENTSOF(commands); k++)
                        assert_true(sd_event_run(rig->rt->event, 0) >= 0);
                rig_client_free(c);
        }
        rig_send(alice, "HOST", HOST("\"lobby\"", ID, "[]", "\"public\"", "\"\"", "1"));
        for (size_t k = 0; k < 3; k++)
                assert_true(sd_event_run(rig->rt->event, 0) >= 0);
        rig_kill(rig);
        rig_until(rig, &alice->is_closed);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_frame_sizes),
                cmocka_unit_test(test_leaving_early),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
