/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how tests ask accounts for something and wait for what comes of it; leaves what that should
 * be to them. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/loop.h"
#include "support/scratch.h"
#include "tracker/accounts.h"
#include "tracker/db-sqlite.h"
#include "wire/limits.h"

typedef struct Fixture {
        TestLoop *loop;
        char *directory;
        TrackerSettings settings;
        Authority *authority;
        Db *db;
        Accounts *accounts;
        Address source;
} Fixture;

/* What came of one request. */
typedef struct Result {
        bool is_done;
        ErrorCode error;
        uint64_t retry_after_ms, expires;
        UserType type;
        char username[NAME_SIZE];
        char recovery_code[32];
        Subject subject;
        bool exists;
        char near[NEAR_NAMES_TEXT_SIZE];
} Result;

static inline int setup(void **state) {
        Fixture *f = new0(Fixture, 1);

        f->loop = test_loop_new();
        f->directory = scratch_new();
        tracker_settings_init(&f->settings);
        f->settings.password_cost = 1;
        assert_int_equal(authority_new(&f->loop->rt, f->directory, NULL, &f->authority), 0);
        assert_int_equal(db_sqlite_new(&f->loop->rt, ":memory:", &f->db), 0);
        assert_int_equal(
                accounts_new(&f->loop->rt, &f->settings, f->authority, f->db, &f->accounts), 0);
        assert_int_equal(address_parse("192.0.2.1:1", false, &f->source), 0);
        *state = f;
        return 0;
}

static inline int teardown(void **state) {
        Fixture *f = *state;

        accounts_free(f->accounts);
        db_free(f->db);
        authority_free(f->authority);
        tracker_settings_done(&f->settings);
        test_loop_free(f->loop);
        scratch_free(f->directory);
        free(f);
        return 0;
}

static inline void on_done(const Failure *failure, const Grant *g, void *userdata) {
        _cleanup_(certificate_freep) Certificate *certificate = NULL, *ca = NULL;
        Result *r = userdata;

        assert_false(r->is_done);
        r->is_done = true;
        if (failure) {
                r->error = failure->code;
                r->retry_after_ms = failure->retry_after_ms;
                return;
        }
        strcpy(r->username, g->username);
        strcpy(r->recovery_code, g->recovery_code ?: "");
        r->type = g->user_type;
        r->expires = g->expires;
        assert_int_equal(certificate_from_pem(g->certificate, &certificate), 0);
        assert_int_equal(certificate_from_pem(g->ca, &ca), 0);
        assert_int_equal(certificate_read_subject(certificate, &r->subject), 0);
        assert_int_equal(r->subject.not_after, g->expires);
        assert_string_equal(r->subject.name, g->username);
        assert_int_equal(certificate_verify(certificate, ca, g->expires - USEC_PER_SEC), 0);
}

typedef int (*ask_fn)(Accounts *a, const Credentials *c, accounts_done_fn done, void *userdata,
                      Failure *failure);

static inline Result ask(Fixture *f, ask_fn fn, const char *name, const char *password,
                         const Key *key) {
        Result r = { 0 };
        Failure failure;

        if (fn(f->accounts,
               &(Credentials){
                       .username = name, .password = password, .key = key, .source = &f->source },
               on_done, &r, &failure) < 0) {
                assert_false(r.is_done);
                r.error = failure.code;
                r.retry_after_ms = failure.retry_after_ms;
                return r;
        }
        assert_false(r.is_done);
        test_loop_until_true(f->loop, &r.is_done, USEC_PER_SEC);
        return r;
}

static inline void on_whois(const Failure *failure, const WhoisAnswer *a, void *userdata) {
        Result *r = userdata;

        r->is_done = true;
        if (failure) {
                r->error = failure->code;
                r->retry_after_ms = failure->retry_after_ms;
                return;
        }
        r->exists = a->exists;
        r->type = a->user_type;
        if (a->near)
                near_names_print(a->near, r->near);
}

/* asker NULL: a guest. */
static inline Result whois_by(Fixture *f, const char *asker, const char *name) {
        Subject who = { .kind = asker ? SUBJECT_USER : SUBJECT_GUEST };
        Result r = { 0 };
        Failure failure;

        strcpy(who.name, asker ?: "guest-gus");
        if (accounts_whois(f->accounts, &who, &f->source, name, on_whois, &r, &failure) < 0) {
                r.error = failure.code;
                r.retry_after_ms = failure.retry_after_ms;
        } else
                test_loop_until_true(f->loop, &r.is_done, USEC_PER_SEC);
        return r;
}

static inline Result whois(Fixture *f, const char *name) {
        return whois_by(f, "alice", name);
}
