/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of accounts and names when the tracker's disk fails or loses power at any of the
 * operations that they need: what a person was told is so, after another power loss, too. */
#include <stdlib.h>

#include "base/log.h"
#include "scenario/support.h"
#include "support/fault-vfs.h"

#define TRIES_MAX 40
#define TRY_USEC USEC_PER_MINUTE
#define PAUSE_USEC (3 * USEC_PER_SEC)
#define TROUBLE_USEC (30 * USEC_PER_SEC)
#define OPERATIONS_MAX 2000

static const char first_password[] = "correct horse battery";
static const char second_password[] = "another horse battery";
static const char third_password[] = "a third horse battery";

typedef struct Answer {
        struct Answer *next;
        bool is_done;
        ErrorCode error;
        char code[64];
} Answer;

typedef struct Stage {
        World *world;
        Person *desk, *laptop; /* both are alice's */
        FaultDisk *disk;
        uint64_t seed, struck_at;
        Answer *answers;
        char code[64]; /* as told last */
        char wrong[256];
} Stage;

static void wrong(Stage *s, const char *step, const char *what) {
        if (!s->wrong[0])
                snprintf(s->wrong, sizeof(s->wrong), "%s: %s", step, what);
}

static void power_comes_back(Stage *s) {
        world_tracker_kill(s->world);
        fault_disk_reboot(s->disk, s->seed);
        world_tracker_start(s->world);
}

typedef struct Wait {
        Stage *stage;
        const bool *flag;
} Wait;

static bool is_over(void *userdata) {
        const Wait *w = userdata;
        Stage *s = w->stage;
        uint64_t now = clock_boottime(s->world->rig->rt->clock);

        if (fault_disk_has_struck(s->disk) && s->struck_at == 0)
                s->struck_at = now;
        if (s->struck_at > 0 && now - s->struck_at > TROUBLE_USEC)
                fault_disk_heal(s->disk);
        return fault_disk_is_off(s->disk) || (w->flag && *w->flag);
}

static bool until(Stage *s, const bool *flag, uint64_t usec) {
        Wait w = { .stage = s, .flag = flag };

        assert_true(clock_virtual_run(s->world->rig->rt->clock, is_over, &w, usec) >= 0);
        if (!fault_disk_is_off(s->disk))
                return flag && *flag;
        power_comes_back(s);
        return false;
}

static void finish(Answer *a, const Failure *f) {
        a->is_done = true;
        a->error = f ? f->code : ERROR_NONE;
}

static void on_signed_in(const Failure *f, const char *code, void *userdata) {
        Answer *a = userdata;

        snprintf(a->code, sizeof(a->code), "%s", code ?: "");
        finish(a, f);
}

static void on_done(const Failure *f, void *userdata) {
        finish(userdata, f);
}

static void on_channel(const Failure *f, ChannelMember *c, void *userdata) {
        finish(userdata, f);
}

typedef int (*ask_fn)(Stage *s, Answer *a);

/* also: what a second try may be told, where the first one did it. */
static void step(Stage *s, const char *name, ask_fn ask, ErrorCode also) {
        ErrorCode last = ERROR_NONE;

        for (unsigned i = 0; i < TRIES_MAX && !s->wrong[0]; i++) {
                Answer *a = new0(Answer, 1);

                assert_non_null(a);
                a->next = s->answers;
                s->answers = a;
                if (ask(s, a) < 0)
                        finish(a, &(Failure){ .code = ERROR_BUSY });
                if (until(s, &a->is_done, TRY_USEC) || a->is_done) {
                        last = a->error;
                        if (last == ERROR_NONE || (i > 0 && last == also)) {
                                if (a->code[0])
                                        memcpy(s->code, a->code, sizeof(s->code));
                                return;
                        }
                        if (!fault_disk_has_struck(s->disk))
                                wrong(s, name, error_info(last)->wire);
                }
                (void) until(s, NULL, PAUSE_USEC);
        }
        wrong(s, name, last == ERROR_NONE ? "no answer" : error_info(last)->wire);
}

static Account *account(Person *p) {
        return manager_get_account(p->manager);
}

static int ask_sign_up(Stage *s, Answer *a) {
        return account_sign_up(account(s->desk), "alice", first_password, on_signed_in, a, NULL);
}

static int ask_host(Stage *s, Answer *a) {
        HostOptions options = { .view = VIEW_INVALID, .send = SEND_INVALID };

        return manager_host(s->desk->manager, "lobby", &options, on_channel, a, NULL);
}

static int ask_recover(Stage *s, Answer *a) {
        return account_recover(account(s->laptop), "alice", s->code, second_password, on_signed_in,
                               a, NULL);
}

static int ask_change(Stage *s, Answer *a) {
        return account_change_password(account(s->laptop), second_password, third_password, false,
                                       on_done, a, NULL);
}

static Stage *stage_new(void) {
        Stage *s = new0(Stage, 1);

        assert_non_null(s);
        s->world = world_new();
        s->world->rig->settings.password_cost = 1;
        world_tracker_kill(s->world);
        s->disk = fault_disk_new(s->world->rig->directory);
        world_tracker_start(s->world);
        s->desk = world_person(s->world, "desk");
        s->laptop = world_person(s->world, "laptop");
        return s;
}

