/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how people go on with what they want while a disk fails or loses power: each step is asked
 * for until it is done, and what was answered is written down. Leaves the script to its caller, and
 * whether the answers were true to disk-ledger.c. */
#pragma once

#include "scenario/support.h"
#include "support/fault-vfs.h"

#define PLAY_LINES_MAX 24

typedef enum Told {
        TOLD_NOTHING, /* it was asked for */
        TOLD_QUEUED,  /* it is in the outbox */
        TOLD_STORED,  /* the host has it, as seq */
        TOLD_CANCELLED,
} Told;

/* What somebody wrote, and what was said of it. */
typedef struct Line {
        const struct Person *by;
        const char *username, *text;
        char id[UUID_STRING_SIZE];
        Told told;
        uint64_t seq;
} Line;

typedef struct Play {
        World *world;
        Person *alice, *bob; /* alice hosts, bob is a member */
        Person *victim;      /* whose disk it is */
        FaultDisk *disk;
        uint64_t seed; /* of the reboots */
        uint64_t struck_at;
        unsigned n_reboots;
        struct Answer *answers;
        Line lines[PLAY_LINES_MAX];
        unsigned n_lines;
        uint64_t marked_seq; /* bob was told that it is marked read up to here */
        bool is_joined, is_hosted;
        char wrong[512]; /* the first that was not true; "": nothing */
} Play;

/* Both are signed up; the victim's disk is all durable, and nothing fails yet. */
Play *play_new(bool is_host_victim);
Play *play_free(Play *p);
DEFINE_CLEANUP(Play *, play_free);
bool play_is_wrong(const Play *p);
void play_wrong(Play *p, const char *format, ...) _printf_(2, 3);

/* One step each, until it is done. They do nothing once something is wrong. */
void play_host(Play *p);
void play_join(Play *p, int64_t backlog);
Line *play_send(Play *p, Person *by, const char *text, bool waits);
void play_cancel(Play *p, Line *l);
void play_retry(Play *p, Line *l);
void play_mark_read(Play *p, uint64_t seq);
void play_set_view(Play *p, SendPermission send);
void play_read_older(Play *p);
void play_kill(Play *p, Person *who);
void play_start(Play *p, Person *who);
void play_leave(Play *p);
void play_unhost(Play *p);
/* Until bob is connected and both have all; until the line's row is failed. */
void play_until_even(Play *p);
void play_until_failed(Play *p, const Line *l);

/* disk-ledger.c: what was told is so. */
void play_check(Play *p);
