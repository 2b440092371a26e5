/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows one attempt to reach somebody by several addresses (RFC 8305 in small); leaves looking
 * names up to dialer-resolve.c. */
#include "net/dialer.h"

#include "net/dialer-resolve.h"
#include "wire/limits.h"

struct Dialer {
        const Runtime *rt; /* weak */
        unsigned n_ref;
        TlsConfig *tls;
        dialer_done_fn done; /* NULL: it has run */
        void *userdata;      /* weak */
        Job *resolving;
        ClockTimer *next; /* when another address is tried */
        Address addresses[ADDRESSES_MAX];
        size_t n_addresses, n_started;
        Conn *conns[ADDRESSES_MAX]; /* NULL: not started, failed, or handed on */
        size_t n_running;
        DialFailure failure;
};

static Dialer *dialer_ref(Dialer *d) {
        d->n_ref++;
        return d;
}

static Dialer *dialer_unref(Dialer *d) {
        if (!d || --d->n_ref > 0)
                return NULL;
        tls_config_free(d->tls);
        free(d);
        return NULL;
}
DEFINE_CLEANUP(Dialer *, dialer_unref);

static void dialer_stop(Dialer *d) {
        d->done = NULL;
        d->resolving = job_free(d->resolving);
        d->next = clock_timer_free(d->next);
        for (size_t i = 0; i < d->n_started; i++)
                d->conns[i] = conn_free(d->conns[i]);
}

/* How much a failure tells about what is wrong: the more, the higher. */
static int failure_rank(const ConnClosed *why) {
        switch (-why->error) {
        case ENOKEY:
        case EKEYREJECTED:
                return 6;
        case EPROTO:
                return 4;
        case ECONNREFUSED:
        case ECONNRESET:
                return 3;
        case ETIMEDOUT:
                return 1;
        }
        return why->stage >= CONN_HANDSHAKE ? 5 : 2;
}

static void dialer_note(Dialer *d, const ConnClosed *why) {
        if (d->failure.closed.error == 0 || failure_rank(why) > failure_rank(&d->failure.closed))
                d->failure.closed = *why;
}

static void dialer_note_errno(Dialer *d, int error, const char *what) {
        ConnClosed why = { .error = error, .stage = CONN_CONNECTING };

        snprintf(why.message, sizeof(why.message), "%s: %s", what, strerrordesc_np(-error));
        dialer_note(d, &why);
}

static void dialer_done(Dialer *d, Conn *conn) {
        dialer_done_fn done = d->done;

        dialer_stop(d);
        d->failure.n_tried = (unsigned) d->n_started;
        done(conn, conn ? NULL : &d->failure, d->userdata);
}

static void on_open(Conn *c, void *userdata) {
        _cleanup_(dialer_unrefp) Dialer *d = dialer_ref(userdata);

        for (size_t i = 0; i < d->n_started; i++)
                if (d->conns[i] == c)
                        d->conns[i] = NULL;
        conn_set_handlers(c, NULL, NULL);
        dialer_done(d, c);
}

static void on_closed(Conn *c, const ConnClosed *why, void *userdata) {
        _cleanup_(dialer_unrefp) Dialer *d = dialer_ref(userdata);

        for (size_t i = 0; i < d->n_started; i++)
                if (d->conns[i] == c)
                        d->conns[i] = conn_free(c);
        d->n_running--;
        dialer_note(d, why);
        /* Where no pin is held every address can only say which one it offers. */
        if (why->error == -ENOKEY)
                dialer_done(d, NULL);
        else
                clock_timer_arm(d->next, 0);
}

static const ConnHandlers conn_handlers = { .on_open = on_open, .on_closed = on_closed };

static int dialer_start(Dialer *d, size_t i) {
        const Address *a = &d->addresses[i];
        _cleanup_close_ int fd = -EBADF;
        int r;

        fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, &a->sa, a->size) < 0 && errno != EINPROGRESS)
                return -errno;
        r = conn_new(d->rt, TAKE_FD(fd), a, d->tls, false, &conn_handlers, d, &d->conns[i]);
        if (r < 0)
                return r;
        d->n_running++;
        return 0;
}

