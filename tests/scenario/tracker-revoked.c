/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how devices and accounts end at the tracker: whose keys count no more, what hosts are told
 * of it and what becomes of connections and leases; in virtual time through the real wire. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scenario/tracker-rig.h"

#define ID_LOBBY "11111111-2222-4333-8444-555555555555"

static const char *key_of(const RigClient *c) {
        static char id[KEY_ID_SIZE];

        key_get_id(c->key, id);
        return id;
}

/* One more device of a user. */
static RigClient *device(Rig *rig, const char *name, const char *password) {
        RigClient *c = rig_client_new(rig);
        char more[128];

        rig_connect(c);
        snprintf(more, sizeof(more), "\"username\":\"%s\",\"password\":\"%s\"", name, password);
        assert_int_equal(rig_call_csr(c, "SIGNIN", more), ERROR_NONE);
        c->certificate = strdup(rig_string(c->payload, "certificate"));
        rig_connect(c);
        assert_false(c->is_closed);
        return c;
}

static ErrorCode sign_in(Rig *rig, const char *name, const char *password) {
        _cleanup_(rig_client_freep) RigClient *c = rig_client_new(rig);
        char more[128];

        rig_connect(c);
        snprintf(more, sizeof(more), "\"username\":\"%s\",\"password\":\"%s\"", name, password);
        return rig_call_csr(c, "SIGNIN", more);
}

static ErrorCode host(RigClient *c, uint64_t last_seq) {
        return rig_call(c, "HOST",
                        "{\"channel_name\":\"lobby\",\"channel_id\":\"" ID_LOBBY
                        "\",\"addresses\":[],\"view_permission\":\"public\",\"topic\":\"\","
                        "\"epoch\":1,\"last_seq\":%d,\"members\":0}",
                        (int) last_seq);
}

static const Value *lobby(RigClient *c) {
        assert_int_equal(rig_call(c, "LIST", "{}"), ERROR_NONE);
        assert_int_equal(value_length(value_get(c->payload, "channels")), 1);
        return value_at(value_get(c->payload, "channels"), 0);
}

/* What a host is told after that version; borrowed from its last answer. */
static const Value *revocations(RigClient *c, uint64_t after) {
        assert_int_equal(rig_call(c, "HEARTBEAT",
                                  "{\"channels\":[],\"revocations_after\":%" PRIu64 "}", after),
                         ERROR_NONE);
        return value_get(c->payload, "revocations");
}

/* The key was revoked: it was sent away, and the tracker knows it no more. */
static void check_revoked(RigClient *c) {
        rig_until(c->rig, &c->is_closed);
        assert_int_equal(c->n_pushes, 1);
        assert_string_equal(c->push_names[0], "GOING_AWAY");
        rig_connect(c);
        assert_true(c->is_closed);
        assert_int_equal(c->why.error, -EKEYREVOKED);
        free(TAKE_PTR(c->certificate));
        rig_connect(c);
        assert_int_equal(rig_call_csr(c, "RENEW", ""), ERROR_REVOKED);
        assert_int_equal(rig_call_csr(c, "GUEST", "\"username\":\"somebody\""), ERROR_REVOKED);
}

static void test_sign_out(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *laptop = NULL, *bob = NULL,
                                              *gus = NULL;
        const Value *list;
        uint64_t first;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        bob = rig_user(rig, "bob");
        gus = rig_guest(rig, "gus");
        laptop = device(rig, "alice", "password1");
        assert_int_equal(host(alice, 5), ERROR_NONE);
        assert_int_equal(host(laptop, 5), ERROR_CONFLICT);
        assert_int_equal(value_length(revocations(bob, 0)), 0);

        /* A shorter certificate does not take the longer one back. */
        rig->settings.certificate_days = 1;
        assert_int_equal(rig_call_csr(alice, "RENEW", ""), ERROR_NONE);
        assert_string_equal(rig_string(alice->payload, "expires"), "2026-01-02T00:00:00.000Z");
        rig->settings.certificate_days = 7;

        assert_int_equal(rig_call(alice, "SIGNOUT", "{}"), ERROR_NONE);
        /* Its lease is over with it: nobody waits for a minute. */
        assert_false(rig_bool(lobby(bob), "online"));
        assert_int_equal(host(laptop, 5), ERROR_NONE);
        assert_int_equal(rig_uint(laptop->payload, "epoch"), 2);
        list = revocations(bob, 0);
        assert_int_equal(value_length(list), 1);
        assert_string_equal(rig_string(value_at(list, 0), "key"), key_of(alice));
        assert_string_equal(rig_string(value_at(list, 0), "until"), "2026-01-08T00:00:00.000Z");
        first = rig_uint(value_at(list, 0), "version");
        assert_true(first > 0);
        assert_int_equal(value_length(revocations(bob, first)), 0);
        check_revoked(alice);

        /* Guests have keys as well; their names are free when the day is over. */
        assert_int_equal(rig_call(gus, "SIGNOUT", "{}"), ERROR_NONE);
        check_revoked(gus);
        list = revocations(bob, first);
        assert_int_equal(value_length(list), 1);
        assert_string_equal(rig_string(value_at(list, 0), "key"), key_of(gus));
        assert_string_equal(rig_string(value_at(list, 0), "until"), "2026-01-02T00:00:00.000Z");

        /* Nothing of it is lost with the process. */
        rig_kill(rig);
        rig_start(rig);
        rig_connect(bob);
        rig_connect(laptop);
        list = revocations(bob, 0);
        assert_int_equal(value_length(list), 2);
        assert_true(rig_uint(value_at(list, 1), "version") > first);
        assert_int_equal(rig_call(laptop, "LIST", "{}"), ERROR_NONE);
        rig_connect(alice);
        assert_int_equal(rig_call_csr(alice, "RENEW", ""), ERROR_REVOKED);
}

