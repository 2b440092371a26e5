/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what every long-lived object needs from outside itself; owns none of it. */
#pragma once

#include <systemd/sd-event.h>

#include "base/clock.h"
#include "base/log-pace.h"
#include "base/random.h"
#include "base/worker.h"

/* Made by main() or by a test, and given down: there are no globals. Outlives all who hold it. */
typedef struct Runtime {
        sd_event *event;  /* weak */
        Clock *clock;     /* weak */
        Random *random;   /* weak */
        Workers *workers; /* weak */
        LogPace *pace;    /* weak; NULL: each line is said */
} Runtime;
