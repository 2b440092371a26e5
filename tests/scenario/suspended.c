/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whom the tracker's operator suspends is out of every host within half a minute, also of those
 * that were not there when it was said, and hears why; nobody else notices. */
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/account/account-owner.h"
#include "net/listener.h"
#include "scenario/operator.h"
#include "scenario/support.h"

#define SOON_USEC (30 * USEC_PER_SEC) /* at a lease of 60 s: a heartbeat is due every 20 s */

static bool is_live(Person *p, const char *channel) {
        const ChannelMember *c = person_channel(p, channel);

        return c && channel_member_get_state(c) == MEMBER_LIVE;
}

static size_t n_here(Person *p) {
        size_t n_channels, n_members;

        manager_get_hosting(p->manager, &n_channels, &n_members);
        return n_members;
}

/* alice and dave host, bob is in both and hosts a channel of his own; gus is a guest. */
typedef struct Cast {
        World *w;
        Person *alice, *dave, *bob, *gus;
} Cast;

static void begin(Cast *t) {
        t->w = world_new();
        t->alice = world_person(t->w, "alice");
        t->dave = world_person(t->w, "dave");
        t->bob = world_person(t->w, "bob");
        t->gus = world_person(t->w, "gus");
        person_sign_up(t->alice, "alice");
        person_sign_up(t->dave, "dave");
        person_sign_up(t->bob, "bob");
        person_guest(t->gus, "gus");
        person_host(t->alice, "lobby");
        person_host(t->dave, "den");
        person_host(t->bob, "bobs");
        (void) person_join(t->bob, "lobby");
        (void) person_join(t->bob, "den");
        (void) person_join(t->gus, "lobby");
        (void) person_join(t->alice, "bobs");
        person_until_state(t->bob, "lobby", MEMBER_LIVE);
        person_until_state(t->bob, "den", MEMBER_LIVE);
        person_until_state(t->gus, "lobby", MEMBER_LIVE);
        person_until_state(t->alice, "bobs", MEMBER_LIVE);
        assert_int_equal(n_here(t->alice), 3);
        assert_int_equal(n_here(t->dave), 2);
}

static void assert_out(const Cast *t) {
        assert_int_equal(n_here(t->alice), 2);
        assert_int_equal(n_here(t->dave), 1);
        assert_false(is_live(t->bob, "lobby"));
        assert_false(is_live(t->bob, "den"));
        assert_false(is_live(t->bob, "bobs"));
        assert_false(is_live(t->alice, "bobs"));
        assert_true(is_live(t->gus, "lobby"));
        assert_true(is_live(t->alice, "lobby"));
        assert_int_equal(person_sees(t->gus, "bobs"), 0);
}

static void test_within_half_a_minute(void **state) {
        Cast t;

        begin(&t);
        (void) person_send(t.gus, "lobby", "before");
        assert_int_equal(suspend(t.w->rig, "bob", "sells things").code, ERROR_NONE);
        world_pass(t.w, SOON_USEC);
        assert_out(&t);
        (void) person_send(t.gus, "lobby", "after");
        person_until_sent(t.gus, "lobby");

        /* He hears why when he signs in, and only with his password. */
        assert_int_equal(person_try_sign_in(t.bob, "bob", "wrong horse battery"),
                         ERROR_BAD_CREDENTIALS);
        assert_int_equal(person_try_sign_in(t.bob, "bob", "correct horse battery"), ERROR_BANNED);
        assert_non_null(strstr(t.bob->failure.message,
                               "suspended by the operator of this tracker (sells things)"));
        world_pass(t.w, 3 * USEC_PER_HOUR);
        assert_out(&t);
        person_kill(t.bob);
        person_start(t.bob);
        world_pass(t.w, USEC_PER_HOUR);
        assert_out(&t);

        assert_int_equal(resume(t.w->rig, "bob").code, ERROR_NONE);
        world_pass(t.w, USEC_PER_HOUR);
        assert_out(&t); /* by signing in, not by itself */
        person_sign_in(t.bob, "bob");
        person_until_state(t.bob, "lobby", MEMBER_LIVE);
        person_until_state(t.bob, "den", MEMBER_LIVE);
        person_until_state(t.bob, "bobs", MEMBER_LIVE);
        person_until_state(t.alice, "bobs", MEMBER_LIVE);
        assert_same_log(t.alice, t.bob, "lobby");
        world_free(t.w);
}

/* The tracker dies right behind its answer: what it said is so when it is back. */
static void test_tracker_killed(void **state) {
        Cast t;

        begin(&t);
        assert_int_equal(suspend(t.w->rig, "bob", NULL).code, ERROR_NONE);
        world_tracker_kill(t.w);
        world_pass(t.w, 10 * USEC_PER_SEC);
        world_tracker_start(t.w);
        world_pass(t.w, SOON_USEC);
        assert_out(&t);
        assert_int_equal(person_try_sign_in(t.bob, "bob", "correct horse battery"), ERROR_BANNED);
        world_free(t.w);
}

/* A host that was stopped when it was said hears it before it lets anybody in again. */
static void test_host_restarts(void **state) {
        Cast t;

        begin(&t);
        person_kill(t.dave);
        assert_int_equal(suspend(t.w->rig, "bob", NULL).code, ERROR_NONE);
        world_pass(t.w, SOON_USEC);
        person_start(t.dave);
        person_until_state(t.dave, "den", MEMBER_LIVE);
        world_pass(t.w, SOON_USEC);
        assert_out(&t);
        /* … and it keeps that: the tracker need not be there to say it again. */
        world_tracker_kill(t.w);
        person_kill(t.dave);
        person_start(t.dave);
        world_pass(t.w, 10 * USEC_PER_MINUTE);
        assert_int_equal(n_here(t.dave), 1);
        world_free(t.w);
}

