/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how messages m1, m2 … are put into an outbox and looked at there; leaves the host to
 * host-double.h. */
#pragma once

#include "unit/daemon/host-double.h"

#define ID "aaaaaaaa-0000-4000-8000-00000000000%u"

static inline void send_some(HostDouble *d, unsigned n) {
        char id[UUID_STRING_SIZE], text[8];

        for (unsigned i = 1; i <= n; i++) {
                snprintf(id, sizeof(id), ID, i);
                snprintf(text, sizeof(text), "m%u", i);
                double_send(d, id, text);
        }
}

/* The next MESSAGE holds exactly these, "123" = m1 m2 m3. */
static inline void expect_messages(HostDouble *d, const char *numbers) {
        const Value *messages = value_get(double_expect(d, "MESSAGE"), "messages");
        char id[UUID_STRING_SIZE];

        assert_int_equal(value_length(messages), strlen(numbers));
        for (size_t i = 0; i < strlen(numbers); i++) {
                snprintf(id, sizeof(id), ID, numbers[i] - '0');
                assert_string_equal(value_string(value_get(value_at(messages, i), "id"), NULL), id);
        }
}

static inline bool outbox_is_empty(void *userdata) {
        return channel_member_get_n_outbox(((HostDouble *) userdata)->member) == 0;
}

static inline void until_empty(HostDouble *d) {
        test_loop_until(d->loop, outbox_is_empty, d, DOUBLE_WAIT_USEC);
}

static inline void on_rows(const Failure *f, const OutboxRow *rows, size_t n, bool more,
                           void *userdata) {
        HostDouble *d = userdata;

        assert_null(f);
        assert_true(n <= ELEMENTSOF(d->rows));
        rows_done(d);
        for (size_t i = 0; i < n; i++) {
                d->rows[i] = rows[i];
                d->rows[i].text = strdup(rows[i].text);
                d->rows[i].meta = NULL;
        }
        d->n_rows = n;
        d->is_done = true;
}

static inline void read_rows(HostDouble *d) {
        assert_int_equal(channel_member_read_outbox(d->member, 0, 0, on_rows, d, NULL), 0);
        test_loop_until_true(d->loop, &d->is_done, DOUBLE_WAIT_USEC);
        d->is_done = false;
}

/* `bad-request` of this member of the payload. */
static inline void fail_field(HostDouble *d, const char *field) {
        RpcRequest *q = d->request;
        Failure f;

        failure_set(&f, ERROR_BAD_REQUEST, "The double says so.");
        snprintf(f.field, sizeof(f.field), "%s", field);
        d->request = NULL;
        rpc_request_fail(q, &f);
}

static inline int saved_setup(void **state) {
        HostDouble *d;
        int r = double_setup(state);

        /* An outbox belongs to a row. */
        d = *state;
        assert_int_equal(channel_member_save(d->member, on_double_done, d, NULL), 0);
        assert_int_equal(double_wait(d), ERROR_NONE);
        return r;
}
