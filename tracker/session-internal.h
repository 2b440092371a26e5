/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what session.c and the commands share; nobody else includes it. */
#pragma once

#include "net/rpc.h"
#include "tracker/session.h"

struct Session {
        const Services *services; /* weak */
        Rpc *rpc;
        uint64_t serial;
        Asker asker;
        Subject subject; /* where asker.signed_in */
        Address address;
        Watcher *watcher;
        bool is_ready;
        SessionHandlers handlers;
        void *userdata; /* weak */
};

/* Each consumes request. */
typedef void (*session_command_fn)(Session *s, RpcRequest *request);

typedef enum CommandFor {
        FOR_ANYONE,
        FOR_STRANGERS, /* no certificate: else bad-request */
        FOR_SIGNED_IN,
        FOR_USERS, /* a guest: guests-not-allowed */
} CommandFor;

typedef struct SessionCommand {
        const char *name;
        CommandFor who;
        session_command_fn run;
} SessionCommand;

/* The table of protocol §4, in session-commands.c. */
void session_run_command(Session *s, RpcRequest *request);

void session_sign_up(Session *s, RpcRequest *request);
void session_sign_in(Session *s, RpcRequest *request);
void session_guest(Session *s, RpcRequest *request);
void session_recover(Session *s, RpcRequest *request);
void session_sign_out(Session *s, RpcRequest *request);
void session_passwd(Session *s, RpcRequest *request);
void session_devices(Session *s, RpcRequest *request);
void session_delete(Session *s, RpcRequest *request);
void session_renew(Session *s, RpcRequest *request);
void session_whois(Session *s, RpcRequest *request);
void session_list(Session *s, RpcRequest *request);
void session_watch(Session *s, RpcRequest *request);
void session_host(Session *s, RpcRequest *request);
void session_heartbeat(Session *s, RpcRequest *request);
void session_view(Session *s, RpcRequest *request);
void session_unhost(Session *s, RpcRequest *request);

/* Whom this session claims to be when it hosts; instance may be NULL. Borrowed. */
HolderClaim session_claim(Session *s, const char *instance);

/* The journal learns that a certificate, or a request for one, of this connection is no good. */
void session_tell_refused(const Session *s, const char *reason);

/* A member of the payload is at fault, beyond what a table can say: bad-request naming it. */
void session_fail_field(RpcRequest *request, const char *field, const char *message);
/* invalid-name unless it is a channel's name; false: request is consumed. */
bool session_check_channel_name(RpcRequest *request, const char *name);