/* ---- a host that the tracker does not reach ---- */

#define PIPES_MAX 512 /* also those that were dialled, and given up, while it was frozen */

/* Bytes between some people and the tracker, which stop while it is frozen: neither side learns of
 * the other's end. */
typedef struct Proxy {
        World *world;
        Address address, tracker;
        int listen_fd;
        sd_event_source *listener, *sources[PIPES_MAX];
        int fds[PIPES_MAX]; /* the i-th and its neighbour (i ^ 1) are the ends of one connection */
        unsigned n;
} Proxy;

static int on_bytes(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Proxy *p = userdata;
        char bytes[65536];
        unsigned i = 0;
        ssize_t n;

        while (p->sources[i] != source)
                i++;
        n = read(fd, bytes, sizeof(bytes));
        if (n > 0 && send(p->fds[i ^ 1], bytes, (size_t) n, MSG_NOSIGNAL) == n)
                return 0;
        (void) shutdown(p->fds[i ^ 1], SHUT_WR);
        return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

static int on_dialled(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Proxy *p = userdata;
        const Address *to = &p->tracker;
        unsigned i = p->n;

        assert_true(i + 2 <= PIPES_MAX);
        p->fds[i] = accept(fd, NULL, NULL);
        p->fds[i + 1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(p->fds[i] >= 0 && p->fds[i + 1] >= 0);
        assert_int_equal(connect(p->fds[i + 1], &to->sa, to->size), 0);
        for (unsigned k = i; k < i + 2; k++)
                assert_true(sd_event_add_io(p->world->rig->rt->event, &p->sources[k], p->fds[k],
                                            EPOLLIN, on_bytes, p) >= 0);
        p->n += 2;
        return 0;
}

static void proxy_begin(Proxy *p, World *w) {
        *p = (Proxy){ .world = w, .tracker = w->rig->address };
        assert_int_equal(address_parse("127.0.0.1:0", true, &p->address), 0);
        assert_int_equal(listener_bind(&p->address, &p->listen_fd), 0);
        assert_int_equal(getsockname(p->listen_fd, &p->address.sa, &p->address.size), 0);
        assert_true(sd_event_add_io(w->rig->rt->event, &p->listener, p->listen_fd, EPOLLIN,
                                    on_dialled, p) >= 0);
}

static void proxy_hang_up(Proxy *p) {
        for (unsigned i = 0; i < p->n; i++) {
                sd_event_source_disable_unref(p->sources[i]);
                close(p->fds[i]);
        }
        p->n = 0;
}

static void proxy_freeze(Proxy *p) {
        (void) sd_event_source_set_enabled(p->listener, SD_EVENT_OFF);
        for (unsigned i = 0; i < p->n; i++)
                (void) sd_event_source_set_enabled(p->sources[i], SD_EVENT_OFF);
}

static void proxy_thaw(Proxy *p) {
        proxy_hang_up(p);
        (void) sd_event_source_set_enabled(p->listener, SD_EVENT_ON);
}

static void proxy_end(Proxy *p) {
        proxy_hang_up(p);
        sd_event_source_disable_unref(p->listener);
        close(p->listen_fd);
}

/* Their daemon knows the tracker by the proxy's address. */
static Person *person_behind(Proxy *p, const char *name) {
        Person *person;

        p->world->rig->address = p->address;
        person = world_person(p->world, name);
        p->world->rig->address = p->tracker;
        return person;
}

static bool is_online(void *userdata) {
        return account_is_online(manager_get_account(((Person *) userdata)->manager));
}

static bool is_offline(void *userdata) {
        return !is_online(userdata);
}

/* Bob's daemon does not know either, and stays wherever it is let: out of each host that hears the
 * tracker, and out of the other one with the first heartbeat that is answered. */
static void test_partitioned(void **state) {
        Proxy of_dave, of_bob;
        Cast t = { .w = world_new() };

        proxy_begin(&of_dave, t.w);
        proxy_begin(&of_bob, t.w);
        t.alice = world_person(t.w, "alice");
        t.dave = person_behind(&of_dave, "dave");
        t.bob = person_behind(&of_bob, "bob");
        person_sign_up(t.alice, "alice");
        person_sign_up(t.dave, "dave");
        person_sign_up(t.bob, "bob");
        person_host(t.alice, "lobby");
        person_host(t.dave, "den");
        (void) person_join(t.bob, "lobby");
        (void) person_join(t.bob, "den");
        person_until_state(t.bob, "lobby", MEMBER_LIVE);
        person_until_state(t.bob, "den", MEMBER_LIVE);

        proxy_freeze(&of_dave);
        proxy_freeze(&of_bob);
        assert_int_equal(suspend(t.w->rig, "bob", NULL).code, ERROR_NONE);
        world_pass(t.w, SOON_USEC);
        assert_int_equal(n_here(t.alice), 1);
        assert_int_equal(n_here(t.dave), 2);
        world_until(t.w, is_offline, t.dave);
        world_pass(t.w, 10 * USEC_PER_MINUTE);
        assert_int_equal(n_here(t.dave), 2); /* nobody could tell it */
        assert_true(is_live(t.bob, "den"));

        proxy_thaw(&of_dave);
        world_until(t.w, is_online, t.dave);
        world_pass(t.w, SOON_USEC);
        assert_int_equal(n_here(t.dave), 1);
        assert_false(is_live(t.bob, "den"));
        world_free(t.w);
        proxy_end(&of_dave);
        proxy_end(&of_bob);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_within_half_a_minute),
                cmocka_unit_test(test_tracker_killed),
                cmocka_unit_test(test_host_restarts),
                cmocka_unit_test(test_partitioned),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
