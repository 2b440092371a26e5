/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how p2pchat-trackerd is called: command line, environment, directories; leaves running to
 * main. */
#pragma once

#include <stdbool.h>

#include "tracker/settings.h"

typedef struct Options {
        const char *listen;             /* --listen=, weak */
        const char *settings_directory; /* weak */
        bool print_pin;
} Options;

/* Fills settings from files and arguments, and has the state directory there, 0700. 1: go on; 0:
 * all was done (--help, --version); negative: said why. */
int options_parse(int argc, char *argv[], TrackerSettings *settings, Options *ret);

/* Reads the files again (tracker_settings_reload()). Negative: said why. */
int options_reload(const Options *o, TrackerSettings *settings);

/* The one socket to serve: systemd's (*ret_is_passed: it outlives the process), --listen=, Listen=.
 * Negative: said why. */
int options_open_socket(const Options *o, const TrackerSettings *settings, int *ret_fd,
                        bool *ret_is_passed);
