/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the linker puts it between connections and who reads them; leaves what is said to
 * those. */
#include "scenario/tap.h"

#include <linux/tcp.h>
#include <poll.h>
#include <utlist.h>

#include "net/conn-internal.h"

/* Of a world of a few people. */
#define FDS_MAX 256
/* Milliseconds, where one end of a connection is not seen: it waits to be accepted. */
#define WAITS_MAX 5

enum { TCP_ESTABLISHED = 1, TCP_SYN_SENT, TCP_FIN_WAIT1 = 4, TCP_LISTEN = 10 }; /* the kernel's */

/* What one side of a connection reads. */
typedef struct Wire {
        Conn *conn; /* weak */
        ConnHandlers handlers;
        void *userdata; /* weak */
        struct Wire *next;
} Wire;

/* All that one reads of another. */
typedef struct Track {
        char pair[3 * NAME_SIZE];
        char *text;
        size_t size, n_frames;
        FILE *file;
        char (*keys)[KEY_ID_SIZE]; /* in the order in which they were read */
        size_t n_keys;
        struct Track *next;
} Track;

typedef struct Reader {
        const Runtime *rt;
        char name[NAME_SIZE];
} Reader;

struct Tap {
        World *world; /* weak */
        uint64_t seed;
        Wire *wires;
        Track *tracks;
        Reader readers[64];
        size_t n_readers;
};

static Tap *current; /* weak; the linker gives no other way */

void __real_conn_set_handlers(Conn *c, const ConnHandlers *handlers, void *userdata);
void __wrap_conn_set_handlers(Conn *c, const ConnHandlers *handlers, void *userdata);
uint64_t __real_random_below(Random *r, uint64_t bound);
uint64_t __wrap_random_below(Random *r, uint64_t bound);
int __real_sched_yield(void);
int __wrap_sched_yield(void);

/* ---- who ---- */

static const char *name_of(const Tap *t, const Runtime *rt, bool accepting) {
        for (const Person *p = t->world->people; p; p = p->next)
                if (rt == &p->rt)
                        return strrchr(p->directory, '/') + 1;
        for (size_t i = t->n_readers; i-- > 0;) /* the latest there */
                if (rt == t->readers[i].rt)
                        return t->readers[i].name;
        return accepting ? "tracker" : "rig";
}

void tap_name(Tap *t, const Runtime *rt, const char *name) {
        assert_true(t->n_readers < ELEMENTSOF(t->readers));
        t->readers[t->n_readers] = (Reader){ .rt = rt };
        snprintf(t->readers[t->n_readers++].name, NAME_SIZE, "%s", name);
}

static Track *track_of(Tap *t, const Conn *c) {
        const Subject *peer = conn_get_peer(c);
        char pair[sizeof(((Track *) NULL)->pair)];
        Track *x;

        snprintf(pair, sizeof(pair), "%s<-%s", name_of(t, c->rt, c->accepting),
                 !peer                           ? "stranger"
                 : peer->kind == SUBJECT_TRACKER ? "tracker"
                                                 : peer->name);
        LL_FOREACH(t->tracks, x)
                if (streq(x->pair, pair))
                        return x;
        x = new0(Track, 1);
        assert_non_null(x);
        strcpy(x->pair, pair);
        x->file = open_memstream(&x->text, &x->size);
        assert_non_null(x->file);
        LL_APPEND(t->tracks, x);
        return x;
}

/* ---- what ---- */

static const char *person_of_port(const Tap *t, unsigned long port) {
        for (const Person *p = t->world->people; p; p = p->next)
                if (port == ntohs(p->listen.in.sin_port))
                        return strrchr(p->directory, '/') + 1;
        return NULL;
}

/* A key by its number among those that were read: one more, or one less, moves those behind it. */
static size_t number_of_key(Track *x, const char *key) {
        for (size_t i = 0; i < x->n_keys; i++)
                if (strncmp(x->keys[i], key, KEY_ID_SIZE - 1) == 0)
                        return i;
        x->keys = reallocarray(x->keys, x->n_keys + 1, sizeof(x->keys[0]));
        assert_non_null(x->keys);
        snprintf(x->keys[x->n_keys], sizeof(x->keys[0]), "%s", key);
        return x->n_keys++;
}

