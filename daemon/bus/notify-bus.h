/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the desktop shows pop-ups (org.freedesktop.Notifications on the session bus), and that a
 * click on one leads to the window; leaves what they say, and when, to notify/notifier.h. */
#pragma once

#include "bus/bus.h"
#include "daemon/notify/notifier.h"

typedef struct NotifyBus NotifyBus;

/* Becomes the handlers of n, until it is freed. Nobody need be there: that is no error, and is not
 * told. */
int notify_bus_new(Bus *bus /* weak */, Notifier *n /* weak */, NotifyBus **ret);
NotifyBus *notify_bus_free(NotifyBus *b);
DEFINE_CLEANUP(NotifyBus *, notify_bus_free);
int notify_bus_add_matches(NotifyBus *b, sd_bus *connection); /* a new one */