/* What a key asks for while it is being revoked is not its own afterwards, on disk neither. */
static void test_asked_meanwhile(void **state) {
        static const char hosting[] =
                "{\"channel_name\":\"lobby\",\"channel_id\":\"" ID_LOBBY
                "\",\"addresses\":[],\"view_permission\":\"public\",\"topic\":\"\","
                "\"epoch\":1,\"last_seq\":1,\"members\":0}";
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *bob = NULL;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        bob = rig_user(rig, "bob");
        /* 0: both at the disk at once; 1: the lease first; 2: it waits for its turn. */
        for (unsigned i = 0; i < 3; i++) {
                _cleanup_(rig_client_freep) RigClient *laptop = device(rig, "alice", "password1");

                if (i == 2)
                        rig_send(laptop, "HOST", "%s", hosting);
                if (i == 0)
                        rig_send(laptop, "SIGNOUT", "{}");
                rig_send(laptop, "HOST", "%s", hosting);
                if (i > 0)
                        rig_send(laptop, "SIGNOUT", "{}");
                rig_until(rig, &laptop->is_closed);
                test_loop_run(rig->loop, USEC_PER_SEC);
                assert_int_equal(rig_call(bob, "LIST", "{}"), ERROR_NONE);
                assert_false(rig_bool(lobby(bob), "online"));
                rig_kill(rig);
                rig_start(rig);
                rig_connect(bob);
                assert_false(rig_bool(lobby(bob), "online"));
        }
        rig_connect(alice);
        assert_int_equal(host(alice, 1), ERROR_NONE);
}

static void test_devices(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *laptop = NULL, *phone = NULL,
                                              *bob = NULL;
        const Value *list;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        bob = rig_user(rig, "bob");
        laptop = device(rig, "alice", "password1");
        phone = device(rig, "alice", "password1");
        assert_int_equal(rig_call(alice, "DEVICES", "{}"), ERROR_NONE);
        list = value_get(alice->payload, "devices");
        assert_int_equal(value_length(list), 3);
        for (size_t i = 0; i < 3; i++) {
                const Value *v = value_at(list, i);

                assert_int_equal(rig_bool(v, "this"), streq(rig_string(v, "key"), key_of(alice)));
                assert_memory_equal(rig_string(v, "created"), "2026-01-01T00:0", 15);
                assert_memory_equal(rig_string(v, "seen"), "2026-01-01T00:0", 15);
        }
        assert_false(value_has(alice->payload, "next"));

        /* Who comes back is seen then; the others were. */
        test_loop_run(rig->loop, USEC_PER_DAY + USEC_PER_MINUTE);
        rig_connect(phone);
        assert_int_equal(rig_call(alice, "DEVICES", "{}"), ERROR_NONE);
        list = value_get(alice->payload, "devices");
        for (size_t i = 0; i < 3; i++) {
                const Value *v = value_at(list, i);

                assert_memory_equal(rig_string(v, "created"), "2026-01-01T00:0", 15);
                assert_memory_equal(rig_string(v, "seen"),
                                    streq(rig_string(v, "key"), key_of(phone)) ? "2026-01-02T00:0"
                                                                               : "2026-01-01T00:0",
                                    15);
        }

        /* All or nothing: nobody revokes what is not hers. */
        {
                _cleanup_free_ char *others = strdup(key_of(bob));

                assert_int_equal(rig_call(alice, "DEVICES", "{\"revoke\":[\"%s\",\"%s\"]}",
                                          key_of(phone), others),
                                 ERROR_BAD_REQUEST);
        }
        assert_string_equal(alice->failure.field, "revoke");
        assert_int_equal(rig_call(phone, "LIST", "{}"), ERROR_NONE);

        for (unsigned i = 0; i < 2; i++) { /* the answer was lost: once more is OK */
                assert_int_equal(rig_call(alice, "DEVICES", "{\"revoke\":[\"%s\"]}", key_of(phone)),
                                 ERROR_NONE);
                assert_int_equal(value_length(value_get(alice->payload, "devices")), 2);
        }
        check_revoked(phone);
        assert_int_equal(value_length(revocations(bob, 0)), 1);
        /* Oneself too: answered, then closed. */
        assert_int_equal(rig_call(laptop, "DEVICES", "{\"revoke\":[\"%s\"]}", key_of(laptop)),
                         ERROR_NONE);
        assert_int_equal(value_length(value_get(laptop->payload, "devices")), 1);
        check_revoked(laptop);
        assert_int_equal(rig_call(bob, "LIST", "{}"), ERROR_NONE);
        assert_int_equal(rig_call(alice, "LIST", "{}"), ERROR_NONE);
}