/* Without what is made anew in each run. */
static void write_frame(const Tap *t, Track *x, const char *line) {
        static const char key[] = "\"key\":\"";
        FILE *to = x->file;
        static const char *const made[] = { "\"csr\":\"", "\"certificate\":\"", "\"ca\":\"",
                                            "\"recovery_code\":\"" };

        while (*line) {
                const char *who = NULL;
                char *end;
                size_t n = 1;

                for (size_t i = 0; i < ELEMENTSOF(made); i++)
                        if (strncmp(line, made[i], strlen(made[i])) == 0) {
                                fputs(made[i], to);
                                line = strchr(line + strlen(made[i]), '"');
                                n = 0;
                        }
                if (strncmp(line, key, strlen(key)) == 0) {
                        line += strlen(key);
                        fprintf(to, "%s%zu", key, number_of_key(x, line));
                        line = strchr(line, '"');
                        n = 0;
                }
                if (*line == ':' && line[1] >= '1' && line[1] <= '9') {
                        who = person_of_port(t, strtoul(line + 1, &end, 10));
                        if (who) {
                                fprintf(to, ":%s", who);
                                line = end;
                                continue;
                        }
                }
                fwrite(line, 1, n, to);
                line += n;
        }
}

static bool on_line(Conn *c, const char *line, size_t n, void *userdata) {
        Wire *w = userdata;

        if (current) {
                Track *x = track_of(current, c);
                _cleanup_free_ char *text = strndup(line, n);

                assert_non_null(text);
                fprintf(x->file, "%" PRIu64 " ", clock_boottime(current->world->rig->rt->clock));
                write_frame(current, x, text);
                fputc('\n', x->file);
                x->n_frames++;
        }
        return w->handlers.on_line(c, line, n, w->userdata);
}

static void on_open(Conn *c, void *userdata) {
        Wire *w = userdata;

        if (w->handlers.on_open)
                w->handlers.on_open(c, w->userdata);
}

static void on_too_large(Conn *c, void *userdata) {
        Wire *w = userdata;

        w->handlers.on_too_large(c, w->userdata);
}

static void on_closed(Conn *c, const ConnClosed *why, void *userdata) {
        Wire *w = userdata;

        if (w->handlers.on_closed)
                w->handlers.on_closed(c, why, w->userdata);
}

void __wrap_conn_set_handlers(Conn *c, const ConnHandlers *handlers, void *userdata) {
        static const ConnHandlers between = {
                .on_open = on_open,
                .on_line = on_line,
                .on_too_large = on_too_large,
                .on_closed = on_closed,
        };
        Wire *w;

        if (!current || !handlers) {
                __real_conn_set_handlers(c, handlers, userdata);
                return;
        }
        w = new0(Wire, 1);
        assert_non_null(w);
        *w = (Wire){ .conn = c, .handlers = *handlers, .userdata = userdata };
        LL_PREPEND(current->wires, w);
        __real_conn_set_handlers(c, &between, w);
}

/* ---- when ---- */

static uint64_t mix(uint64_t a, uint64_t b) {
        uint64_t z = a ^ (b + UINT64_C(0x9e3779b97f4a7c15) + (a << 6) + (a >> 2));

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

uint64_t __wrap_random_below(Random *r, uint64_t bound) {
        const char *who = "";
        uint64_t x;

        if (!current)
                return __real_random_below(r, bound);
        x = mix(current->seed, clock_boottime(current->world->rig->rt->clock));
        for (const Person *p = current->world->people; p; p = p->next)
                if (r == p->random)
                        who = strrchr(p->directory, '/');
        for (; *who; who++)
                x = mix(x, (unsigned char) *who);
        return bound > 0 ? mix(x, bound) % bound : 0;
}

/* One end of a TCP connection of this process; the other end is another. */
typedef struct End {
        struct sockaddr_in here, there;
        struct tcp_info info;
} End;

static size_t find_ends(End *ends, size_t n_max) {
        size_t n = 0;

        for (int fd = 0; fd < FDS_MAX && n < n_max; fd++) {
                socklen_t size = sizeof(ends[n].info), here = sizeof(ends[n].here),
                          there = sizeof(ends[n].there);

                ends[n] = (End){};
                if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &ends[n].info, &size) == 0 &&
                    ends[n].info.tcpi_state != TCP_LISTEN &&
                    getsockname(fd, (struct sockaddr *) &ends[n].here, &here) == 0) {
                        (void) getpeername(fd, (struct sockaddr *) &ends[n].there, &there);
                        n++;
                }
        }
        return n;
}

