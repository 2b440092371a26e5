/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a whole tracker and its clients stand in one process, over real TLS on loopback; leaves
 * what they say to each other to the scenarios. */
#include "scenario/tracker-rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "net/listener.h"
#include "support/scratch.h"

#define LIMIT_USEC (10 * USEC_PER_SEC)
/* With threads: so often nothing may happen for so long. */
#define IDLE_USEC (100 * USEC_PER_MSEC)
#define IDLE_MAX 200

static void on_ready(Tracker *t, int r, void *userdata) {
        Rig *rig = userdata;

        assert_int_equal(r, 0);
        rig->is_ready = true;
}

static void on_status(Tracker *t, const char *text, void *userdata) {
        Rig *rig = userdata;

        snprintf(rig->status, sizeof(rig->status), "%s", text);
}

static void on_stopped(Tracker *t, void *userdata) {
        Rig *rig = userdata;

        assert_false(rig->is_stopped);
        rig->is_stopped = true;
}

Rig *rig_new(const Runtime *rt) {
        Rig *rig = new0(Rig, 1);

        assert_non_null(rig);
        rig->loop = rt ? NULL : test_loop_new();
        rig->rt = rt ?: &rig->loop->rt;
        rig->directory = scratch_new();
        tracker_settings_init(&rig->settings);
        rig->settings.password_cost = 1;
        rig->settings.sign_ups_per_minute = 0;
        rig->settings.sign_ins_per_day = 0;
        assert_int_equal(free_and_strdup(&rig->settings.state_directory, rig->directory), 0);
        assert_int_equal(address_parse("127.0.0.1:0", true, &rig->address), 0);
        return rig;
}

void rig_until(Rig *rig, const bool *flag) {
        if (rig->loop) {
                test_loop_until_true(rig->loop, flag, LIMIT_USEC);
                return;
        }
        for (unsigned n_idle = 0; !*flag;) {
                int r = sd_event_run(rig->rt->event, IDLE_USEC);

                assert_true(r >= 0);
                n_idle += r == 0;
                assert_true(n_idle < IDLE_MAX);
        }
}

void rig_start(Rig *rig) {
        static const TrackerHandlers handlers = {
                .on_ready = on_ready,
                .on_status = on_status,
                .on_stopped = on_stopped,
        };
        int fd;

        rig->is_ready = rig->is_stopped = false;
        assert_int_equal(listener_bind(&rig->address, &fd), 0);
        assert_int_equal(tracker_new(rig->rt, &rig->settings, fd, &rig->tracker), 0);
        tracker_set_handlers(rig->tracker, &handlers, rig);
        rig_until(rig, &rig->is_ready);
        assert_int_equal(tracker_get_address(rig->tracker, &rig->address), 0);
        strcpy(rig->pin, tracker_get_pin(rig->tracker));
}

void rig_kill(Rig *rig) {
        rig->tracker = tracker_free(rig->tracker);
}

Rig *rig_free(Rig *rig) {
        if (!rig)
                return NULL;
        rig_kill(rig);
        tracker_settings_done(&rig->settings);
        scratch_free(rig->directory);
        test_loop_free(rig->loop);
        free(rig);
        return NULL;
}

RigClient *rig_client_new(Rig *rig) {
        RigClient *c = new0(RigClient, 1);

        assert_non_null(c);
        c->rig = rig;
        assert_int_equal(key_generate(&c->key), 0);
        return c;
}

void rig_disconnect(RigClient *c) {
        c->rpc = rpc_free(c->rpc);
        c->is_ready = c->is_closed = false;
        for (unsigned i = 0; i < c->n_pushes; i++)
                value_unref(c->pushes[i]);
        c->n_pushes = 0;
}

RigClient *rig_client_free(RigClient *c) {
        if (!c)
                return NULL;
        rig_disconnect(c);
        value_unref(c->payload);
        tls_config_free(c->tls);
        key_free(c->key);
        free(c->certificate);
        free(c);
        return NULL;
}

static void on_rpc_ready(Rpc *r, int64_t offset_usec, void *userdata) {
        RigClient *c = userdata;

        c->is_ready = true;
}

static void on_push(Rpc *r, const char *command, const Value *payload, void *userdata) {
        RigClient *c = userdata;
        _cleanup_(writer_done) Writer w = { 0 };

        assert_true(c->n_pushes < ELEMENTSOF(c->pushes));
        writer_value(&w, NULL, payload);
        assert_int_equal(value_parse(w.data, w.size, &c->pushes[c->n_pushes]), 0);
        strcpy(c->push_names[c->n_pushes], command);
        c->n_pushes++;
}

static void on_ping(Rpc *r, const Value *payload, void *userdata) {
        RigClient *c = userdata;

        c->n_pings++;
}

static void on_closed(Rpc *r, const ConnClosed *why, void *userdata) {
        RigClient *c = userdata;

        c->is_closed = true;
        c->why = *why;
        c->is_ready = true; /* whoever waits for it */
}

