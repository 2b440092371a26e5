/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One story, told twice: in one ivy is not there, in the other she is, invisible, and does what one
 * can do. Going invisible in the other is leaving in the one. Each frame that somebody else reads,
 * the tracker and her own second device included, is the same in both, at the same moment. */
#include <utlist.h>

#include "daemon/account/account-owner.h"
#include "net/dialer.h"
#include "scenario/tap.h"

#define CHANNEL "lobby"
#define N_STEPS 200

/* ---- who dials the host by hand, with the key of a person ---- */

typedef struct Caller {
        World *world; /* weak */
        Person *who;  /* weak */
        Runtime rt;
        TlsConfig *tls;
        Dialer *dialer;
        Rpc *rpc;
        bool is_settled, is_closed; /* the connection */
        bool is_joined;
        bool is_answered;
        ErrorCode error;
        struct Caller *prev, *next;
} Caller;

typedef struct Story {
        World *w;
        Tap *tap;
        bool has_ghost;
        Random *dice, *ghost_dice;
        Person *alice, *bob, *carol, *dave, *gail, *erin, *ivy, *tablet;
        Caller *callers; /* Caller */
        Caller *asker, *second, *she;
        RigClient *walt;
        bool is_seen; /* ivy, in both runs */
        bool is_restricted;
        const char *status; /* what ivy says of herself */
        unsigned n_texts, n_invisible;
} Story;

static unsigned roll(Random *dice, unsigned n) {
        return (unsigned) (random_u64(dice) % n);
}

static void on_ready(Rpc *r, int64_t offset_usec, void *userdata) {
        ((Caller *) userdata)->is_settled = true;
}

static void on_push(Rpc *r, const char *command, const Value *payload, void *userdata) {
        Caller *c = userdata;

        if (streq(command, "CLOSED"))
                c->is_joined = false;
}

static void on_closed(Rpc *r, const ConnClosed *why, void *userdata) {
        Caller *c = userdata;

        c->is_settled = c->is_closed = true;
        c->is_joined = false;
}

static void on_dialled(Conn *conn, const DialFailure *failure, void *userdata) {
        static const RpcHandlers handlers = {
                .on_ready = on_ready,
                .on_push = on_push,
                .on_closed = on_closed,
        };
        static const RpcParameters parameters = {
                .agent = "caller/1",
                .in_flight = 8,
                .frame_max = FRAME_BYTES_MAX,
        };
        Caller *c = userdata;

        c->dialer = dialer_free(c->dialer);
        if (conn)
                assert_int_equal(rpc_new(&c->rt, conn, &parameters, &handlers, c, &c->rpc), 0);
        else
                c->is_settled = c->is_closed = true;
}

static bool is_settled(void *userdata) {
        return ((Caller *) userdata)->is_settled;
}

static bool is_answered(void *userdata) {
        const Caller *c = userdata;

        return c->is_answered || c->is_closed;
}

static Caller *caller_new(Story *s, Person *who, const char *name) {
        Caller *c = new0(Caller, 1);

        assert_non_null(c);
        *c = (Caller){ .world = s->w, .who = who, .rt = who->rt, .is_closed = true };
        DL_APPEND(s->callers, c);
        tap_name(s->tap, &c->rt, name);
        return c;
}

static void cut(Caller *c) {
        c->dialer = dialer_free(c->dialer);
        c->rpc = rpc_free(c->rpc);
        c->is_closed = true;
        c->is_joined = false;
}

static Caller *caller_free(Story *s, Caller *c) {
        cut(c);
        tls_config_free(c->tls);
        DL_DELETE(s->callers, c);
        free(c);
        return NULL;
}

static void dial(Story *s, Caller *c) {
        if (!c->is_closed)
                return;
        cut(c);
        c->tls = tls_config_free(c->tls);
        assert_int_equal(
                account_new_peer_tls(manager_get_account(c->who->manager), NULL, NULL, &c->tls), 0);
        c->is_settled = c->is_closed = false;
        assert_int_equal(dialer_new_addresses(&c->rt, &s->alice->listen, 1, c->tls, on_dialled, c,
                                              &c->dialer),
                         0);
        world_until(s->w, is_settled, c);
        assert_false(c->is_closed);
}

static void on_reply(int r, const Value *payload, const Failure *failure, void *userdata) {
        Caller *c = userdata;

        c->is_answered = true;
        c->error = r < 0 ? ERROR_HOST_OFFLINE : failure ? failure->code : ERROR_NONE;
}

