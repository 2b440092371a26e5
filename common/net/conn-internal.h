/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the files of conn share; for these only. */
#pragma once

#include "net/conn-output.h"
#include "net/conn.h"
#include "wire/frame.h"
#include "wire/limits.h"

struct ConnSource {
        Conn *conn; /* weak; NULL: it is gone */
        conn_pull_fn pull;
        void *userdata; /* weak */
        bool is_ready;
        ConnSource *prev, *next;             /* in Conn.sources */
        ConnSource *ready_prev, *ready_next; /* in Conn.ready */
};

struct Conn {
        const Runtime *rt; /* weak */
        unsigned n_ref;
        int fd;
        Address peer;
        bool accepting;
        Tls *tls;
        ConnStage stage;
        ConnHandlers handlers;
        void *userdata; /* weak */
        ConnClosed why;

        sd_event_source *io;   /* what the kernel says */
        sd_event_source *turn; /* a defer source: more to do that the kernel will not tell of */
        uint32_t events;       /* set on io */
        ClockTimer *deadline;  /* of connect, handshake, close */
        ClockTimer *silence;
        uint64_t silence_max;
        uint64_t last_alive; /* boottime */

        FrameDecoder in;
        bool undecoded; /* `in` may hold a whole line */
        bool paused;    /* by the owner */
        bool lost;      /* a line was too large: no more lines */
        bool may_read;  /* the last read did not say -EAGAIN … */
        bool may_write; /* … nor the last write */
        uint32_t handshake_wants, read_wants, write_wants; /* EPOLL bits after -EAGAIN */

        Output out;
        bool is_shut;    /* closing: all is written and FIN sent */
        bool is_drained; /* closing: the other side's FIN has come */
        bool is_probed;  /* open: until the deadline */

        ConnSource *sources; /* ConnSource.prev/next */
        ConnSource *ready;   /* ConnSource.ready_prev/ready_next, in the order to be asked */
        ConnSource *pulling; /* NULL again when it is freed meanwhile */
        Writer pulled;
};

/* conn.c */
Conn *conn_ref(Conn *c);
Conn *conn_unref(Conn *c);
DEFINE_CLEANUP(Conn *, conn_unref);
/* Nothing of the loop reaches c any more. What callbacks up the stack still borrow goes with the
 * last reference. */
void conn_disconnect(Conn *c);

/* conn-probe.c */
void conn_probe_end(Conn *c);

/* conn-turn.c */
int conn_on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata);
int conn_on_turn(sd_event_source *source, void *userdata);
void conn_on_deadline(void *userdata);
void conn_on_silence(void *userdata);
/* The one place that sets EPOLL bits: for each thing that is wanted either a turn, or the wait for
 * the kernel. Called after whatever changes what is wanted. */
void conn_update_io(Conn *c);
/* The first reason stays: what follows from it says less. */
void conn_set_reason(Conn *c, int error, const char *format, ...) _printf_(3, 4);

/* conn-source.c */
/* Asks ready sources until one has said something, if nothing waits; callbacks run. Negative errno:
 * the connection cannot go on. */
int conn_pull(Conn *c);
/* The connection ends: sources stay with their owners. */
void conn_detach_sources(Conn *c);