static Stage *stage_free(Stage *s) {
        Answer *a;

        if (!s)
                return NULL;
        fault_disk_heal(s->disk);
        world_tracker_kill(s->world);
        fault_disk_free(s->disk);
        world_free(s->world);
        while ((a = s->answers)) {
                s->answers = a->next;
                free(a);
        }
        free(s);
        return NULL;
}
DEFINE_CLEANUP(Stage *, stage_free);

/* What was told last is so for somebody who comes with nothing, after the power was off. */
static void check(Stage *s) {
        Person *other;

        if (s->wrong[0])
                return;
        fault_disk_heal(s->disk);
        power_comes_back(s);
        other = world_person(s->world, "other");
        if (person_try_sign_in(other, "alice", third_password) != ERROR_NONE) {
                wrong(s, "sign in", "the account or its password is not as told");
                return;
        }
        if (person_sees(other, "lobby") < 0)
                wrong(s, "directory", "lobby is lost");
        if (person_try_sign_in(other, "alice", second_password) == ERROR_NONE)
                wrong(s, "sign in", "an old password is good");
}

static void play(Stage *s) {
        step(s, "sign up", ask_sign_up, ERROR_ALREADY_SIGNED_IN);
        step(s, "host", ask_host, ERROR_NONE);
        step(s, "recover", ask_recover, ERROR_ALREADY_SIGNED_IN);
        step(s, "change the password", ask_change, ERROR_BAD_CREDENTIALS);
        check(s);
}

static unsigned at_every_operation(int error, bool lasts, uint64_t seed, bool is_lying,
                                   uint64_t by) {
        unsigned n_wrong = 0, n_struck = 0;
        bool is_over = false;

        for (uint64_t n = 1; !is_over; n += by) {
                _cleanup_(stage_freep) Stage *s = stage_new();

                assert_true(n < OPERATIONS_MAX);
                s->seed = seed > 0 ? 1000 * seed + n : 0;
                fault_disk_set_lying(s->disk, is_lying);
                fault_disk_plan(s->disk, &(FaultPlan){ .ops = FAULT_CHANGES,
                                                       .at = n,
                                                       .error = error,
                                                       .lasts = lasts });
                play(s);
                is_over = !fault_disk_has_struck(s->disk);
                n_struck += !is_over;
                n_wrong += s->wrong[0] != '\0';
                if (s->wrong[0] && !is_lying)
                        fail_msg("%s%s at %" PRIu64 " (%s), seed %" PRIu64 ": %s",
                                 error == FAULT_POWER ? "power" : strerror(error),
                                 lasts ? " from there on" : "", n, fault_disk_get_struck(s->disk),
                                 s->seed, s->wrong);
        }
        print_message("%u operations, %u untruths\n", n_struck, n_wrong);
        assert_true(n_struck > 0);
        return n_wrong;
}

static uint64_t stride(uint64_t n) {
        return getenv("P2PCHAT_TEST_LONG") ? 1 : n;
}

static void power_is_lost(void **state) {
        (void) at_every_operation(FAULT_POWER, false, 0, false, 1);
        for (uint64_t seed = 1; seed <= 3; seed++)
                (void) at_every_operation(FAULT_POWER, false, seed, false, stride(7));
}

static void the_disk_fails_once(void **state) {
        (void) at_every_operation(EIO, false, 0, false, stride(2));
}

static void the_disk_is_in_trouble(void **state) {
        (void) at_every_operation(ENOSPC, true, 0, false, stride(5));
        (void) at_every_operation(EIO, true, 0, false, stride(6));
}

static void a_lying_disk_is_found_out(void **state) {
        assert_true(at_every_operation(FAULT_POWER, false, 0, true, 10) > 0);
}

static void assert_view(Stage *s, const char *view) {
        RigClient *stranger = rig_client_new(s->world->rig);
        const Value *channels;

        rig_connect(stranger);
        assert_int_equal(rig_call(stranger, "LIST", "{}"), ERROR_NONE);
        channels = value_get(stranger->payload, "channels");
        assert_int_equal(value_length(channels), 1);
        assert_string_equal(rig_string(value_at(channels, 0), "view_permission"), view);
        rig_client_free(stranger);
}

/* A tracker that cannot note that a channel is restricted is told again when it can: nobody has to
 * do anything, and the connection is the same. */
static void the_view_is_told_again(void **state) {
        _cleanup_(stage_freep) Stage *s = stage_new();

        step(s, "sign up", ask_sign_up, ERROR_NONE);
        step(s, "host", ask_host, ERROR_NONE);
        assert_string_equal(s->wrong, "");
        world_pass(s->world, USEC_PER_MINUTE);
        fault_disk_plan(
                s->disk,
                &(FaultPlan){ .ops = FAULT_CHANGES, .at = 1, .error = ENOSPC, .lasts = true });
        assert_int_equal(person_set_view(s->desk, "lobby", VIEW_RESTRICTED, SEND_INVALID),
                         ERROR_NONE);
        world_pass(s->world, 10 * USEC_PER_SEC);
        assert_true(fault_disk_has_struck(s->disk));
        assert_view(s, "public");
        fault_disk_heal(s->disk);
        world_pass(s->world, 25 * USEC_PER_SEC); /* a heartbeat is answered */
        assert_view(s, "restricted");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_view_is_told_again),
                cmocka_unit_test(power_is_lost),
                cmocka_unit_test(the_disk_fails_once),
                cmocka_unit_test(the_disk_is_in_trouble),
                cmocka_unit_test(a_lying_disk_is_found_out),
        };

        log_set_max_level(LOG_CRIT);
        fault_vfs_register();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