static void test_passwd(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *laptop = NULL;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        laptop = device(rig, "alice", "password1");
        assert_int_equal(
                rig_call(alice, "PASSWD",
                         "{\"old_password\":\"wrong-one\",\"new_password\":\"password2\"}"),
                ERROR_BAD_CREDENTIALS);
        assert_int_equal(rig_call(alice, "PASSWD",
                                  "{\"old_password\":\"password1\",\"new_password\":\"password2\","
                                  "\"keep_others\":true}"),
                         ERROR_NONE);
        assert_int_equal(rig_call(laptop, "LIST", "{}"), ERROR_NONE);
        assert_int_equal(sign_in(rig, "alice", "password1"), ERROR_BAD_CREDENTIALS);

        assert_int_equal(host(laptop, 1), ERROR_NONE);
        assert_int_equal(
                rig_call(alice, "PASSWD",
                         "{\"old_password\":\"password2\",\"new_password\":\"password3\"}"),
                ERROR_NONE);
        check_revoked(laptop);
        assert_int_equal(host(alice, 1), ERROR_NONE);
        assert_int_equal(sign_in(rig, "alice", "password2"), ERROR_BAD_CREDENTIALS);
        assert_int_equal(sign_in(rig, "alice", "password3"), ERROR_NONE);
}

/* Two changes, and a sign-in, that were all verified against the same password: one wins. */
static void test_passwd_race(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *laptop = NULL, *mallory = NULL;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        laptop = device(rig, "alice", "password1");
        mallory = rig_client_new(rig);
        rig_connect(mallory);
        rig_send(alice, "PASSWD",
                 "{\"old_password\":\"password1\",\"new_password\":\"password2\","
                 "\"keep_others\":true}");
        rig_send(laptop, "PASSWD",
                 "{\"old_password\":\"password1\",\"new_password\":\"password3\","
                 "\"keep_others\":true}");
        rig_send_csr(mallory, "SIGNIN", "\"username\":\"alice\",\"password\":\"password1\"");
        rig_until(rig, &alice->is_answered);
        rig_until(rig, &laptop->is_answered);
        rig_until(rig, &mallory->is_answered);
        assert_int_not_equal(alice->failure.code, laptop->failure.code);
        assert_int_equal(alice->failure.code + laptop->failure.code, ERROR_BAD_CREDENTIALS);
        assert_int_equal(sign_in(rig, "alice", alice->failure.code ? "password3" : "password2"),
                         ERROR_NONE);
}

