/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a step is tried until it is done, on a disk that fails or loses power; leaves whether
 * what was answered is so to disk-ledger.c. */
#include "scenario/disk-play.h"

#define TRIES_MAX 40
#define PAUSE_USEC (3 * USEC_PER_SEC)     /* before somebody tries again */
#define LIMIT_USEC (15 * USEC_PER_MINUTE) /* of one try */
#define TROUBLE_USEC (45 * USEC_PER_SEC)  /* so long lasts what lasts */
#define RESTART_USEC (5 * USEC_PER_SEC)   /* as the service manager does */
#define SEND_WAIT_USEC (30 * USEC_PER_SEC)

/* Kept until the end: it may come when nobody waits for it any more. */
typedef struct Answer {
        struct Answer *next;
        bool is_done;
        Failure failure;
        uint64_t seq;
        bool is_found;
} Answer;

typedef struct Step {
        int (*ask)(Play *p, ChannelMember *c, const struct Step *s, Answer *a);
        const char *name;
        Person *who;
        bool needs_channel;
        ErrorCode done_already; /* of a second try: the first one did it */
        int64_t backlog;
        uint64_t seq;
        SendPermission send;
        const Line *line;
        bool waits;
} Step;

bool play_is_wrong(const Play *p) {
        return p->wrong[0];
}

void play_wrong(Play *p, const char *format, ...) {
        va_list ap;

        if (play_is_wrong(p))
                return;
        va_start(ap, format);
        (void) vsnprintf(p->wrong, sizeof(p->wrong), format, ap);
        va_end(ap);
}

/* ---- waiting ---- */

typedef struct Wait {
        Play *play;
        bool (*condition)(void *userdata);
        void *userdata;
} Wait;

static bool is_over(void *userdata) {
        Wait *w = userdata;
        Play *p = w->play;
        uint64_t now = clock_boottime(p->world->rig->rt->clock);

        if (fault_disk_is_off(p->disk))
                return true;
        if (fault_disk_has_struck(p->disk) && p->struck_at == 0)
                p->struck_at = now;
        if (p->struck_at > 0 && now - p->struck_at > TROUBLE_USEC)
                fault_disk_heal(p->disk);
        return w->condition(w->userdata);
}

static bool never(void *userdata) {
        return false;
}

static void power_comes_back(Play *p) {
        bool was_up = p->victim->manager;

        person_kill(p->victim);
        fault_disk_reboot(p->disk, p->seed);
        p->n_reboots++;
        if (was_up)
                play_start(p, p->victim);
}

/* False: the power went meanwhile, or time is over. */
static bool until(Play *p, bool (*condition)(void *userdata), void *userdata, uint64_t usec) {
        Wait w = { .play = p, .condition = condition, .userdata = userdata };
        int r;

        r = clock_virtual_run(p->world->rig->rt->clock, is_over, &w, usec);
        assert_true(r >= 0 || r == -EDEADLK);
        if (!fault_disk_is_off(p->disk))
                return r == 1;
        power_comes_back(p);
        return false;
}

/* As until(), and once more where the power went. */
static void must(Play *p, bool (*condition)(void *userdata), void *userdata, const char *what) {
        for (unsigned n = p->n_reboots;; n = p->n_reboots) {
                if (play_is_wrong(p) || until(p, condition, userdata, LIMIT_USEC))
                        return;
                if (n == p->n_reboots) {
                        play_wrong(p, "it is never so: %s", what);
                        return;
                }
        }
}

/* ---- living and dying ---- */

static bool flag_is_true(void *userdata) {
        return *(const bool *) userdata;
}

void play_kill(Play *p, Person *who) {
        if (!play_is_wrong(p))
                person_kill(who);
}

/* One that cannot read its state ends, and is started again. */
void play_start(Play *p, Person *who) {
        for (unsigned i = 0; i < TRIES_MAX && !play_is_wrong(p); i++) {
                unsigned n = p->n_reboots;
                const Address *listening;
                int r;

                r = person_begin(who);
                if (r >= 0 && until(p, flag_is_true, &who->is_started, LIMIT_USEC)) {
                        r = who->start_result;
                        if (r >= 0 && manager_get_listen_addresses(who->manager, &listening) == 1) {
                                who->listen = listening[0];
                                return;
                        }
                }
                if (n != p->n_reboots && who == p->victim)
                        return; /* started by the one who noticed */
                person_kill(who);
                (void) until(p, never, NULL, RESTART_USEC);
                if (n != p->n_reboots && who == p->victim)
                        return;
        }
        play_wrong(p, "%s does not start any more", who == p->alice ? "alice" : "bob");
}

/* ---- steps ---- */

static Answer *answer_new(Play *p) {
        Answer *a = new0(Answer, 1);

        assert_non_null(a);
        a->next = p->answers;
        p->answers = a;
        return a;
}

static void finish(Answer *a, const Failure *f) {
        assert_false(a->is_done);
        a->is_done = true;
        if (f)
                a->failure = *f;
}

static void on_channel(const Failure *f, ChannelMember *c, void *userdata) {
        finish(userdata, f);
}

