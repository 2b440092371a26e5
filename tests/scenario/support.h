/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a whole world stands in one process: a tracker, any number of people with their
 * daemons, real TLS on loopback, time under control. Leaves the story to the scenarios, which read
 * like a script. */
#pragma once

#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "daemon/manager/manager.h"
#include "scenario/tracker-rig.h"

/* Everything here fails the test itself instead of returning an error, and returns when the thing
 * is done. */
typedef struct World {
        Rig *rig;
        struct Person *people; /* Person */
        char *directory;
        uint64_t seed; /* not 0: each person draws from chance of its own, made of this */
} World;

/* With a tracker that serves. */
World *world_new(void);
/* With real threads below it, and a clock under control. */
World *world_new_threaded(const Runtime *rt);
/* What that takes; its workers hold their threads as real ones do. */
typedef struct Threads {
        Runtime rt;
} Threads;
void threads_init(Threads *t);
void threads_done(Threads *t);

World *world_free(World *w);
DEFINE_CLEANUP(World *, world_free);
void world_pass(World *w, uint64_t usec);
/* Within ten minutes of the world's time. */
void world_until(World *w, bool (*condition)(void *userdata), void *userdata);
void world_tracker_kill(World *w);
void world_tracker_stop(World *w);    /* as a service manager would */
void world_tracker_start(World *w);   /* again, with what it had */
void world_tracker_replace(World *w); /* by another one at the same address */

/* A state directory and, while it runs, the daemon on it. */
typedef struct Person {
        World *world; /* weak */
        struct Person *next;
        char *directory;
        Address listen; /* the same port after a restart */
        Address advertise;
        bool is_advertised; /* from its next start on, instead of where it listens */
        Clock *clock;       /* NULL: the world's */
        Random *random;     /* NULL: the world's */
        Runtime rt;
        Manager *manager;
        bool is_started, is_stopped;
        int start_result;
        bool with_settings;  /* its settings name the tracker and its pin */
        unsigned n_channels; /* that its observer knows of */
        Failure failure;     /* of what was asked for last; ERROR_NONE */
        unsigned n_presence; /* how often it was told that who is here has changed */
        uint64_t last_told;  /* seq of the newest entry that was announced */
} Person;

/* Runs, and has accepted the tracker. */
Person *world_person(World *w, const char *directory_name);
/* Runs, and knows no tracker. */
Person *world_stranger(World *w, const char *directory_name);
/* The same on a computer whose clock differs from the tracker's by skew_usec. */
Person *world_person_off(World *w, const char *directory_name, int64_t skew_usec);
void person_start(Person *p);
/* Its beginning only, which may fail: what manager_start() says, and then start_result. */
int person_begin(Person *p);
void person_kill(Person *p); /* as a crash would: nobody is told */
/* As a service manager would: begun, and when it has ended by itself. */
void person_begin_stop(Person *p);
void person_end_stop(Person *p);
void person_stop(Person *p); /* both */

void person_sign_up(Person *p, const char *username);
void person_sign_in(Person *p, const char *username);
void person_guest(Person *p, const char *username);
void person_sign_out(Person *p);
/* ERROR_NONE: done. */
ErrorCode person_try_sign_in(Person *p, const char *username, const char *password);

void person_host(Person *p, const char *channel);
ErrorCode person_try_host(Person *p, const char *channel, const HostOptions *options);
ChannelMember *person_join(Person *p, const char *channel);
ErrorCode person_try_join(Person *p, const char *channel, int64_t backlog);
ErrorCode person_try_join_with(Person *p, const char *channel, const JoinOptions *options);
ErrorCode person_leave(Person *p, const char *channel, bool forget);
ErrorCode person_unhost(Person *p, const char *channel, bool forget);
ErrorCode person_authorize(Person *p, const char *channel, const char *target, Role role);
ErrorCode person_set_view(Person *p, const char *channel, ViewPermission view, SendPermission send);
ErrorCode person_set_retention(Person *p, const char *channel, unsigned days);
ErrorCode person_set_topic(Person *p, const char *channel, const char *topic);
/* Of messages from each; 0: no limit. */
ErrorCode person_set_rate(Person *p, const char *channel, int rate, int burst);
ErrorCode person_redact(Person *p, const char *channel, uint64_t seq);
void person_set_invisible(Person *p, bool invisible);
/* Of that id, or of that name: the one that is not closed, if there is one. NULL: the bus would
 * show none. */
ChannelMember *person_channel(Person *p, const char *channel);
/* The directory's entry is online (1), offline (0), or not there (-1). */
int person_sees(Person *p, const char *channel);

/* Done when it is on disk; wait_usec > 0: when the host has it. The seq, 0 while queued. */
uint64_t person_send(Person *p, const char *channel, const char *text);
uint64_t person_send_id(Person *p, const char *channel, const char *id, const char *text,
                        uint64_t wait_usec, ErrorCode *ret_error);

void person_until_state(Person *p, const char *channel, MemberState state);
void person_until_seq(Person *p, const char *channel, uint64_t seq);
void person_until_sent(Person *p, const char *channel); /* the outbox is empty */
/* The messages of the copy, oldest first, as "alice: hi" each, or "alice: (removed)". */
void person_assert_texts(Person *p, const char *channel, const char *const *expected);
#define ASSERT_TEXTS(p, channel, ...)                                                              \
        person_assert_texts((p), (channel), (const char *const[]){ __VA_ARGS__, NULL })
/* A page before anchor, from wherever it has to come. */
void person_read_before(Person *p, const char *channel, uint64_t anchor, unsigned limit);
/* seq, id, kind, name, time and content of every entry that both have. */
void assert_same_log(Person *a, Person *b, const char *channel);
