/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What it costs a host that 50 members read what one of them writes.
 *
 * A process of its own hosts a channel as the daemon does: store on disk, threads, TLS. This
 * process holds 50 connections to it that only look for sequence numbers. One of them posts 10,000
 * messages of 100 bytes, 1, 20 or 64 a MESSAGE request, one request in flight. Every member must
 * get every entry once and in order, or there are no figures.
 *
 * The floor, in the same minute on the same machine: a process that writes the very bytes that a
 * member got to as many recipients, in as many turns as there were requests, one TLS write for
 * each; it has neither loop, store nor protocol. What matters is the ratio of the two.
 *
 *   fan-out-N-host-cpu     s   user and system time of the host, N messages a request
 *   fan-out-N-floor-cpu    s   of the floor
 *   fan-out-N-ratio        x   host by floor
 *   fan-out-N-stored-p50   ms  from a request's first byte to its answer, at the sender, which
 * shares fan-out-N-stored-p99       its thread with the 50 readers fan-out-N-rate messages/s
 *
 * Each is the median of 3 runs; both processes' CPU begins to count after all have connected. Other
 * sizes of requests than these may be given as arguments. */
#include <sys/epoll.h>

#include "bench/fan-out-host.h"
#include "wire/limits.h"

#define N_MEMBERS 50
#define N_MESSAGES 10000
#define N_RUNS 3

typedef struct Member {
        struct Bench *bench; /* weak */
        BenchClient *client;
        uint64_t first_seq, last_seq;
} Member;

typedef struct Bench {
        BenchLoop *loop;
        TestAuthority *authority;
        TlsConfig *tls[N_MEMBERS];
        Member members[N_MEMBERS];
        size_t n_complete; /* members that have everything */
        bool is_complete;
        bool is_told;     /* the roster is out */
        bool is_recorded; /* what the first one gets is kept */
        Writer record;
        bool is_turned;
} Bench;

typedef struct Run {
        double host_cpu, floor_cpu, ratio, p50, p99, rate;
} Run;

/* ---- members ---- */

static void see(Member *m, uint64_t seq) {
        if (m->last_seq > 0 && seq != m->last_seq + 1)
                bench_fail("entry %" PRIu64 " came after %" PRIu64, seq, m->last_seq);
        if (m->last_seq == 0)
                m->first_seq = seq;
        m->last_seq = seq;
        if (m->last_seq - m->first_seq + 1 < N_MESSAGES)
                return;
        if (m->last_seq - m->first_seq + 1 > N_MESSAGES)
                bench_fail("entry %" PRIu64 " is one too many", seq);
        m->bench->is_complete = ++m->bench->n_complete == N_MEMBERS;
}

static void on_line(BenchClient *c, const char *line, size_t n, void *userdata) {
        static const char before[] = "{\"seq\":";
        const char *end = line + n;
        Member *m = userdata;
        Bench *b = m->bench;
        char last[16];

        if (n >= 9 && memcmp(line, "PRESENCE-", 9) == 0) {
                snprintf(last, sizeof(last), "\"m%u\"", N_MEMBERS - 1);
                b->is_told = b->is_told || memmem(line, n, last, strlen(last));
                return;
        }
        if (n < 8 || memcmp(line, "MESSAGE-", 8) != 0)
                return;
        if (m == &b->members[0] && b->is_recorded) {
                writer_bytes(&b->record, line, n);
                writer_bytes(&b->record, "\n", 1);
        }
        for (const char *p = line; (p = memmem(p, (size_t) (end - p), before, strlen(before)));) {
                p += strlen(before);
                see(m, strtoull(p, NULL, 10));
        }
}

static void dial(Bench *b, const Address *address) {
        b->n_complete = 0;
        b->is_complete = b->is_told = false;
        for (size_t i = 0; i < N_MEMBERS; i++) {
                Member *m = &b->members[i];

                *m = (Member){ .bench = b };
                m->client = bench_client_new(&b->loop->rt, address, b->tls[i], on_line, m);
        }
}

static void hang_up(Bench *b) {
        for (size_t i = 0; i < N_MEMBERS; i++)
                b->members[i].client = bench_client_free(b->members[i].client);
}

/* ---- the host ---- */

static size_t n_requests(unsigned n_each) {
        return (N_MESSAGES + n_each - 1) / n_each;
}

static void post(Bench *b, unsigned n_each, uint64_t *latencies) {
        for (unsigned i = 0, n; i < N_MESSAGES; i += n) {
                _cleanup_(writer_done) Writer w = {};
                size_t n_answer;
                const char *answer;

                n = MIN(n_each, N_MESSAGES - i);
                fan_out_write_request(&b->loop->rt, &w, n);
                *latencies++ = bench_client_call(b->members[0].client, "MESSAGE", w.data, w.size);
                answer = bench_client_get_answer(b->members[0].client, &n_answer);
                if (!memmem(answer, n_answer, "\"refused\":[]", 12))
                        bench_fail("refused: %s", answer);
        }
}

