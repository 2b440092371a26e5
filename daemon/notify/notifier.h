/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows of what the desktop tells the person: which messages, merged to one pop-up a channel, and
 * when they go again. Leaves showing them, by org.freedesktop.Notifications, to bus/notify-bus.h.
 */
#pragma once

#include "base/runtime.h"
#include "daemon/member/channel-member.h"

typedef struct Notifier Notifier;

typedef struct Popup {
        uint32_t replaces;          /* the id of the one that is there; 0: none is */
        const char *summary, *body; /* one line each, not as markup */
        const char *channel;        /* its name */
} Popup;

typedef struct NotifierHandlers {
        /* One at a time: notifier_shown() follows, from a later turn. What is given is borrowed.
         * Negative: it cannot be asked for. */
        int (*show)(const Popup *p, void *userdata);
        void (*close)(uint32_t id, void *userdata);
} NotifierHandlers;

int notifier_new(const Runtime *rt /* weak */, Notifier **ret);
Notifier *notifier_free(Notifier *n);
DEFINE_CLEANUP(Notifier *, notifier_free);
void notifier_set_handlers(Notifier *n, const NotifierHandlers *handlers,
                           void *userdata /* weak */);
/* desktop: at all. text: what was said, too; else only who and where. Both are so unless said. */
void notifier_set(Notifier *n, bool desktop, bool text);

/* What was said in c, and is no history (ManagerObserver.on_heard). Of own messages, those of the
 * ignored, what was read, and what Channel.Notify leaves out nothing is shown; nor while a client
 * has the channel in focus. All that comes while the desktop is slow is one pop-up a channel. */
void notifier_heard(Notifier *n, const ChannelMember *c, const Entry *entries, size_t n_entries);
/* Its pop-up goes when all of it was read, or nothing is to be told of it any more … */
void notifier_channel_changed(Notifier *n, const ChannelMember *c);
void notifier_channel_removed(Notifier *n, const ChannelMember *c);
/* … or when a client shows the channel; NULL: this one shows none any more. -E2BIG: too many. */
int notifier_set_focus(Notifier *n, const char *client, const char *channel_id);
void notifier_clear_focus(Notifier *n); /* no client is there */

/* What became of show(); r: id was given; -EAGAIN: there is nobody who could, tried again with a
 * later message, a minute later at the earliest, or when somebody appears; else refused, and not
 * tried again. */
void notifier_shown(Notifier *n, int r, uint32_t id);
/* The id of the channel that one of those that are there tells of; the notifier's; NULL: of none. */
const char *notifier_get_channel(const Notifier *n, uint32_t id);
/* Of those that are there, one has gone. */
void notifier_closed(Notifier *n, uint32_t id, bool by_person);
/* All of them: another program shows them now, or (false) none does. */
void notifier_desktop_changed(Notifier *n, bool is_there);
