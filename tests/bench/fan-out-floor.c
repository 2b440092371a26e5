/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the least that writing to many costs: one TLS write for each; has no loop, no store and no
 * protocol. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "bench/fan-out-host.h"
#include "net/listener.h"

static Tls *accept_one(int listener, TlsConfig *tls) {
        struct pollfd p = { .fd = listener, .events = POLLIN };
        int fd, one = 1;
        uint32_t events;
        Tls *t;

        if (poll(&p, 1, -1) != 1 || (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0 ||
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0)
                bench_fail("accept: %m");
        must(tls_new(tls, fd, true, &t));
        must(tls_handshake(t, &events)); /* fd blocks */
        return t;
}

static void write_all(Tls *t, const char *bytes, size_t n) {
        uint32_t events;

        for (size_t done = 0; done < n;)
                done += (size_t) must((int) tls_write(t, bytes + done, n - done, &events));
}

void fan_out_floor(int fd, void *userdata) {
        const FanOutFloor *what = userdata;
        BenchLoop *loop = bench_loop_new(0);
        TlsConfig *tls =
                test_authority_tls(what->authority, SUBJECT_USER, "alice", TLS_EXPECT_PEER);
        Tls **recipients = new0(Tls *, what->n_recipients);
        Address address;
        int listener;
        char packet;

        must(address_parse("127.0.0.1:0", true, &address));
        must(listener_bind(&address, &listener));
        address.size = sizeof(address.in6);
        if (!recipients || getsockname(listener, &address.sa, &address.size) < 0)
                bench_fail("listen: %m");
        bench_send(fd, &address, sizeof(address));
        for (size_t i = 0; i < what->n_recipients; i++)
                recipients[i] = accept_one(listener, tls);

        for (size_t turn = 0; recv(fd, &packet, 1, 0) == 1;) {
                size_t begin = turn * what->n_bytes / what->n_turns,
                       end = (turn + 1) * what->n_bytes / what->n_turns;

                if (bench_serve_packet(fd, packet))
                        continue;
                for (size_t i = 0; i < what->n_recipients; i++)
                        write_all(recipients[i], what->bytes + begin, end - begin);
                turn++;
                bench_send(fd, &packet, 1);
        }
        /* The connections end with the process. */
        free(recipients);
        tls_config_free(tls);
        bench_loop_free(loop);
}