static bool is_under_way(void) {
        End ends[FDS_MAX];
        size_t n = find_ends(ends, ELEMENTSOF(ends));

        for (size_t i = 0; i < n; i++) {
                const End *a = &ends[i], *b = NULL;

                for (size_t k = 0; k < n && !b; k++)
                        if (ends[k].here.sin_port == a->there.sin_port &&
                            ends[k].there.sin_port == a->here.sin_port)
                                b = &ends[k];
                if (a->info.tcpi_state == TCP_SYN_SENT || a->info.tcpi_state == TCP_FIN_WAIT1)
                        return true;
                if (a->info.tcpi_state == TCP_ESTABLISHED && !b)
                        return true; /* its end is */
                if (b && b->info.tcpi_bytes_received <
                                 a->info.tcpi_bytes_sent - a->info.tcpi_bytes_retrans)
                        return true;
        }
        return false;
}

/* Between two empty turns of the loop, before time goes on: what is on its way in the kernel comes
 * at the same moment of ours in each run, however busy the machine is. */
int __wrap_sched_yield(void) {
        struct pollfd fd = { .events = POLLIN };

        if (!current)
                return __real_sched_yield();
        fd.fd = sd_event_get_fd(current->world->rig->rt->event);
        for (unsigned i = 0; i < WAITS_MAX && is_under_way(); i++)
                if (poll(&fd, 1, 1) != 0)
                        break;
        return 0;
}

/* ---- two of them ---- */

Tap *tap_new(World *w, uint64_t seed) {
        Tap *t = new0(Tap, 1);

        assert_non_null(t);
        assert_null(current);
        t->world = w;
        t->seed = w->seed = seed;
        current = t;
        return t;
}

void tap_end(Tap *t) {
        Wire *w, *next;
        Track *x;

        assert_ptr_equal(current, t);
        current = NULL;
        t->world = NULL;
        LL_FOREACH_SAFE(t->wires, w, next)
                free(w);
        t->wires = NULL;
        LL_FOREACH(t->tracks, x)
                assert_int_equal(fflush(x->file), 0);
}

Tap *tap_free(Tap *t) {
        Track *x, *next;

        if (!t)
                return NULL;
        LL_FOREACH_SAFE(t->tracks, x, next) {
                fclose(x->file);
                free(x->text);
                free(x->keys);
                free(x);
        }
        free(t);
        return NULL;
}

static void compare(const Track *a, const Track *b) {
        const char *x = a->text, *y = b ? b->text : "", *line = x;

        while (*x && *x == *y) {
                if (*x == '\n')
                        line = x + 1;
                x++;
                y++;
        }
        if (*x == *y)
                return;
        y = b ? b->text + (line - a->text) : "";
        print_message("%s:\n  %.*s\n  %.*s\n", a->pair, (int) strcspn(line, "\n"), line,
                      (int) strcspn(y, "\n"), y);
        fail_msg("%s reads other frames", a->pair);
}

static const Track *find(const Tap *t, const char *pair) {
        const Track *x;

        LL_FOREACH(t->tracks, x)
                if (streq(x->pair, pair))
                        return x;
        return NULL;
}

size_t tap_count(const Tap *t, const char *reader, const char *of, const char *words) {
        char pair[sizeof(((Track *) NULL)->pair)];
        const Track *x;
        size_t n = 0;

        snprintf(pair, sizeof(pair), "%s<-%s", reader, of);
        x = find(t, pair);
        for (const char *s = x ? x->text : ""; (s = strstr(s, words)); n++)
                s = strchr(s, '\n');
        return n;
}

static bool concerns(const Track *x, const char *name) {
        const char *arrow = strstr(x->pair, "<-");

        return streq(arrow + 2, name) ||
               (strncmp(x->pair, name, strlen(name)) == 0 && x->pair + strlen(name) == arrow);
}

size_t tap_compare(const Tap *a, const Tap *b, const char *but) {
        size_t n = 0;
        const Track *x;

        LL_FOREACH(a->tracks, x)
                if (!concerns(x, but)) {
                        compare(x, find(b, x->pair));
                        n += x->n_frames;
                }
        LL_FOREACH(b->tracks, x)
                if (!concerns(x, but) && !find(a, x->pair))
                        fail_msg("%s reads what nobody said before", x->pair);
        return n;
}