static void test_recover(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *saved = NULL, *again = NULL;
        char code[64], loose[64], more[256];
        const char *p;
        char *q;

        rig_start(rig);
        alice = rig_client_new(rig);
        rig_connect(alice);
        assert_int_equal(
                rig_call_csr(alice, "SIGNUP", "\"username\":\"alice\",\"password\":\"password1\""),
                ERROR_NONE);
        strcpy(code, rig_string(alice->payload, "recovery_code"));
        alice->certificate = strdup(rig_string(alice->payload, "certificate"));
        rig_connect(alice);
        assert_int_equal(host(alice, 1), ERROR_NONE);

        saved = rig_client_new(rig);
        rig_connect(saved);
        snprintf(more, sizeof(more),
                 "\"username\":\"alice\",\"recovery_code\":\"%s\",\"new_password\":\"short\"",
                 code);
        assert_int_equal(rig_call_csr(saved, "RECOVER", more), ERROR_WEAK_PASSWORD);
        assert_int_equal(rig_call_csr(saved, "RECOVER",
                                      "\"username\":\"alice\",\"recovery_code\":\"00000-00000\","
                                      "\"new_password\":\"password2\""),
                         ERROR_BAD_CREDENTIALS);
        /* As somebody may write it down. */
        for (p = code, q = loose; *p; p++)
                if (*p != '-')
                        *q++ = (char) (*p >= 'a' && *p <= 'z' ? *p & ~0x20 : *p);
        *q = '\0';
        snprintf(more, sizeof(more),
                 "\"username\":\"alice\",\"recovery_code\":\" %s\",\"new_password\":\"password2\"",
                 loose);
        assert_int_equal(rig_call_csr(saved, "RECOVER", more), ERROR_NONE);
        assert_string_equal(rig_string(saved->payload, "username"), "alice");
        assert_string_not_equal(rig_string(saved->payload, "recovery_code"), code);
        strcpy(loose, rig_string(saved->payload, "recovery_code"));
        saved->certificate = strdup(rig_string(saved->payload, "certificate"));
        rig_connect(saved);
        assert_int_equal(host(saved, 1), ERROR_NONE);
        check_revoked(alice);
        assert_int_equal(sign_in(rig, "alice", "password1"), ERROR_BAD_CREDENTIALS);
        assert_int_equal(sign_in(rig, "alice", "password2"), ERROR_NONE);

        /* The old code is spent, the new one is good, once (again only for who spent it). */
        again = rig_client_new(rig);
        rig_connect(again);
        assert_int_equal(rig_call_csr(again, "RECOVER", more), ERROR_BAD_CREDENTIALS);
        snprintf(more, sizeof(more),
                 "\"username\":\"alice\",\"recovery_code\":\"%s\",\"new_password\":\"password3\"",
                 loose);
        assert_int_equal(rig_call_csr(again, "RECOVER", more), ERROR_NONE);
        check_revoked(saved);
        rig_client_free(again);
        again = rig_client_new(rig);
        rig_connect(again);
        assert_int_equal(rig_call_csr(again, "RECOVER", more), ERROR_BAD_CREDENTIALS);
}

static void test_delete(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *laptop = NULL, *bob = NULL,
                                              *other = NULL;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        bob = rig_user(rig, "bob");
        laptop = device(rig, "alice", "password1");
        assert_int_equal(host(laptop, 1), ERROR_NONE);
        assert_int_equal(rig_call(alice, "DELETE", "{\"password\":\"password2\"}"),
                         ERROR_BAD_CREDENTIALS);
        assert_int_equal(rig_call(alice, "DELETE", "{\"password\":\"password1\"}"), ERROR_NONE);
        check_revoked(alice);
        check_revoked(laptop);
        assert_int_equal(value_length(revocations(bob, 0)), 2);

        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(rig_call(bob, "WHOIS", "{\"username\":\"alice\"}"), ERROR_NONE);
                assert_false(rig_bool(bob->payload, "exists"));
                assert_int_equal(sign_in(rig, "alice", "password1"), ERROR_BAD_CREDENTIALS);
                other = rig_client_free(other);
                other = rig_client_new(rig);
                rig_connect(other);
                assert_int_equal(rig_call_csr(other, "SIGNUP",
                                              "\"username\":\"alice\",\"password\":\"password1\""),
                                 ERROR_NAME_TAKEN);
                assert_int_equal(rig_call(bob, "LIST", "{}"), ERROR_NONE);
                assert_int_equal(value_length(value_get(bob->payload, "channels")), 0);
                if (i == 0) {
                        rig_kill(rig);
                        rig_start(rig);
                        rig_connect(bob);
                }
        }
}