static _printf_(4, 5) ErrorCode
        ask(Story *s, Caller *c, const char *command, const char *format, ...) {
        _cleanup_(writer_done) Writer w = {};
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, format);
        assert_true(vasprintf(&text, format, ap) >= 0);
        va_end(ap);
        dial(s, c);
        writer_begin_object(&w, NULL);
        writer_string(&w, "channel_name", CHANNEL);
        writer_bytes(&w, text, strlen(text));
        writer_end_object(&w);
        c->is_answered = false;
        c->error = ERROR_HOST_OFFLINE;
        assert_int_equal(rpc_call(c->rpc, command, &w, 0, on_reply, c, NULL), 0);
        world_until(s->w, is_answered, c);
        return c->error;
}

static bool join(Story *s, Caller *c, bool invisible, const char *status) {
        c->is_joined = ask(s, c, "CONNECT",
                           ",\"since\":0,\"backlog\":0,\"invisible\":%s,\"status\":\"%s\"",
                           invisible ? "true" : "false", status) == ERROR_NONE;
        s->n_invisible += c->is_joined && invisible;
        return c->is_joined;
}

static const char *next_text(Story *s) {
        static char text[64];

        snprintf(text, sizeof(text), "text %u", s->n_texts++);
        return text;
}

static void post(Story *s, Caller *c) {
        (void) ask(s, c, "MESSAGE",
                   ",\"messages\":[{\"id\":\"22222222-2222-4222-8222-%012u\","
                   "\"message_content\":\"said\"}]",
                   s->n_texts++);
}

/* ---- ivy ---- */

/* Only where she is there unseen: of all this nobody may read a word. */
static void haunt(Story *s) {
        Caller *c = s->she;

        if (s->is_seen)
                return;
        switch (roll(s->ghost_dice, 8)) {
        case 0:
                (void) join(s, c, true, s->status);
                break;
        case 1:
                cut(c);
                break;
        case 2:
                (void) ask(s, c, "DISCONNECT", "%s", "");
                c->is_joined = false;
                break;
        case 3:
                (void) ask(s, c, "MEMBERS", ",\"limit\":500");
                (void) ask(s, c, "RET_INFO", "%s", "");
                break;
        case 4:
                (void) ask(s, c, "HISTORY", ",\"limit\":5");
                (void) ask(s, c, "ACCESS", "%s", "");
                break;
        case 5:
                if (c->is_joined)
                        assert_int_equal(ask(s, c, "INVISIBLE", ",\"invisible\":true"), ERROR_NONE);
                break;
        case 6:
                (void) ask(s, c, "CONNECT", ",\"since\":99999,\"invisible\":true");
                c->is_joined = false; /* a conflict */
                break;
        default:
                break;
        }
}

static void vanish(Story *s, bool by_cut) {
        Caller *other;

        s->is_seen = false;
        if (!s->has_ghost) {
                if (by_cut)
                        cut(s->she);
                else
                        assert_int_equal(ask(s, s->she, "DISCONNECT", "%s", ""), ERROR_NONE);
                s->she->is_joined = false;
                return;
        }
        switch (roll(s->ghost_dice, 4)) {
        case 0:
                assert_int_equal(ask(s, s->she, "INVISIBLE", ",\"invisible\":true"), ERROR_NONE);
                s->n_invisible++;
                break;
        case 1:
                assert_true(join(s, s->she, true, s->status));
                break;
        case 2:
                cut(s->she);
                assert_true(join(s, s->she, true, s->status));
                break;
        default:
                /* The host believes that she still is there by the connection before. */
                other = caller_new(s, s->ivy, "ivy");
                assert_true(join(s, other, true, s->status));
                (void) caller_free(s, s->she);
                s->she = other;
        }
}

static void appear(Story *s) {
        if (s->she->is_joined && roll(s->ghost_dice, 2))
                s->is_seen = ask(s, s->she, "INVISIBLE", ",\"invisible\":false") == ERROR_NONE;
        else
                s->is_seen = join(s, s->she, false, s->status);
}

/* ---- everybody ---- */

static void toggle(Person *p) {
        if (p->manager)
                person_kill(p);
        else
                person_start(p);
}

