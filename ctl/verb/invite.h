/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what verbs that take an invitation share; leaves joining to verb-channel. */
#pragma once

#include "ctl/ctl.h"

/* An invitation as the daemon reads it. */
typedef struct InviteView {
        char *uri, *tracker, *pin, *channel, *id;
        char *tracker_is; /* "same", "unset", "other" */
        bool only_here;   /* its tracker's address leads to whatever machine it is used on */
} InviteView;
void invite_view_done(InviteView *v);

/* Rather a link, good or bad, than a channel's name? */
bool invite_is_link(const char *s);
/* EXIT_OK, or what is wrong with it was told. */
int invite_read(Ctl *ctl, const char *link, InviteView *ret);
/* Where it would set a tracker: the person at the terminal is asked, everybody else told how to say
 * yes. EXIT_OK: go on. */
int invite_accept_tracker(Ctl *ctl, const InviteView *v);