/* Expired, a revocation is no news for anybody, and versions go on from where they were. */
static void test_pruning(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *bob = NULL, *gus = NULL;
        uint64_t last;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        bob = rig_user(rig, "bob");
        gus = rig_guest(rig, "gus");
        assert_int_equal(rig_call(alice, "SIGNOUT", "{}"), ERROR_NONE);
        assert_int_equal(rig_call(gus, "SIGNOUT", "{}"), ERROR_NONE);
        assert_int_equal(value_length(revocations(bob, 0)), 2);
        rig_disconnect(alice);
        rig_disconnect(gus);

        /* The guest's certificate ends after a day; for one more it is told. */
        rig_disconnect(bob);
        test_loop_run(rig->loop, 47 * USEC_PER_HOUR);
        rig_connect(bob);
        assert_int_equal(value_length(revocations(bob, 0)), 2);
        rig_disconnect(bob);
        test_loop_run(rig->loop, 4 * USEC_PER_DAY + USEC_PER_HOUR);
        rig_connect(bob);
        assert_int_equal(value_length(revocations(bob, 0)), 1);
        assert_string_equal(rig_string(value_at(value_get(bob->payload, "revocations"), 0), "key"),
                            key_of(alice));
        last = rig_uint(value_at(value_get(bob->payload, "revocations"), 0), "version");
        assert_int_equal(rig_call_csr(bob, "RENEW", ""), ERROR_NONE);
        free(TAKE_PTR(bob->certificate));
        bob->certificate = strdup(rig_string(bob->payload, "certificate"));
        /* The guest is forgotten, the key with it; a user's stays revoked. */
        free(TAKE_PTR(gus->certificate));
        rig_connect(gus);
        assert_int_equal(rig_call_csr(gus, "RENEW", ""), ERROR_NOT_SIGNED_IN);
        assert_int_equal(rig_call_csr(gus, "GUEST", "\"username\":\"gus\""), ERROR_NONE);
        rig_disconnect(gus);
        rig_disconnect(bob);

        test_loop_run(rig->loop, 3 * USEC_PER_DAY);
        rig_kill(rig);
        rig_start(rig);
        rig_connect(bob);
        assert_int_equal(value_length(revocations(bob, 0)), 0);
        free(TAKE_PTR(alice->certificate));
        rig_connect(alice);
        assert_int_equal(rig_call_csr(alice, "RENEW", ""), ERROR_REVOKED);
        assert_int_equal(rig_call(bob, "SIGNOUT", "{}"), ERROR_NONE);
        bob = rig_client_free(bob);
        bob = rig_user(rig, "bert");
        assert_true(rig_uint(value_at(revocations(bob, 0), 0), "version") > last);
}

/* More than a frame holds: told in parts, in order, each once. */
static void test_many(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *bob = NULL;
        _cleanup_free_ char *list = new0(char, 600 * (KEY_ID_SIZE + 3));
        uint64_t version = 0;
        unsigned n = 0, n_parts = 0;
        char *p = list, after[KEY_ID_SIZE] = "";

        rig_start(rig);
        alice = rig_user(rig, "alice");
        bob = rig_user(rig, "bob");
        for (unsigned i = 0; i < 600; i++) {
                RigClient *c = rig_client_new(rig);

                rig_connect(c);
                assert_int_equal(rig_call_csr(c, "SIGNIN",
                                              "\"username\":\"alice\",\"password\":\"password1\""),
                                 ERROR_NONE);
                p += sprintf(p, "%s\"%s\"", i > 0 ? "," : "", key_of(c));
                rig_client_free(c);
        }
        for (;;) {
                const Value *devices;

                assert_int_equal(rig_call(alice, "DEVICES", "{\"after\":\"%s\"}", after),
                                 ERROR_NONE);
                devices = value_get(alice->payload, "devices");
                n += (unsigned) value_length(devices);
                n_parts++;
                if (!value_has(alice->payload, "next"))
                        break;
                assert_true(strcmp(rig_string(alice->payload, "next"), after) > 0);
                assert_string_equal(
                        rig_string(alice->payload, "next"),
                        rig_string(value_at(devices, value_length(devices) - 1), "key"));
                strcpy(after, rig_string(alice->payload, "next"));
        }
        assert_int_equal(n, 601);
        assert_int_equal(n_parts, 2); /* each as full as can be */

        assert_int_equal(rig_call(alice, "DEVICES", "{\"revoke\":[%s]}", list), ERROR_NONE);
        assert_int_equal(value_length(value_get(alice->payload, "devices")), 1);
        for (n = n_parts = 0;; n_parts++) {
                const Value *v = revocations(bob, version);

                for (size_t i = 0; i < value_length(v); i++, n++) {
                        assert_true(rig_uint(value_at(v, i), "version") > version);
                        version = rig_uint(value_at(v, i), "version");
                }
                if (!rig_bool(bob->payload, "more"))
                        break;
                assert_true(value_length(v) > 100);
        }
        assert_int_equal(n, 600);
        assert_true(n_parts > 0);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sign_out),    cmocka_unit_test(test_asked_meanwhile),
                cmocka_unit_test(test_devices),     cmocka_unit_test(test_passwd),
                cmocka_unit_test(test_passwd_race), cmocka_unit_test(test_recover),
                cmocka_unit_test(test_delete),      cmocka_unit_test(test_pruning),
                cmocka_unit_test(test_many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
