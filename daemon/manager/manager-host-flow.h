/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the files share that bring up a channel somebody asked for; manager-host-flow.c and
 * manager-new-log.c see it. */
#pragma once

#include <inttypes.h>

#include "daemon/manager/manager-internal.h"

struct HostFlow {
        ManagedChannel *channel; /* weak */
        Operation *op;           /* weak; NULL: nobody waits */
        DirectoryLookup *lookup;
        MemberOp *saving;  /* the row of a new one */
        ChannelHost *host; /* weak; NULL: not up yet */
        bool is_new;
        bool is_asked; /* the tracker, or it will be */
        char *topic;
        ViewPermission view;
        SendPermission send;
        bool take_over;
        bool is_new_log, is_explicit;  /* … and a person said so */
        char old_id[UUID_STRING_SIZE]; /* of the log that is here; "": none is */
};

/* Ends it where it stands. */
void host_flow_fail(HostFlow *f, const Failure *failure);
/* conflict: the log that is here needs no new one. */
int host_flow_is_served(const char *name, Failure *f);
/* The row of a new one first, then the tracker. */
int host_flow_save(HostFlow *f);

/* manager-new-log.c: finds out what the new log follows, then host_flow_save(). */
int host_flow_begin_new_log(HostFlow *f);
