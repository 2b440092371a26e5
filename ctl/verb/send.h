/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the two ways of sending share; leaves one text to verb-send, many to send-lines. */
#pragma once

#include "ctl/client/client.h"

#define SEND_TEXT_MAX 16384 /* bytes of a message; as Channel.Send says */

typedef struct SendOptions {
        const char *channel; /* as the person named it */
        const char *path;
        const char *id; /* NULL: the daemon mints one */
        bool stored;    /* wait until the host has it */
        uint64_t timeout_usec;
} SendOptions;

/* A call that sends the text, which is UTF-8; EXIT_OK, or what is wrong was told. */
int send_new_call(Ctl *ctl, const SendOptions *o, const char *text, sd_bus_message **ret);
/* Shows what the answer says: EXIT_OK, EXIT_WAITING where it should be stored and is not. */
int send_show_reply(Ctl *ctl, const SendOptions *o, sd_bus_message *reply);

/* Each line of standard input that is not empty, in order. → exit status */
int send_lines(Ctl *ctl, const SendOptions *o);