void rig_connect(RigClient *c) {
        static const RpcHandlers handlers = {
                .on_ready = on_rpc_ready,
                .on_push = on_push,
                .on_ping = on_ping,
                .on_closed = on_closed,
        };
        _cleanup_(certificate_freep) Certificate *certificate = NULL;
        Rig *rig = c->rig;
        Conn *conn;
        int fd;

        rig_disconnect(c);
        if (c->certificate)
                assert_int_equal(certificate_from_pem(c->certificate, &certificate), 0);
        c->tls = tls_config_free(c->tls);
        assert_int_equal(tls_config_new(
                                 &(TlsParameters){
                                         .clock = rig->rt->clock,
                                         .expect = TLS_EXPECT_TRACKER,
                                         .key = certificate ? c->key : NULL,
                                         .certificate = certificate,
                                         .pin = rig->pin,
                                 },
                                 &c->tls),
                         0);
        fd = socket(rig->address.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        assert_int_equal(connect(fd, &rig->address.sa, rig->address.size), 0);
        assert_int_equal(conn_new(rig->rt, fd, &rig->address, c->tls, false, NULL, NULL, &conn), 0);
        assert_int_equal(rpc_new(rig->rt, conn,
                                 &(RpcParameters){
                                         .agent = "rig/1",
                                         .in_flight = IN_FLIGHT_PEER,
                                         .frame_max = FRAME_BYTES_MAX,
                                 },
                                 &handlers, c, &c->rpc),
                         0);
        rig_until(rig, &c->is_ready);
}

static void on_reply(int r, const Value *payload, const Failure *failure, void *userdata) {
        RigClient *c = userdata;
        _cleanup_(writer_done) Writer w = { 0 };

        c->is_answered = true;
        c->result = r;
        if (failure)
                c->failure = *failure;
        if (r < 0 || failure)
                return;
        writer_value(&w, NULL, payload);
        c->payload = value_unref(c->payload); /* where two were asked at once */
        assert_int_equal(value_parse(w.data, w.size, &c->payload), 0);
}

static void send_text(RigClient *c, const char *command, const char *text) {
        Writer w = { 0 };

        c->payload = value_unref(c->payload);
        c->is_answered = false;
        c->failure = (Failure){ 0 };
        writer_raw(&w, NULL, text, strlen(text));
        assert_int_equal(rpc_call(c->rpc, command, &w, 0, on_reply, c, NULL), 0);
        writer_done(&w);
}

static ErrorCode answer(RigClient *c) {
        rig_until(c->rig, &c->is_answered);
        assert_int_equal(c->result, 0);
        return c->failure.code;
}

ErrorCode rig_call(RigClient *c, const char *command, const char *format, ...) {
        char *text;
        va_list ap;

        va_start(ap, format);
        assert_true(vasprintf(&text, format, ap) >= 0);
        va_end(ap);
        send_text(c, command, text);
        free(text);
        return answer(c);
}

void rig_send(RigClient *c, const char *command, const char *format, ...) {
        char *text;
        va_list ap;

        va_start(ap, format);
        assert_true(vasprintf(&text, format, ap) >= 0);
        va_end(ap);
        send_text(c, command, text);
        free(text);
}

void rig_send_csr(RigClient *c, const char *command, const char *more) {
        _cleanup_(writer_done) Writer w = { 0 };
        _cleanup_free_ char *csr = NULL, *text = NULL;

        assert_int_equal(csr_new(c->key, &csr), 0);
        writer_string(&w, NULL, csr);
        assert_true(asprintf(&text, "{%s%s\"csr\":%.*s}", more, more[0] ? "," : "", (int) w.size,
                             w.data) >= 0);
        send_text(c, command, text);
}

ErrorCode rig_call_csr(RigClient *c, const char *command, const char *more) {
        rig_send_csr(c, command, more);
        return answer(c);
}

static RigClient *identified(Rig *rig, const char *command, const char *more) {
        RigClient *c = rig_client_new(rig);

        rig_connect(c);
        assert_int_equal(rig_call_csr(c, command, more), ERROR_NONE);
        c->certificate = strdup(rig_string(c->payload, "certificate"));
        assert_non_null(c->certificate);
        rig_connect(c);
        assert_false(c->is_closed);
        return c;
}

RigClient *rig_user(Rig *rig, const char *name) {
        char more[128];

        snprintf(more, sizeof(more), "\"username\":\"%s\",\"password\":\"password1\"", name);
        return identified(rig, "SIGNUP", more);
}

RigClient *rig_guest(Rig *rig, const char *name) {
        char more[128];

        snprintf(more, sizeof(more), "\"username\":\"%s\"", name);
        return identified(rig, "GUEST", more);
}

typedef struct Pushes {
        const RigClient *c;
        unsigned n;
} Pushes;

static bool has_pushes(void *userdata) {
        const Pushes *p = userdata;

        return p->c->n_pushes >= p->n;
}

void rig_until_pushes(RigClient *c, unsigned n) {
        Pushes p = { .c = c, .n = n };

        test_loop_until(c->rig->loop, has_pushes, &p, 60 * USEC_PER_SEC);
}

const char *rig_string(const Value *object, const char *key) {
        const char *s = value_string(value_get(object, key), NULL);

        if (!s)
                fail_msg("no string \"%s\"", key);
        return s;
}

uint64_t rig_uint(const Value *object, const char *key) {
        uint64_t u = 0;

        if (value_uint(value_get(object, key), &u) < 0)
                fail_msg("no number \"%s\"", key);
        return u;
}

bool rig_bool(const Value *object, const char *key) {
        bool b = false;

        if (value_bool(value_get(object, key), &b) < 0)
                fail_msg("no boolean \"%s\"", key);
        return b;
}
