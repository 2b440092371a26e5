/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how tests do what an operator does, and wait for the answer; leaves what follows to them.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scenario/tracker-rig.h"

/* What came of one call; a list's rows as they would be on the bus. */
typedef struct Done {
        bool is_done;
        Failure failure; /* .code ERROR_NONE: done */
        char password[64], recovery_code[64];
        DbUser users[600];
        size_t n_users;
        char next[NAME_SIZE];
        char keys[16][KEY_ID_SIZE];
        size_t n_keys;
} Done;

static inline void set_failure(Done *d, const Failure *failure) {
        assert_false(d->is_done);
        d->is_done = true;
        d->failure = failure ? *failure : (Failure){ 0 };
}

static inline void on_account(const Failure *failure, const Grant *grant, void *userdata) {
        assert_null(grant);
        set_failure(userdata, failure);
}

static inline void on_registry(const Failure *failure, uint64_t epoch, void *userdata) {
        set_failure(userdata, failure);
}

/* The answer of a call that was begun (r ≥ 0), or refused at once. */
static inline Failure outcome(Rig *rig, Done *d, int r) {
        if (r < 0) {
                assert_false(d->is_done);
                assert_int_not_equal(d->failure.code, ERROR_NONE);
        } else
                rig_until(rig, &d->is_done);
        return d->failure;
}

static inline Failure suspend(Rig *rig, const char *name, const char *reason) {
        Done d = { 0 };

        return outcome(rig, &d,
                       accounts_suspend(tracker_get_accounts(rig->tracker), name, reason,
                                        on_account, &d, &d.failure));
}

static inline Failure resume(Rig *rig, const char *name) {
        Done d = { 0 };

        return outcome(rig, &d,
                       accounts_resume(tracker_get_accounts(rig->tracker), name, on_account, &d,
                                       &d.failure));
}

static inline Failure remove_user(Rig *rig, const char *name) {
        Done d = { 0 };

        return outcome(rig, &d,
                       accounts_remove(tracker_get_accounts(rig->tracker), name, on_account, &d,
                                       &d.failure));
}

static inline Failure delist(Rig *rig, const char *channel, const char *reason) {
        Done d = { 0 };

        return outcome(rig, &d,
                       registry_delist(tracker_get_registry(rig->tracker), channel, reason,
                                       on_registry, &d, &d.failure));
}

static inline Failure relist(Rig *rig, const char *channel) {
        Done d = { 0 };

        return outcome(rig, &d,
                       registry_relist(tracker_get_registry(rig->tracker), channel, on_registry, &d,
                                       &d.failure));
}

static inline void on_reset(const Failure *failure, const char *password, const char *recovery_code,
                            void *userdata) {
        Done *d = userdata;

        set_failure(d, failure);
        assert_int_equal(!failure, password && recovery_code);
        snprintf(d->password, sizeof(d->password), "%s", password ?: "");
        snprintf(d->recovery_code, sizeof(d->recovery_code), "%s", recovery_code ?: "");
}

static inline void reset(Rig *rig, const char *name, Done *d) {
        *d = (Done){ 0 };
        (void) outcome(
                rig, d,
                accounts_reset(tracker_get_accounts(rig->tracker), name, on_reset, d, &d->failure));
}

static inline void on_users(const Failure *failure, const DbUser *users, size_t n, const char *next,
                            void *userdata) {
        Done *d = userdata;

        set_failure(d, failure);
        assert_true(n <= 600);
        if (n > 0)
                memcpy(d->users, users, n * sizeof(*users));
        d->n_users = n;
        snprintf(d->next, sizeof(d->next), "%s", next ?: "");
}

static inline void list_users(Rig *rig, const UsersQuery *q, Done *d) {
        *d = (Done){ 0 };
        (void) outcome(
                rig, d,
                accounts_list(tracker_get_accounts(rig->tracker), q, on_users, d, &d->failure));
}

static inline void on_user(const Failure *failure, const DbUser *user, const DbDeviceInfo *devices,
                           size_t n, void *userdata) {
        Done *d = userdata;

        set_failure(d, failure);
        if (failure)
                return;
        d->users[0] = *user;
        d->n_users = 1;
        assert_true(n <= 16);
        d->n_keys = n;
        for (size_t i = 0; i < n; i++)
                strcpy(d->keys[i], devices[i].key);
}

static inline void get_user(Rig *rig, const char *name, Done *d) {
        *d = (Done){ 0 };
        (void) outcome(
                rig, d,
                accounts_get(tracker_get_accounts(rig->tracker), name, on_user, d, &d->failure));
}

/* SIGNIN with a new key; which is the user's from now on where that is good and ret is not NULL. */
static inline Failure sign_in(Rig *rig, const char *name, const char *password, RigClient **ret) {
        _cleanup_(rig_client_freep) RigClient *c = rig_client_new(rig);
        char more[256];

        rig_connect(c);
        snprintf(more, sizeof(more), "\"username\":\"%s\",\"password\":\"%s\"", name, password);
        if (rig_call_csr(c, "SIGNIN", more) != ERROR_NONE)
                return c->failure;
        if (ret) {
                c->certificate = strdup(rig_string(c->payload, "certificate"));
                rig_connect(c);
                assert_false(c->is_closed);
                *ret = TAKE_PTR(c);
        }
        return (Failure){ 0 };
}

#define ID_LOBBY "11111111-2222-4333-8444-555555555555"

static inline ErrorCode host_lobby(RigClient *c, uint64_t last_seq) {
        return rig_call(c, "HOST",
                        "{\"channel_name\":\"lobby\",\"channel_id\":\"" ID_LOBBY
                        "\",\"addresses\":[],\"view_permission\":\"public\",\"topic\":\"hello\","
                        "\"epoch\":1,\"last_seq\":%d,\"members\":0}",
                        (int) last_seq);
}

static inline void key_id(const RigClient *c, char ret[static KEY_ID_SIZE]) {
        key_get_id(c->key, ret);
}
