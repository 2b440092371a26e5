/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a benchmark gets real time, a process whose CPU it can read, and clients that cost
 * little; leaves what is measured to the benchmarks. */
#include "bench/bench.h"

#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "wire/limits.h"

#define STALLED_USEC (60 * USEC_PER_SEC)
#define PACKET_CPU 'c'

void bench_fail(const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        vfprintf(stderr, format, ap);
        va_end(ap);
        fputc('\n', stderr);
        exit(EXIT_FAILURE);
}

/* ---- figures ---- */

void bench_figure(double value, const char *unit, const char *name, ...) {
        va_list ap;

        va_start(ap, name);
        vprintf(name, ap);
        va_end(ap);
        printf(" %.3f %s\n", value, unit);
        fflush(stdout);
}

static int compare_doubles(const void *a, const void *b) {
        const double *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

double bench_median(double *values, size_t n) {
        qsort(values, n, sizeof(*values), compare_doubles);
        return values[n / 2];
}

static int compare_u64(const void *a, const void *b) {
        const uint64_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

uint64_t bench_percentile(uint64_t *values, size_t n, double share) {
        qsort(values, n, sizeof(*values), compare_u64);
        return values[MIN((size_t) (share * (double) n), n - 1)];
}

/* ---- the loop ---- */

BenchLoop *bench_loop_new(unsigned n_threads) {
        BenchLoop *l = new0(BenchLoop, 1);

        if (!l)
                bench_fail("out of memory");
        must(sd_event_new(&l->rt.event));
        must(clock_new(l->rt.event, &l->rt.clock));
        must(random_new(&l->rt.random));
        if (n_threads > 0)
                must(workers_new(l->rt.event, n_threads, &l->rt.workers));
        return l;
}

BenchLoop *bench_loop_free(BenchLoop *l) {
        if (!l)
                return NULL;
        workers_free(l->rt.workers);
        random_free(l->rt.random);
        clock_free(l->rt.clock);
        sd_event_unref(l->rt.event);
        free(l);
        return NULL;
}

void bench_until(const Runtime *rt, const bool *flag) {
        while (!*flag)
                if (must(sd_event_run(rt->event, STALLED_USEC)) == 0)
                        bench_fail("what was waited for did not come");
}

/* ---- processes ---- */

void bench_send(int fd, const void *data, size_t n) {
        if (send(fd, data, n, MSG_NOSIGNAL) != (ssize_t) n)
                bench_fail("the other process is gone: %m");
}

void bench_receive(int fd, void *data, size_t n) {
        if (recv(fd, data, n, 0) != (ssize_t) n)
                bench_fail("the other process is gone");
}

void bench_child_start(BenchChild *c, bench_child_fn run, void *userdata) {
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
                bench_fail("socketpair: %m");
        fflush(stdout);
        c->pid = fork();
        if (c->pid < 0)
                bench_fail("fork: %m");
        if (c->pid == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                close(fds[0]);
                run(fds[1], userdata);
                _exit(EXIT_SUCCESS);
        }
        close(fds[1]);
        c->fd = fds[0];
}

void bench_child_end(BenchChild *c) {
        int status;

        c->fd = close_fd(c->fd);
        if (waitpid(c->pid, &status, 0) < 0 || status != 0)
                bench_fail("the measured process ended badly: %x", (unsigned) status);
}

uint64_t bench_child_cpu_usec(BenchChild *c) {
        uint64_t usec;

        bench_send(c->fd, &(char){ PACKET_CPU }, 1);
        bench_receive(c->fd, &usec, sizeof(usec));
        return usec;
}

static uint64_t timeval_usec(const struct timeval *t) {
        return (uint64_t) t->tv_sec * USEC_PER_SEC + (uint64_t) t->tv_usec;
}

bool bench_serve_packet(int fd, char packet) {
        struct rusage usage;
        uint64_t usec;

        if (packet != PACKET_CPU)
                return false;
        if (getrusage(RUSAGE_SELF, &usage) < 0)
                bench_fail("getrusage: %m");
        usec = timeval_usec(&usage.ru_utime) + timeval_usec(&usage.ru_stime);
        bench_send(fd, &usec, sizeof(usec));
        return true;
}

static int on_packet(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        char packet;

        if (recv(fd, &packet, 1, 0) != 1)
                return sd_event_exit(sd_event_source_get_event(s), 0);
        (void) bench_serve_packet(fd, packet);
        return 0;
}

void bench_serve(const Runtime *rt, int fd) {
        must(sd_event_add_io(rt->event, NULL, fd, EPOLLIN, on_packet, NULL));
        must(sd_event_loop(rt->event));
}

/* ---- clients ---- */

struct BenchClient {
        const Runtime *rt; /* weak */
        Conn *conn;
        bench_line_fn on_line;
        void *userdata; /* weak */
        bool is_open;
        unsigned n_calls;
        char id[32]; /* "{\"id\":\"…\"," of the call in flight */
        bool is_answered;
        char *answer;
        size_t n_answer;
};

static bool begins_with(const char *line, size_t n, const char *prefix) {
        size_t n_prefix = strlen(prefix);

        return n >= n_prefix && memcmp(line, prefix, n_prefix) == 0;
}

static void on_open(Conn *conn, void *userdata) {
        BenchClient *c = userdata;

        c->is_open = true;
}

static void answer_ping(BenchClient *c, const char *line, size_t n) {
        static const char before[] = "PING-{\"id\":\"";
        const char *id = line + strlen(before), *end;
        char frame[128];
        int size;

        end = begins_with(line, n, before) ? memchr(id, '"', n - strlen(before)) : NULL;
        if (!end)
                bench_fail("a PING is not as it should be");
        size = snprintf(frame, sizeof(frame), "OK-{\"id\":\"%.*s\",\"payload\":{}}\n",
                        (int) (end - id), id);
        must(conn_send(c->conn, frame, (size_t) size));
}

static bool on_line(Conn *conn, const char *line, size_t n, void *userdata) {
        BenchClient *c = userdata;
        const char *body = memchr(line, '-', n);

        if (begins_with(line, n, "PING-")) {
                answer_ping(c, line, n);
                return true;
        }
        if (c->id[0] && body && begins_with(body + 1, n - (size_t) (body + 1 - line), c->id)) {
                if (!begins_with(line, n, "OK-"))
                        bench_fail("refused: %.*s", (int) n, line);
                free(c->answer);
                c->answer = strndup(line, n);
                c->n_answer = n;
                c->id[0] = '\0';
                c->is_answered = true;
        }
        if (c->on_line)
                c->on_line(c, line, n, c->userdata);
        return true;
}

static void on_closed(Conn *conn, const ConnClosed *why, void *userdata) {
        bench_fail("a connection ended: %s", why->message);
}

BenchClient *bench_client_new(const Runtime *rt, const Address *address, TlsConfig *tls,
                              bench_line_fn line, void *userdata) {
        static const ConnHandlers handlers = {
                .on_open = on_open,
                .on_line = on_line,
                .on_closed = on_closed,
        };
        BenchClient *c = new0(BenchClient, 1);
        int fd = socket(address->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (!c || fd < 0 || connect(fd, &address->sa, address->size) < 0)
                bench_fail("connect: %m");
        *c = (BenchClient){ .rt = rt, .on_line = line, .userdata = userdata };
        must(conn_new(rt, fd, address, tls, false, &handlers, c, &c->conn));
        conn_set_frame_max(c->conn, FRAME_BYTES_MAX);
        bench_until(rt, &c->is_open);
        return c;
}

BenchClient *bench_client_free(BenchClient *c) {
        if (!c)
                return NULL;
        conn_free(c->conn);
        free(c->answer);
        free(c);
        return NULL;
}

uint64_t bench_client_call(BenchClient *c, const char *command, const char *payload, size_t n) {
        _cleanup_(writer_done) Writer w = {};
        char head[96];
        uint64_t begin;

        snprintf(c->id, sizeof(c->id), "{\"id\":\"%u\",", ++c->n_calls);
        snprintf(head, sizeof(head), "%s-%s\"payload\":", command, c->id);
        writer_bytes(&w, head, strlen(head));
        writer_bytes(&w, payload, n);
        writer_bytes(&w, "}\n", 2);
        must(w.error);
        c->is_answered = false;
        begin = clock_boottime(c->rt->clock);
        must(conn_send(c->conn, w.data, w.size));
        bench_until(c->rt, &c->is_answered);
        return clock_boottime(c->rt->clock) - begin;
}

void bench_client_hello(BenchClient *c) {
        static const char payload[] = "{\"agent\":\"bench/1\",\"features\":[]}";

        (void) bench_client_call(c, "HELLO", payload, strlen(payload));
}

const char *bench_client_get_answer(const BenchClient *c, size_t *ret_n) {
        *ret_n = c->n_answer;
        return c->answer;
}

/* ---- directories ---- */

void bench_directory_make(char ret[static BENCH_DIRECTORY_SIZE]) {
        snprintf(ret, BENCH_DIRECTORY_SIZE, "/var/tmp/p2pchat-bench-XXXXXX");
        if (!mkdtemp(ret))
                bench_fail("%s: %m", ret);
}

void bench_directory_remove(const char *directory) {
        struct dirent *entry;
        char path[PATH_MAX];
        DIR *d = opendir(directory);

        while (d && (entry = readdir(d))) {
                if (entry->d_name[0] == '.')
                        continue;
                snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
                (void) unlink(path);
        }
        if (d)
                closedir(d);
        if (rmdir(directory) < 0)
                bench_fail("%s: %m", directory);
}