static void on_done(const Failure *f, void *userdata) {
        finish(userdata, f);
}

static void on_sent(const Failure *f, const char *id, uint64_t seq, void *userdata) {
        ((Answer *) userdata)->seq = seq;
        finish(userdata, f);
}

static void on_page(const Failure *f, const Entry *entries, size_t n, bool more, bool from_host,
                    void *userdata) {
        finish(userdata, f);
}

/* False: something is wrong. ret may be NULL. */
static bool try_until_done(Play *p, const Step *s, Answer **ret) {
        ErrorCode last = ERROR_NONE;

        for (unsigned i = 0; i < TRIES_MAX && !play_is_wrong(p); i++) {
                ChannelMember *c = person_channel(s->who, "lobby");
                Answer *a = answer_new(p);
                bool is_disturbed;
                unsigned n = p->n_reboots;

                if (s->needs_channel && !c) {
                        play_wrong(p, "%s: the channel is gone", s->name);
                        return false;
                }
                if (s->ask(p, c, s, a) < 0)
                        finish(a, &(Failure){ .code = ERROR_BUSY });
                /* What was told in the moment when the power went was told. */
                if (!until(p, flag_is_true, &a->is_done, LIMIT_USEC) && !a->is_done) {
                        if (n == p->n_reboots)
                                play_wrong(p, "%s: there is no answer", s->name);
                        continue;
                }
                last = a->failure.code;
                if (last == ERROR_NONE || (i > 0 && last == s->done_already)) {
                        if (ret)
                                *ret = a;
                        return true;
                }
                is_disturbed = fault_disk_has_struck(p->disk) || p->n_reboots > 0;
                if (!is_disturbed)
                        play_wrong(p, "%s: %s, and nothing had failed", s->name,
                                   a->failure.message);
                (void) until(p, never, NULL, PAUSE_USEC);
        }
        play_wrong(p, "%s: is refused for ever: %s", s->name,
                   last == ERROR_NONE ? "" : error_info(last)->wire);
        return false;
}

static int ask_host(Play *p, ChannelMember *c, const Step *s, Answer *a) {
        HostOptions options = { .view = VIEW_INVALID, .send = SEND_INVALID };

        return manager_host(s->who->manager, "lobby", &options, on_channel, a, NULL);
}

void play_host(Play *p) {
        Step s = { .ask = ask_host, .name = "host", .who = p->alice };

        p->is_hosted = try_until_done(p, &s, NULL);
}

static int ask_join(Play *p, ChannelMember *c, const Step *s, Answer *a) {
        return manager_join(s->who->manager, "lobby", &(JoinOptions){ .backlog = s->backlog },
                            on_channel, a, NULL);
}

void play_join(Play *p, int64_t backlog) {
        Step s = { .ask = ask_join, .name = "join", .who = p->bob, .backlog = backlog };

        p->is_joined = try_until_done(p, &s, NULL);
}

static int ask_send(Play *p, ChannelMember *c, const Step *s, Answer *a) {
        return channel_member_send(c, s->line->id, s->line->text, NULL,
                                   s->waits ? SEND_WAIT_USEC : 0, on_sent, a, NULL);
}

Line *play_send(Play *p, Person *by, const char *text, bool waits) {
        Line *l = &p->lines[p->n_lines];
        Step s = {
                .ask = ask_send,
                .name = text,
                .who = by,
                .needs_channel = true,
                .line = l,
                .waits = waits,
        };
        Answer *a;

        assert_true(p->n_lines < PLAY_LINES_MAX);
        *l = (Line){ .by = by, .username = by == p->alice ? "alice" : "bob", .text = text };
        snprintf(l->id, sizeof(l->id), "11111111-1111-4111-8111-%012u", ++p->n_lines);
        if (try_until_done(p, &s, &a)) {
                l->told = a->seq > 0 ? TOLD_STORED : TOLD_QUEUED;
                l->seq = a->seq;
        }
        return l;
}

static int ask_cancel(Play *p, ChannelMember *c, const Step *s, Answer *a) {
        return channel_member_cancel(c, s->line->id, on_done, a, NULL);
}

void play_cancel(Play *p, Line *l) {
        Step s = {
                .ask = ask_cancel,
                .name = "cancel",
                .who = (Person *) l->by,
                .needs_channel = true,
                .done_already = ERROR_NO_SUCH_ENTRY,
                .line = l,
        };

        if (try_until_done(p, &s, NULL))
                l->told = TOLD_CANCELLED;
}

static int ask_retry(Play *p, ChannelMember *c, const Step *s, Answer *a) {
        return channel_member_retry(c, s->line->id, on_done, a, NULL);
}

void play_retry(Play *p, Line *l) {
        Step s = {
                .ask = ask_retry,
                .name = "retry",
                .who = (Person *) l->by,
                .needs_channel = true,
                .done_already = ERROR_CONFLICT, /* it is stored */
                .line = l,
        };

        (void) try_until_done(p, &s, NULL);
}

static int ask_mark(Play *p, ChannelMember *c, const Step *s, Answer *a) {
        return channel_member_mark_read(c, s->seq, false, on_done, a, NULL);
}

