/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a benchmark gets real time, a process whose CPU it can read, and clients that cost
 * little; leaves what is measured to the benchmarks. */
#pragma once

#include "base/runtime.h"
#include "net/conn.h"

/* Everything here ends the program where something fails: without it there is no figure. */
#define must(expression)                                                                           \
        ({                                                                                         \
                int _must_r = (expression);                                                        \
                if (_must_r < 0)                                                                   \
                        bench_fail("%s: %s", #expression, strerrordesc_np(-_must_r));              \
                _must_r;                                                                           \
        })
void bench_fail(const char *format, ...) _printf_(1, 2) __attribute__((noreturn));

/* One line a figure: `name value unit`. */
void bench_figure(double value, const char *unit, const char *name, ...) _printf_(3, 4);
double bench_median(double *values, size_t n); /* sorts */
/* share of them are not above it, 0…1; sorts. */
uint64_t bench_percentile(uint64_t *values, size_t n, double share);

/* A loop in real time. n_threads 0: nothing there may need workers. */
typedef struct BenchLoop {
        Runtime rt;
} BenchLoop;
BenchLoop *bench_loop_new(unsigned n_threads);
BenchLoop *bench_loop_free(BenchLoop *l);
DEFINE_CLEANUP(BenchLoop *, bench_loop_free);
/* Until the flag is true, or nothing has happened for a while: then it fails. */
void bench_until(const Runtime *rt, const bool *flag);

/* A process of its own, so that its CPU is not ours. It ends with _exit() when run returns, when
 * bench_serve() in it hears so, or when we end. */
typedef struct BenchChild {
        pid_t pid;
        int fd; /* SOCK_SEQPACKET to it */
} BenchChild;
typedef void (*bench_child_fn)(int fd, void *userdata);
void bench_child_start(BenchChild *c, bench_child_fn run, void *userdata);
void bench_child_end(BenchChild *c);
uint64_t bench_child_cpu_usec(BenchChild *c); /* user and system, all threads, so far */
/* Whole packets, waited for. */
void bench_receive(int fd, void *data, size_t n);
void bench_send(int fd, const void *data, size_t n);
/* In the child: answers bench_child_cpu_usec() until the parent ends it. */
void bench_serve(const Runtime *rt, int fd);
/* The same for a child without a loop: true when the packet was one of these. */
bool bench_serve_packet(int fd, char packet);

/* A connection that looks at lines as bytes: it must not cost what is compared. PING is answered.
 */
typedef struct BenchClient BenchClient;
typedef void (*bench_line_fn)(BenchClient *c, const char *line, size_t n, void *userdata);

/* Until TLS is up; says nothing. on_line (may be NULL) gets every line but PING. */
BenchClient *bench_client_new(const Runtime *rt, const Address *address, TlsConfig *tls,
                              bench_line_fn on_line, void *userdata);
BenchClient *bench_client_free(BenchClient *c);
DEFINE_CLEANUP(BenchClient *, bench_client_free);
void bench_client_hello(BenchClient *c);
/* One request; payload is a JSON object. Until its OK has come, any other answer fails; returns the
 * microseconds that took. */
uint64_t bench_client_call(BenchClient *c, const char *command, const char *payload, size_t n);
/* The last answer's line, without LF. */
const char *bench_client_get_answer(const BenchClient *c, size_t *ret_n);

/* An empty directory below the system's for temporary files that are on a disk. */
#define BENCH_DIRECTORY_SIZE 64
void bench_directory_make(char ret[static BENCH_DIRECTORY_SIZE]);
void bench_directory_remove(const char *directory);