static void run_host(Bench *b, unsigned n_each, Run *ret) {
        static const char payload[] = "{\"channel_name\":\"" FAN_OUT_CHANNEL "\",\"since\":0,"
                                      "\"backlog\":0,\"invisible\":false}";
        _cleanup_free_ uint64_t *latencies = new0(uint64_t, n_requests(n_each));
        char directory[BENCH_DIRECTORY_SIZE];
        FanOutHost host = { .authority = b->authority, .directory = directory };
        uint64_t cpu, begin;
        BenchChild child;
        Address address;

        if (!latencies)
                bench_fail("out of memory");
        bench_directory_make(directory);
        bench_child_start(&child, fan_out_host, &host);
        bench_receive(child.fd, &address, sizeof(address));
        dial(b, &address);
        for (size_t i = 0; i < N_MEMBERS; i++) {
                bench_client_hello(b->members[i].client);
                bench_client_call(b->members[i].client, "CONNECT", payload, strlen(payload));
        }
        bench_until(&b->loop->rt, &b->is_told);

        writer_done(&b->record);
        b->is_recorded = true;
        cpu = bench_child_cpu_usec(&child);
        begin = clock_boottime(b->loop->rt.clock);
        post(b, n_each, latencies);
        bench_until(&b->loop->rt, &b->is_complete);
        ret->rate = N_MESSAGES * 1e6 / (double) (clock_boottime(b->loop->rt.clock) - begin);
        ret->host_cpu = (double) (bench_child_cpu_usec(&child) - cpu) / 1e6;
        ret->p50 = (double) bench_percentile(latencies, n_requests(n_each), 0.5) / 1e3;
        ret->p99 = (double) bench_percentile(latencies, n_requests(n_each), 0.99) / 1e3;
        must(b->record.error);

        b->is_recorded = false;
        hang_up(b);
        bench_child_end(&child);
        bench_directory_remove(directory);
}

/* ---- the floor ---- */

static int on_turned(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Bench *b = userdata;
        char packet;

        bench_receive(fd, &packet, 1);
        b->is_turned = true;
        return 0;
}

static void turn(Bench *b, size_t n, int fd) {
        sd_event_source *source;

        must(sd_event_add_io(b->loop->rt.event, &source, fd, EPOLLIN, on_turned, b));
        for (size_t i = 0; i < n; i++) {
                b->is_turned = false;
                bench_send(fd, &(char){ FLOOR_TURN }, 1);
                bench_until(&b->loop->rt, &b->is_turned);
        }
        sd_event_source_disable_unref(source);
}

static void run_floor(Bench *b, unsigned n_each, Run *ret) {
        FanOutFloor floor = {
                .authority = b->authority,
                .bytes = b->record.data,
                .n_bytes = b->record.size,
                .n_turns = n_requests(n_each),
                .n_recipients = N_MEMBERS,
        };
        BenchChild child;
        Address address;
        uint64_t cpu;

        bench_child_start(&child, fan_out_floor, &floor);
        bench_receive(child.fd, &address, sizeof(address));
        dial(b, &address);
        cpu = bench_child_cpu_usec(&child);
        turn(b, floor.n_turns, child.fd);
        bench_until(&b->loop->rt, &b->is_complete);
        ret->floor_cpu = (double) (bench_child_cpu_usec(&child) - cpu) / 1e6;
        hang_up(b);
        bench_child_end(&child);
}

/* ---- figures ---- */

static void report(unsigned n_each, const Run *runs) {
        static const struct {
                const char *name, *unit;
                size_t offset;
        } figures[] = {
                { "host-cpu", "s", offsetof(Run, host_cpu) },
                { "floor-cpu", "s", offsetof(Run, floor_cpu) },
                { "ratio", "x", offsetof(Run, ratio) },
                { "stored-p50", "ms", offsetof(Run, p50) },
                { "stored-p99", "ms", offsetof(Run, p99) },
                { "rate", "messages/s", offsetof(Run, rate) },
        };

        for (size_t i = 0; i < ELEMENTSOF(figures); i++) {
                double values[N_RUNS];

                for (size_t k = 0; k < N_RUNS; k++)
                        values[k] = *(const double *) ((const char *) &runs[k] + figures[i].offset);
                bench_figure(bench_median(values, N_RUNS), figures[i].unit, "fan-out-%u-%s", n_each,
                             figures[i].name);
        }
}

int main(int argc, char **argv) {
        static const char *const sizes[] = { "1", "20", "64" };
        const char *const *size = argc > 1 ? (const char *const *) argv + 1 : sizes;
        size_t n_sizes = argc > 1 ? (size_t) argc - 1 : ELEMENTSOF(sizes);
        Bench b = { .loop = bench_loop_new(0) };

        b.authority = test_authority_new(b.loop->rt.clock);
        for (unsigned i = 0; i < N_MEMBERS; i++) {
                char name[NAME_SIZE];

                snprintf(name, sizeof(name), "m%u", i);
                b.tls[i] = test_authority_tls(b.authority, SUBJECT_USER, name, TLS_EXPECT_PEER);
        }
        for (size_t i = 0; i < n_sizes; i++) {
                unsigned n_each = (unsigned) strtoul(size[i], NULL, 10);
                Run runs[N_RUNS];

                if (n_each < 1 || n_each > MESSAGES_PER_REQUEST_MAX)
                        bench_fail("a request has 1 to %u messages", MESSAGES_PER_REQUEST_MAX);
                for (size_t k = 0; k < N_RUNS; k++) {
                        run_host(&b, n_each, &runs[k]);
                        run_floor(&b, n_each, &runs[k]);
                        runs[k].ratio = runs[k].host_cpu / runs[k].floor_cpu;
                }
                report(n_each, runs);
        }
        for (unsigned i = 0; i < N_MEMBERS; i++)
                tls_config_free(b.tls[i]);
        writer_done(&b.record);
        test_authority_free(b.authority);
        bench_loop_free(b.loop);
        return EXIT_SUCCESS;
}
