/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What it takes until a message is stored: with the disk's fsync, without it, and beside a member
 * that does not read.
 *
 * A process of its own hosts a channel as the daemon does. One member posts 1,000 messages of 100
 * bytes, one a MESSAGE request, one request in flight; then 20,000, 20 a request. `off` leaves out
 * every fsync (a VFS of the tests), all else is the same; `stalled` is that, so that no disk is in
 * the way, beside a second member that joined and reads nothing. The three take turns, and each
 * figure is the median of 3.
 *
 *   stored-N-{on,off,stalled}-rate  messages/s  acknowledged, N a request
 *   stored-N-{on,off,stalled}-p50   ms          from a request's first byte to its answer
 *   stored-N-{on,off,stalled}-p99   ms
 *   stored-N-off-ratio              x           the rate without fsync by that with it
 *   stored-N-stalled-ratio          x           p50 beside who does not read by p50 without */
#include "bench/fan-out-host.h"
#include "wire/limits.h"

#define N_REQUESTS 1000
#define N_RUNS 3

enum { ON, OFF, STALLED, N_WAYS };
static const char *const ways[] = { "on", "off", "stalled" };

typedef struct Run {
        double rate, p50, p99;
} Run;

typedef struct Bench {
        BenchLoop *loop;
        TestAuthority *authority;
        TlsConfig *sender, *other;
} Bench;

static BenchClient *join(BenchLoop *loop, const Address *address, TlsConfig *tls) {
        static const char payload[] = "{\"channel_name\":\"" FAN_OUT_CHANNEL "\",\"since\":0,"
                                      "\"backlog\":0,\"invisible\":false}";
        BenchClient *c = bench_client_new(&loop->rt, address, tls, NULL, NULL);

        bench_client_hello(c);
        bench_client_call(c, "CONNECT", payload, strlen(payload));
        return c;
}

static void run(Bench *b, unsigned n_each, int way, Run *ret) {
        char directory[BENCH_DIRECTORY_SIZE];
        FanOutHost host = {
                .authority = b->authority,
                .directory = directory,
                .without_fsync = way != ON,
        };
        _cleanup_(bench_loop_freep) BenchLoop *asleep =
                NULL; /* a loop that is not run reads nothing */
        BenchClient *sender, *stalled = NULL;
        uint64_t latencies[N_REQUESTS], begin;
        BenchChild child;
        Address address;

        bench_directory_make(directory);
        bench_child_start(&child, fan_out_host, &host);
        bench_receive(child.fd, &address, sizeof(address));
        if (way == STALLED) {
                asleep = bench_loop_new(0);
                stalled = join(asleep, &address, b->other);
        }
        sender = join(b->loop, &address, b->sender);
        begin = clock_boottime(b->loop->rt.clock);
        for (unsigned i = 0; i < N_REQUESTS; i++) {
                _cleanup_(writer_done) Writer w = {};
                size_t n_answer;
                const char *answer;

                fan_out_write_request(&b->loop->rt, &w, n_each);
                latencies[i] = bench_client_call(sender, "MESSAGE", w.data, w.size);
                answer = bench_client_get_answer(sender, &n_answer);
                if (!memmem(answer, n_answer, "\"refused\":[]", 12))
                        bench_fail("refused: %s", answer);
        }
        *ret = (Run){
                .rate = (double) N_REQUESTS * n_each * 1e6 /
                        (double) (clock_boottime(b->loop->rt.clock) - begin),
                .p50 = (double) bench_percentile(latencies, N_REQUESTS, 0.5) / 1e3,
                .p99 = (double) bench_percentile(latencies, N_REQUESTS, 0.99) / 1e3,
        };
        bench_client_free(sender);
        bench_client_free(stalled);
        bench_child_end(&child);
        bench_directory_remove(directory);
}

static double median_of(Run runs[N_RUNS][N_WAYS], int way, size_t offset) {
        double values[N_RUNS];

        for (size_t k = 0; k < N_RUNS; k++)
                values[k] = *(const double *) ((const char *) &runs[k][way] + offset);
        return bench_median(values, N_RUNS);
}

static void report(unsigned n_each, Run runs[N_RUNS][N_WAYS]) {
        const size_t rate = offsetof(Run, rate), p50 = offsetof(Run, p50);

        for (int way = 0; way < N_WAYS; way++) {
                bench_figure(median_of(runs, way, rate), "messages/s", "stored-%u-%s-rate", n_each,
                             ways[way]);
                bench_figure(median_of(runs, way, p50), "ms", "stored-%u-%s-p50", n_each,
                             ways[way]);
                bench_figure(median_of(runs, way, offsetof(Run, p99)), "ms", "stored-%u-%s-p99",
                             n_each, ways[way]);
        }
        bench_figure(median_of(runs, OFF, rate) / median_of(runs, ON, rate), "x",
                     "stored-%u-off-ratio", n_each);
        bench_figure(median_of(runs, STALLED, p50) / median_of(runs, OFF, p50), "x",
                     "stored-%u-stalled-ratio", n_each);
}

int main(void) {
        static const unsigned sizes[] = { 1, 20 };
        Bench b = { .loop = bench_loop_new(0) };

        b.authority = test_authority_new(b.loop->rt.clock);
        b.sender = test_authority_tls(b.authority, SUBJECT_USER, "bob", TLS_EXPECT_PEER);
        b.other = test_authority_tls(b.authority, SUBJECT_USER, "carol", TLS_EXPECT_PEER);
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                Run runs[N_RUNS][N_WAYS];

                for (size_t k = 0; k < N_RUNS; k++)
                        for (int way = 0; way < N_WAYS; way++)
                                run(&b, sizes[i], way, &runs[k][way]);
                report(sizes[i], runs);
        }
        tls_config_free(b.sender);
        tls_config_free(b.other);
        test_authority_free(b.authority);
        bench_loop_free(b.loop);
        return EXIT_SUCCESS;
}
