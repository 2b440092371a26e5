/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a whole tracker and its clients stand in one process, over real TLS on loopback; leaves
 * what they say to each other to the scenarios. */
#pragma once

#include "net/rpc.h"
#include "support/loop.h"
#include "tracker/tracker.h"

/* Everything here fails the test itself instead of returning an error. */
typedef struct Rig {
        TestLoop *loop; /* virtual time, or NULL */
        const Runtime *rt;
        char *directory;
        TrackerSettings settings;
        Tracker *tracker;
        Address address;
        char pin[PIN_SIZE];
        char status[96];
        bool is_ready, is_stopped;
} Rig;

/* rt NULL: virtual time and inline workers. Otherwise the loop runs, but time only where the test
 * moves it. */
Rig *rig_new(const Runtime *rt);
Rig *rig_free(Rig *rig);
DEFINE_CLEANUP(Rig *, rig_free);
void rig_start(Rig *rig);
/* As a crash would: nobody is told. The state directory and the port stay. */
void rig_kill(Rig *rig);
/* Until the flag is true; at most 10 s of the rig's time. */
void rig_until(Rig *rig, const bool *flag);

typedef struct RigClient {
        Rig *rig;
        Key *key;
        char *certificate; /* PEM; NULL: a stranger */
        TlsConfig *tls;
        Rpc *rpc;
        bool is_ready, is_closed;
        ConnClosed why;

        Value *payload;  /* of the last answer; NULL after an error */
        Failure failure; /* of the last answer */
        int result;
        bool is_answered;

        Value *pushes[256];
        char push_names[256][HEADER_BYTES_MAX + 1];
        unsigned n_pushes;
        unsigned n_pings;
} RigClient;

/* With a new key, not connected. */
RigClient *rig_client_new(Rig *rig);
RigClient *rig_client_free(RigClient *c);
DEFINE_CLEANUP(RigClient *, rig_client_free);
void rig_connect(RigClient *c); /* … and HELLO; drops an earlier connection */
void rig_disconnect(RigClient *c);
/* Signs up as a stranger, then connects with the certificate. */
RigClient *rig_user(Rig *rig, const char *name);
RigClient *rig_guest(Rig *rig, const char *name);

/* One request with that payload (JSON); its error, ERROR_NONE for OK. */
ErrorCode rig_call(RigClient *c, const char *command, const char *format, ...) _printf_(3, 4);
ErrorCode rig_call_csr(RigClient *c, const char *command, const char *more);
/* Sends it; the answer may come when it likes. */
void rig_send(RigClient *c, const char *command, const char *format, ...) _printf_(3, 4);
void rig_send_csr(RigClient *c, const char *command, const char *more);
/* Until n pushes have come in all. */
void rig_until_pushes(RigClient *c, unsigned n);
const char *rig_string(const Value *object, const char *key);
uint64_t rig_uint(const Value *object, const char *key);
bool rig_bool(const Value *object, const char *key);
