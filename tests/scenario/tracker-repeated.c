/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the tracker says to who asks a second time because an answer was lost: RECOVER and
 * PASSWD, by the same key within ten minutes (SIGNUP: test-accounts.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scenario/tracker-rig.h"

#define CODE_SIZE 64

static ErrorCode sign_in(Rig *rig, const char *password) {
        _cleanup_(rig_client_freep) RigClient *c = rig_client_new(rig);
        char more[128];

        rig_connect(c);
        snprintf(more, sizeof(more), "\"username\":\"alice\",\"password\":\"%s\"", password);
        return rig_call_csr(c, "SIGNIN", more);
}

static RigClient *stranger(Rig *rig) {
        RigClient *c = rig_client_new(rig);

        rig_connect(c);
        return c;
}

static RigClient *sign_up(Rig *rig, char ret_code[static CODE_SIZE]) {
        RigClient *c = stranger(rig);

        assert_int_equal(
                rig_call_csr(c, "SIGNUP", "\"username\":\"alice\",\"password\":\"password1\""),
                ERROR_NONE);
        snprintf(ret_code, CODE_SIZE, "%s", rig_string(c->payload, "recovery_code"));
        c->certificate = strdup(rig_string(c->payload, "certificate"));
        rig_connect(c);
        return c;
}

static ErrorCode recover(RigClient *c, const char *code, const char *password,
                         char ret_code[static CODE_SIZE]) {
        char more[256];
        ErrorCode error;

        snprintf(more, sizeof(more),
                 "\"username\":\"alice\",\"recovery_code\":\"%s\",\"new_password\":\"%s\"", code,
                 password);
        error = rig_call_csr(c, "RECOVER", more);
        if (error == ERROR_NONE)
                snprintf(ret_code, CODE_SIZE, "%s", rig_string(c->payload, "recovery_code"));
        return error;
}

static void pass(Rig *rig, uint64_t usec) {
        test_loop_run(rig->loop, usec);
}

static void test_recover(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *saved = NULL, *thief = NULL,
                                              *late = NULL;
        char first[CODE_SIZE], lost[CODE_SIZE], second[CODE_SIZE], third[CODE_SIZE],
                unused[CODE_SIZE];

        rig_start(rig);
        alice = sign_up(rig, first);
        saved = stranger(rig);
        assert_int_equal(recover(saved, first, "password2", lost), ERROR_NONE);

        /* Nobody else's spent code; the tracker in between is another process. */
        rig_kill(rig);
        rig_start(rig);
        thief = stranger(rig);
        assert_int_equal(recover(thief, first, "password3", unused), ERROR_BAD_CREDENTIALS);
        rig_connect(saved);
        /* A wrong one is wrong, for this key too. */
        assert_int_equal(recover(saved, "00000-00000-00000-00000", "password3", unused),
                         ERROR_BAD_CREDENTIALS);
        /* The person may have typed another password by now: it counts. */
        assert_int_equal(recover(saved, first, "password3", second), ERROR_NONE);
        assert_string_not_equal(second, lost);
        assert_int_equal(sign_in(rig, "password2"), ERROR_BAD_CREDENTIALS);
        assert_int_equal(sign_in(rig, "password3"), ERROR_NONE);
        /* What nobody saw is worth nothing. */
        assert_int_equal(recover(thief, lost, "password4", unused), ERROR_BAD_CREDENTIALS);
        pass(rig, USEC_PER_MINUTE); /* or it is throttled */

        /* Ten minutes from the first time, whatever was asked since. */
        pass(rig, 7 * USEC_PER_MINUTE);
        rig_connect(saved);
        assert_int_equal(recover(saved, first, "password3", second), ERROR_NONE);
        pass(rig, 3 * USEC_PER_MINUTE);
        rig_connect(saved);
        assert_int_equal(recover(saved, first, "password3", unused), ERROR_BAD_CREDENTIALS);
        /* The one that was answered last is good, for whoever has it. */
        late = stranger(rig);
        assert_int_equal(recover(late, second, "password4", third), ERROR_NONE);
        assert_int_equal(sign_in(rig, "password4"), ERROR_NONE);
        rig_connect(saved);
        assert_int_equal(recover(saved, second, "password4", unused), ERROR_BAD_CREDENTIALS);
}

static ErrorCode passwd(RigClient *c, const char *old_password, const char *new_password,
                        bool keep_others) {
        return rig_call(c, "PASSWD",
                        "{\"old_password\":\"%s\",\"new_password\":\"%s\",\"keep_others\":%s}",
                        old_password, new_password, keep_others ? "true" : "false");
}

static RigClient *device(Rig *rig, const char *password) {
        RigClient *c = stranger(rig);
        char more[128];

        snprintf(more, sizeof(more), "\"username\":\"alice\",\"password\":\"%s\"", password);
        assert_int_equal(rig_call_csr(c, "SIGNIN", more), ERROR_NONE);
        c->certificate = strdup(rig_string(c->payload, "certificate"));
        rig_connect(c);
        return c;
}

static void test_passwd(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *laptop = NULL;
        char code[CODE_SIZE];

        rig_start(rig);
        alice = sign_up(rig, code);
        laptop = device(rig, "password1");
        assert_int_equal(passwd(alice, "password1", "password2", true), ERROR_NONE);
        assert_int_equal(passwd(alice, "password1", "password2", true), ERROR_NONE);
        assert_int_equal(rig_call(laptop, "LIST", "{}"), ERROR_NONE);
        /* Not the same thing, and not who did it. */
        assert_int_equal(passwd(alice, "password1", "password3", true), ERROR_BAD_CREDENTIALS);
        assert_int_equal(passwd(laptop, "password1", "password2", true), ERROR_BAD_CREDENTIALS);
        assert_int_equal(sign_in(rig, "password2"), ERROR_NONE);
        /* What the first one left undone is done by the second. */
        assert_int_equal(passwd(alice, "password1", "password2", false), ERROR_NONE);
        rig_until(rig, &laptop->is_closed);

        pass(rig, 9 * USEC_PER_MINUTE);
        assert_int_equal(passwd(alice, "wrong-one", "password2", true), ERROR_NONE);
        pass(rig, 2 * USEC_PER_MINUTE);
        assert_int_equal(passwd(alice, "password1", "password2", true), ERROR_BAD_CREDENTIALS);
        assert_int_equal(passwd(alice, "password2", "password3", true), ERROR_NONE);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_recover),
                cmocka_unit_test(test_passwd),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