static void restart(Story *s, bool is_planned, uint64_t away_usec) {
        Caller *c;

        if (is_planned)
                person_stop(s->alice);
        else
                person_kill(s->alice);
        world_pass(s->w, away_usec);
        person_start(s->alice);
        person_until_state(s->alice, CHANNEL, MEMBER_LIVE);
        DL_FOREACH(s->callers, c)
                if (!c->is_closed)
                        cut(c);
        (void) join(s, s->asker, false, "online");
        if (s->is_seen)
                s->is_seen = join(s, s->she, false, s->status);
        else if (s->has_ghost)
                (void) join(s, s->she, true, s->status);
}

static void govern(Story *s) {
        static const char *const roles[] = { "none", "member", "moderator" };
        char until[TIME_STRING_SIZE];

        switch (s->is_restricted ? 4 : roll(s->dice, 9)) {
        case 0:
        case 1:
                (void) person_authorize(s->alice, CHANNEL, "ivy", (Role) (roll(s->dice, 5) / 2));
                return;
        case 3:
                (void) ask(s, s->asker, "AUTHORIZE", ",\"target\":\"ivy\",\"role\":\"%s\"",
                           roles[roll(s->dice, 2)]);
                return;
        case 4:
                s->is_restricted = !s->is_restricted;
                (void) person_set_view(s->alice, CHANNEL,
                                       s->is_restricted ? VIEW_RESTRICTED : VIEW_PUBLIC,
                                       SEND_INVALID);
                return;
        case 2:
        case 5:
                (void) ask(s, s->asker, "KICK", ",\"target\":\"ivy\",\"reason\":\"why not\"");
                return;
        case 6:
                time_print(clock_realtime(s->w->rig->rt->clock) + USEC_PER_MINUTE, until);
                (void) ask(s, s->asker, "BAN", ",\"target\":\"ivy\",\"until\":\"%s\"", until);
                return;
        case 7:
                (void) ask(s, s->asker, "UNBAN", ",\"target\":\"ivy\"");
                return;
        default:
                (void) ask(s, s->asker, "TOPIC", ",\"topic\":\"%s\"", next_text(s));
        }
}

static void inquire(Story *s) {
        switch (roll(s->dice, 6)) {
        case 0:
                (void) ask(s, s->asker, "MEMBERS", ",\"limit\":%u", 1 + roll(s->dice, 9));
                return;
        case 1:
                (void) ask(s, s->asker, "RET_INFO", "%s", "");
                return;
        case 2:
                (void) ask(s, s->asker, "HISTORY", ",\"limit\":20");
                return;
        case 3:
                (void) ask(s, s->asker, "ACCESS", ",\"username\":\"ivy\"");
                return;
        case 4:
                (void) ask(s, s->asker, "ACCESS", "%s", "");
                return;
        default:
                assert_int_equal(rig_call(s->walt, "LIST", "{}"), ERROR_NONE);
        }
}

static void step(Story *s) {
        Person *const speakers[] = { s->alice, s->bob, s->carol };
        unsigned n = roll(s->dice, 100), of_ivy = roll(s->dice, 4);

        if (s->has_ghost && !s->is_seen && !s->she->is_joined && roll(s->ghost_dice, 2))
                (void) join(s, s->she, true, s->status);
        if (n < 12)
                (void) person_send(speakers[n / 4], CHANNEL, next_text(s));
        else if (n < 20)
                toggle(n < 16 ? s->dave : s->gail);
        else if (n < 26 && s->second->is_joined)
                cut(s->second);
        else if (n < 26)
                (void) join(s, s->second, false, n < 23 ? "away" : "online");
        else if (n < 44)
                inquire(s);
        else if (n < 56)
                govern(s);
        else if (n < 59)
                restart(s, n == 56, of_ivy * USEC_PER_SEC);
        else if (n < 68 && s->is_seen)
                vanish(s, of_ivy % 2);
        else if (n < 65)
                appear(s);
        else if (n < 73) {
                s->status = of_ivy % 2 ? "away" : "online";
                if (s->she->is_joined)
                        (void) ask(s, s->she, "STATUS", ",\"status\":\"%s\"", s->status);
        } else if (n < 76 && s->is_seen)
                post(s, s->she);
        else if (n < 80)
                world_pass(s->w, 31 * USEC_PER_SEC);
        else if (s->has_ghost)
                haunt(s);
        world_pass(s->w, (50 + roll(s->dice, 5000)) * USEC_PER_MSEC);
        if (!s->she->is_joined)
                s->is_seen = false;
}

