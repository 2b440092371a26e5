/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What it costs a tracker to answer LIST, and what of that is the directory.
 *
 * A process of its own is a tracker with its database and threads and 400 channels in its
 * directory; a stranger asks for the first page, again and again, one request in flight. The floor
 * is a process that answers the same client with the same bytes through the same rpc, TLS and
 * connection, without a directory. Both in the same minute on the same machine; what matters is the
 * ratio.
 *
 *   list-page       bytes  of one answer
 *   list-cpu        us     user and system time of the tracker for a page
 *   list-echo-cpu   us     of the floor
 *   list-ratio      x      tracker by floor
 *   list-p50        ms     from the request's first byte to its answer's last
 *   list-echo-p50   ms
 *
 * Each is the median of 3 runs of 2,000 requests. */
#include "base/log.h"
#include "bench/bench.h"
#include "net/listener.h"
#include "net/rpc.h"
#include "scenario/tracker-rig.h"
#include "support/authority.h"
#include "wire/limits.h"

#define N_CHANNELS 400
#define N_REQUESTS 2000
#define N_RUNS 3
#define N_THREADS 2

/* What a child says once it listens. */
typedef struct Contact {
        Address address;
        char pin[PIN_SIZE];
        char certificate[2048]; /* PEM, for the client's key */
} Contact;

typedef struct TrackerChild {
        const Key *key; /* weak; the client's */
} TrackerChild;

typedef struct Run {
        double cpu, p50;
} Run;

/* ---- the tracker ---- */

static RigClient *sign_up(Rig *rig, const Key *key) {
        static const char more[] = "\"username\":\"alice\",\"password\":\"password1\"";
        RigClient *c = rig_client_new(rig);

        key_free(c->key);
        c->key = key_ref(key);
        rig_connect(c);
        if (rig_call_csr(c, "SIGNUP", more) != ERROR_NONE ||
            !(c->certificate = strdup(rig_string(c->payload, "certificate"))))
                bench_fail("SIGNUP: %s", c->failure.message);
        rig_connect(c);
        return c;
}

static void host_channels(Rig *rig, RigClient *c) {
        char id[UUID_STRING_SIZE];

        for (unsigned i = 0; i < N_CHANNELS; i++) {
                random_uuid(rig->rt->random, id);
                if (rig_call(c, "HOST",
                             "{\"channel_name\":\"channel-%03u\",\"channel_id\":\"%s\","
                             "\"addresses\":[\"127.0.0.1:22237\"],\"view_permission\":\"public\","
                             "\"topic\":\"What people say in room %u\",\"epoch\":1,\"last_seq\":%u,"
                             "\"members\":%u}",
                             i, id, i, 1000 + i, i % 50) != ERROR_NONE)
                        bench_fail("HOST: %s", c->failure.message);
        }
}

static void run_tracker(int fd, void *userdata) {
        BenchLoop *loop = bench_loop_new(N_THREADS);
        Rig *rig = rig_new(&loop->rt);
        const TrackerChild *what = userdata;
        Contact contact = {};
        RigClient *c;

        log_set_max_level(LOG_WARNING);
        rig_start(rig);
        c = sign_up(rig, what->key);
        host_channels(rig, c);
        snprintf(contact.certificate, sizeof(contact.certificate), "%s", c->certificate);
        rig_client_free(c);
        contact.address = rig->address;
        memcpy(contact.pin, rig->pin, sizeof(contact.pin));
        bench_send(fd, &contact, sizeof(contact));
        bench_serve(&loop->rt, fd);
        rig_free(rig);
        bench_loop_free(loop);
}

/* ---- the floor ---- */

typedef struct Echo {
        const TestAuthority *authority; /* weak */
        const Key *key;                 /* weak; the client's */
        const char *bytes;              /* weak; a payload */
        size_t n_bytes;
        const Runtime *rt; /* weak */
        TlsConfig *tls;
        Rpc *rpc;
} Echo;

static void on_request(Rpc *r, RpcRequest *q, void *userdata) {
        const Echo *e = userdata;
        _cleanup_(writer_done) Writer w = {};

        writer_bytes(&w, e->bytes, e->n_bytes);
        rpc_request_reply(q, &w);
}

static void on_conn(Listener *l, int fd, const Address *peer, void *userdata) {
        static const RpcParameters parameters = {
                .agent = "echo/1",
                .in_flight = IN_FLIGHT_TRACKER,
                .frame_max = FRAME_BYTES_ANONYMOUS_MAX,
        };
        static const RpcHandlers handlers = { .on_request = on_request };
        Echo *e = userdata;
        Conn *conn;

        must(conn_new(e->rt, fd, peer, e->tls, true, NULL, NULL, &conn));
        must(rpc_new(e->rt, conn, &parameters, &handlers, e, &e->rpc));
}

static void certify(const Echo *e, char *ret, size_t n) {
        _cleanup_(certificate_freep) Certificate *c =
                test_authority_issue(e->authority, e->key, SUBJECT_USER, "alice");
        _cleanup_free_ char *pem = NULL;

        must(certificate_to_pem(c, &pem));
        snprintf(ret, n, "%s", pem);
}