void play_mark_read(Play *p, uint64_t seq) {
        Step s = {
                .ask = ask_mark,
                .name = "mark",
                .who = p->bob,
                .needs_channel = true,
                .seq = seq,
        };

        if (try_until_done(p, &s, NULL))
                p->marked_seq = seq;
}

static int ask_view(Play *p, ChannelMember *c, const Step *s, Answer *a) {
        const Permissions wanted = { VIEW_PUBLIC, s->send, -1 };

        return channel_member_set_permissions(c, &wanted, on_done, a, NULL);
}

void play_set_view(Play *p, SendPermission send) {
        Step s = {
                .ask = ask_view,
                .name = "set permissions",
                .who = p->alice,
                .needs_channel = true,
                .send = send,
        };

        (void) try_until_done(p, &s, NULL);
}

static int ask_older(Play *p, ChannelMember *c, const Step *s, Answer *a) {
        PageQuery q = { .before = true, .limit = 100, .anchor = channel_member_get_first_seq(c) };

        return channel_member_read(c, &q, on_page, a, NULL);
}

/* The whole of it, from the host. */
void play_read_older(Play *p) {
        Step s = { .ask = ask_older, .name = "older", .who = p->bob, .needs_channel = true };

        for (unsigned i = 0; i < TRIES_MAX && !play_is_wrong(p); i++) {
                const ChannelMember *c = person_channel(p->bob, "lobby");

                if (c && channel_member_get_first_seq(c) == 1)
                        return;
                if (try_until_done(p, &s, NULL))
                        (void) until(p, never, NULL, PAUSE_USEC);
        }
        play_wrong(p, "older history does not come");
}

static int ask_leave(Play *p, ChannelMember *c, const Step *s, Answer *a) {
        return manager_leave(s->who->manager, c, false, on_done, a, NULL);
}

void play_leave(Play *p) {
        Step s = { .ask = ask_leave, .name = "leave", .who = p->bob, .needs_channel = true };

        (void) try_until_done(p, &s, NULL);
}

static int ask_unhost(Play *p, ChannelMember *c, const Step *s, Answer *a) {
        return manager_unhost(s->who->manager, c, false, on_done, a, NULL);
}

void play_unhost(Play *p) {
        Step s = { .ask = ask_unhost, .name = "unhost", .who = p->alice, .needs_channel = true };

        (void) try_until_done(p, &s, NULL);
}

/* ---- what comes by itself ---- */

static bool are_even(void *userdata) {
        const Play *p = userdata;
        ChannelMember *a = person_channel(p->alice, "lobby"), *b = person_channel(p->bob, "lobby");

        return a && b && channel_member_get_state(b) == MEMBER_LIVE &&
               channel_member_get_n_outbox(a) == 0 && channel_member_get_n_outbox(b) == 0 &&
               channel_member_get_synced_seq(b) == channel_member_get_synced_seq(a);
}

void play_until_even(Play *p) {
        must(p, are_even, p, "both have all");
}

typedef struct Row {
        const Line *line;
        Answer *answer;
} Row;

static void on_outbox(const Failure *f, const OutboxRow *rows, size_t n, bool more,
                      void *userdata) {
        Row *x = userdata;

        for (size_t i = 0; i < n; i++)
                if (streq(rows[i].id, x->line->id) && rows[i].state == OUTBOX_FAILED)
                        x->answer->is_found = true;
        finish(x->answer, f);
}

void play_until_failed(Play *p, const Line *l) {
        for (unsigned i = 0; i < 10 * TRIES_MAX && !play_is_wrong(p); i++) {
                ChannelMember *c = person_channel((Person *) l->by, "lobby");
                Row x = { .line = l, .answer = answer_new(p) };

                if (!c)
                        break;
                if (channel_member_read_outbox(c, 0, 100, on_outbox, &x, NULL) >= 0 &&
                    until(p, flag_is_true, &x.answer->is_done, LIMIT_USEC) && x.answer->is_found)
                        return;
                (void) until(p, never, NULL, PAUSE_USEC);
        }
        play_wrong(p, "%s is not refused", l->text);
}

/* ---- the play ---- */

Play *play_new(bool is_host_victim) {
        Play *p = new0(Play, 1);

        assert_non_null(p);
        p->world = world_new();
        p->alice = world_person(p->world, "alice");
        p->bob = world_person(p->world, "bob");
        person_sign_up(p->alice, "alice");
        person_sign_up(p->bob, "bob");
        p->victim = is_host_victim ? p->alice : p->bob;
        /* The files are open: they are looked at where nobody writes. */
        person_kill(p->victim);
        p->disk = fault_disk_new(p->victim->directory);
        person_start(p->victim);
        return p;
}

Play *play_free(Play *p) {
        Answer *a;

        if (!p)
                return NULL;
        fault_disk_heal(p->disk);
        p->victim->manager = manager_free(p->victim->manager);
        p->disk = fault_disk_free(p->disk);
        world_free(p->world);
        while ((a = p->answers)) {
                p->answers = a->next;
                free(a);
        }
        free(p);
        return NULL;
}