/* She is nowhere to be seen, and somebody asks whether she is there by all that answers. */
static void confront(Story *s) {
        if (s->is_seen)
                vanish(s, false);
        cut(s->second);
        s->is_restricted = false;
        (void) person_set_view(s->alice, CHANNEL, VIEW_PUBLIC, SEND_INVALID);
        (void) ask(s, s->asker, "UNBAN", ",\"target\":\"ivy\"");
        (void) person_authorize(s->alice, CHANNEL, "ivy", ROLE_NONE);
        world_pass(s->w, 61 * USEC_PER_SEC);
        if (s->has_ghost)
                assert_true(join(s, s->she, true, s->status));
        (void) ask(s, s->asker, "MEMBERS", ",\"limit\":500");
        assert_int_equal(ask(s, s->asker, "KICK", ",\"target\":\"ivy\""), ERROR_NONE);
        (void) ask(s, s->asker, "ACCESS", ",\"username\":\"ivy\"");
        (void) ask(s, s->asker, "RET_INFO", "%s", "");
        world_pass(s->w, USEC_PER_SEC);
        (void) person_authorize(s->alice, CHANNEL, "ivy", ROLE_MEMBER);
}

static Person *person(Story *s, const char *directory, const char *name, bool joins) {
        Person *p = world_person(s->w, directory);

        if (strncmp(name, "guest-", 6) == 0)
                person_guest(p, name + 6);
        else if (streq(directory, name))
                person_sign_up(p, name);
        else
                person_sign_in(p, name);
        if (joins) {
                (void) person_join(p, CHANNEL);
                person_until_state(p, CHANNEL, MEMBER_LIVE);
        }
        return p;
}

static Tap *tell(uint64_t seed, bool has_ghost) {
        Story s = { .w = world_new(), .has_ghost = has_ghost, .status = "online" };
        Tap *tap = tap_new(s.w, seed);

        s.tap = tap;
        assert_int_equal(random_new_seeded(seed, &s.dice), 0);
        assert_int_equal(random_new_seeded(~seed, &s.ghost_dice), 0);
        s.alice = person(&s, "alice", "alice", false);
        person_host(s.alice, CHANNEL);
        s.bob = person(&s, "bob", "bob", true);
        s.carol = person(&s, "carol", "carol", true);
        s.dave = person(&s, "dave", "dave", true);
        s.gail = person(&s, "gail", "guest-gail", true);
        s.erin = person(&s, "erin", "erin", false);
        s.ivy = person(&s, "ivy", "ivy", false);
        s.tablet = person(&s, "tablet", "ivy", false);
        s.walt = rig_user(s.w->rig, "walt");
        assert_int_equal(rig_call(s.walt, "WATCH", "{}"), ERROR_NONE);
        assert_int_equal(person_authorize(s.alice, CHANNEL, "bob", ROLE_MEMBER), ERROR_NONE);
        assert_int_equal(person_authorize(s.alice, CHANNEL, "carol", ROLE_MEMBER), ERROR_NONE);
        assert_int_equal(person_authorize(s.alice, CHANNEL, "erin", ROLE_MODERATOR), ERROR_NONE);

        s.asker = caller_new(&s, s.erin, "asker");
        s.second = caller_new(&s, s.tablet, "second");
        s.she = caller_new(&s, s.ivy, "ivy");
        assert_true(join(&s, s.asker, false, "online"));
        for (unsigned i = 0; i < N_STEPS; i++) {
                step(&s);
                if (i % 50 == 49)
                        confront(&s);
        }
        if (has_ghost)
                assert_in_range(s.n_invisible, 8, N_STEPS);

        while (s.callers)
                (void) caller_free(&s, s.callers);
        rig_client_free(s.walt);
        world_free(s.w);
        tap_end(tap);
        random_free(s.dice);
        random_free(s.ghost_dice);
        return tap;
}

static void test_with_and_without(void **state) {
        static const uint64_t seeds[] = { 1, 20, 300, 4000 };

        for (size_t i = 0; i < ELEMENTSOF(seeds); i++) {
                Tap *without = tell(seeds[i], false), *with = tell(seeds[i], true);

                size_t n = tap_compare(without, with, "ivy");

                print_message("seed %" PRIu64 ": %zu frames of others\n", seeds[i], n);
                assert_true(n > 1000);
                tap_free(without);
                tap_free(with);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_with_and_without),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