/* It is time for another address, or one has failed. */
static void on_next(void *userdata) {
        _cleanup_(dialer_unrefp) Dialer *d = dialer_ref(userdata);

        while (d->n_started < d->n_addresses) {
                char address[ADDRESS_STRING_SIZE];
                int r;

                r = dialer_start(d, d->n_started++);
                if (r >= 0) {
                        if (d->n_started < d->n_addresses)
                                clock_timer_arm(d->next, DIAL_STAGGER_USEC);
                        return;
                }
                address_print(&d->addresses[d->n_started - 1], address);
                dialer_note_errno(d, r, address);
        }
        if (d->n_running == 0)
                dialer_done(d, NULL);
}

/* One of each family in turn, beginning with the first one's; of each in the order given. */
static void dialer_set_addresses(Dialer *d, const Address *addresses, size_t n) {
        sa_family_t first = n > 0 ? addresses[0].sa.sa_family : AF_UNSPEC;
        size_t i[2] = { 0, 0 };

        for (unsigned turn = 0; d->n_addresses < ELEMENTSOF(d->addresses); turn ^= 1) {
                for (unsigned k = 0; k < 2; k++)
                        while (i[k] < n && (addresses[i[k]].sa.sa_family != first) != k)
                                i[k]++;
                if (i[0] == n && i[1] == n)
                        return;
                if (i[turn] < n)
                        d->addresses[d->n_addresses++] = addresses[i[turn]++];
        }
}

static void on_resolved(int r, void *request, void *userdata) {
        _cleanup_(dialer_unrefp) Dialer *d = dialer_ref(userdata);
        const Resolution *resolution = request;

        d->resolving = NULL;
        if (r < 0)
                dialer_note_errno(d, r, resolution->message);
        else
                dialer_set_addresses(d, resolution->addresses, resolution->n_addresses);
        on_next(d);
}

static int dialer_new(const Runtime *rt, TlsConfig *tls, dialer_done_fn done, void *userdata,
                      Dialer **ret) {
        _cleanup_(dialer_freep) Dialer *d = NULL;
        int r;

        d = new0(Dialer, 1);
        if (!d)
                return -ENOMEM;
        *d = (Dialer){
                .rt = rt,
                .n_ref = 1,
                .tls = tls_config_ref(tls),
                .done = done,
                .userdata = userdata,
        };
        r = clock_timer_new(rt->clock, on_next, d, &d->next);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(d);
        return 0;
}

int dialer_new_addresses(const Runtime *rt, const Address *addresses, size_t n, TlsConfig *tls,
                         dialer_done_fn done, void *userdata, Dialer **ret) {
        _cleanup_(dialer_freep) Dialer *d = NULL;
        int r;

        if (n == 0)
                return -EINVAL;
        r = dialer_new(rt, tls, done, userdata, &d);
        if (r < 0)
                return r;
        dialer_set_addresses(d, addresses, n);
        clock_timer_arm(d->next, 0); /* done never runs before its caller has the dialer */
        *ret = TAKE_PTR(d);
        return 0;
}

int dialer_new_name(const Runtime *rt, const char *host, uint16_t port, TlsConfig *tls,
                    dialer_done_fn done, void *userdata, Dialer **ret) {
        _cleanup_(dialer_freep) Dialer *d = NULL;
        Resolution *resolution;
        Address numeric;
        int r;

        if (resolution_parse_numeric(host, port, &numeric) >= 0)
                return dialer_new_addresses(rt, &numeric, 1, tls, done, userdata, ret);
        r = dialer_new(rt, tls, done, userdata, &d);
        if (r < 0)
                return r;
        r = resolution_new(host, port, &resolution);
        if (r < 0)
                return r;
        r = workers_submit(rt->workers, resolution_run, resolution, resolution_free, on_resolved, d,
                           &d->resolving);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(d);
        return 0;
}

Dialer *dialer_free(Dialer *d) {
        if (!d)
                return NULL;
        dialer_stop(d);
        return dialer_unref(d);
}