static void run_echo(int fd, void *userdata) {
        static const ListenerHandlers handlers = { .on_conn = on_conn };
        BenchLoop *loop = bench_loop_new(N_THREADS);
        Echo *e = userdata;
        Contact contact = {};
        Listener *listener;
        int listen_fd;

        e->rt = &loop->rt;
        e->tls = test_authority_tls(e->authority, SUBJECT_TRACKER, NULL, TLS_EXPECT_PEER_OR_NOBODY);
        must(address_parse("127.0.0.1:0", true, &contact.address));
        must(listener_bind(&contact.address, &listen_fd));
        must(listener_new(e->rt, listen_fd, &handlers, e, &listener));
        must(listener_get_address(listener, &contact.address));
        memcpy(contact.pin, e->authority->pin, sizeof(contact.pin));
        certify(e, contact.certificate, sizeof(contact.certificate));
        bench_send(fd, &contact, sizeof(contact));
        bench_serve(e->rt, fd);
        rpc_free(e->rpc);
        listener_free(listener);
        tls_config_free(e->tls);
        bench_loop_free(loop);
}

/* ---- the client ---- */

static BenchClient *dial(const Runtime *rt, const Contact *contact, const Key *key) {
        _cleanup_(certificate_freep) Certificate *certificate = NULL;
        _cleanup_(tls_config_freep) TlsConfig *tls = NULL;
        BenchClient *c;

        must(certificate_from_pem(contact->certificate, &certificate));
        must(tls_config_new(
                &(TlsParameters){
                        .clock = rt->clock,
                        .expect = TLS_EXPECT_TRACKER,
                        .key = key,
                        .certificate = certificate,
                        .pin = contact->pin,
                },
                &tls));
        c = bench_client_new(rt, &contact->address, tls, NULL, NULL);
        bench_client_hello(c);
        return c;
}

/* *ret_payload: of the last answer. */
static void ask(const Runtime *rt, const Key *key, bench_child_fn run, void *userdata, Run *ret,
                char **ret_payload) {
        _cleanup_(bench_client_freep) BenchClient *c = NULL;
        _cleanup_free_ uint64_t *latencies = new0(uint64_t, N_REQUESTS);
        const char *answer, *payload;
        BenchChild child;
        Contact contact;
        uint64_t cpu;
        size_t n;

        if (!latencies)
                bench_fail("out of memory");
        bench_child_start(&child, run, userdata);
        bench_receive(child.fd, &contact, sizeof(contact));
        c = dial(rt, &contact, key);
        (void) bench_client_call(c, "LIST", "{}", 2); /* the first may be slower */
        cpu = bench_child_cpu_usec(&child);
        for (size_t i = 0; i < N_REQUESTS; i++)
                latencies[i] = bench_client_call(c, "LIST", "{}", 2);
        ret->cpu = (double) (bench_child_cpu_usec(&child) - cpu) / N_REQUESTS;
        ret->p50 = (double) bench_percentile(latencies, N_REQUESTS, 0.5) / 1e3;

        answer = bench_client_get_answer(c, &n);
        payload = strstr(answer, "\"payload\":");
        if (!payload || !strstr(payload, "\"next\":"))
                bench_fail("not a full page: %.80s", answer);
        payload += strlen("\"payload\":");
        free(*ret_payload);
        *ret_payload = strndup(payload, n - (size_t) (payload - answer) - 1);
        c = bench_client_free(c);
        bench_child_end(&child);
}

static double median_of(const Run *runs, size_t offset) {
        double values[N_RUNS];

        for (size_t i = 0; i < N_RUNS; i++)
                values[i] = *(const double *) ((const char *) &runs[i] + offset);
        return bench_median(values, N_RUNS);
}

int main(int argc, char **argv) {
        _cleanup_(bench_loop_freep) BenchLoop *loop = bench_loop_new(0);
        _cleanup_(test_authority_freep) TestAuthority *authority =
                test_authority_new(loop->rt.clock);
        _cleanup_(key_freep) Key *key = NULL;
        _cleanup_free_ char *page = NULL, *echoed = NULL;
        TrackerChild what;
        Run tracker[N_RUNS], floor[N_RUNS];
        double ratios[N_RUNS];

        must(key_generate(&key));
        what = (TrackerChild){ .key = key };
        for (size_t i = 0; i < N_RUNS; i++) {
                Echo echo = { .authority = authority, .key = key };

                ask(&loop->rt, key, run_tracker, &what, &tracker[i], &page);
                echo.bytes = page;
                echo.n_bytes = strlen(page);
                ask(&loop->rt, key, run_echo, &echo, &floor[i], &echoed);
                if (!streq(page, echoed))
                        bench_fail("the floor answered something else");
                ratios[i] = tracker[i].cpu / floor[i].cpu;
        }
        bench_figure((double) strlen(page), "bytes", "list-page");
        bench_figure(median_of(tracker, offsetof(Run, cpu)), "us", "list-cpu");
        bench_figure(median_of(floor, offsetof(Run, cpu)), "us", "list-echo-cpu");
        bench_figure(bench_median(ratios, N_RUNS), "x", "list-ratio");
        bench_figure(median_of(tracker, offsetof(Run, p50)), "ms", "list-p50");
        bench_figure(median_of(floor, offsetof(Run, p50)), "ms", "list-echo-p50");
        return EXIT_SUCCESS;
}
