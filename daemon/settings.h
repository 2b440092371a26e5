/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a person may set for their daemon (p2pchat.conf), and where it and its state are;
 * leaves acting on it to the daemon. */
#pragma once

#include "daemon/manager/manager.h"

#define LISTEN_ADDRESSES_MAX 16

/* Public, so that main() and tests fill it as they like. */
typedef struct DaemonSettings {
        Address listen[LISTEN_ADDRESSES_MAX]; /* [Network] Listen=, one or more */
        size_t n_listen;
        bool has_own_listen;              /* the command line said so: files say nothing */
        Address advertise[ADDRESSES_MAX]; /* [Network] Advertise=, likewise */
        size_t n_advertise;
        char *tracker_address; /* [Tracker] Address= */
        char *tracker_pin;     /* [Tracker] Pin= */
        char *state_directory; /* never from a file */
        int log_level;         /* [Log] Level=; LOG_INFO unless said */
        Notify notify;         /* [Notify] Default=; mentions unless said */
        bool no_desktop;       /* [Notify] Desktop=no */
        bool no_text;          /* [Notify] Text=no */
        char *complaint;       /* the first value that was refused: "FILE:LINE: why" */
} DaemonSettings;

void daemon_settings_done(DaemonSettings *s); /* for _cleanup_ */

/* p2pchat.conf of /etc/p2pchat, then of the person's own configuration directory; logs what is
 * wrong there. Listens on [::] and the usual port unless told otherwise. -EINVAL when a value was
 * refused. */
int daemon_settings_load(DaemonSettings *s);
/* The same once more, with what the command line said in old; as daemon_settings_load(). */
int daemon_settings_load_again(const DaemonSettings *old, DaemonSettings *ret);
/* $STATE_DIRECTORY, else $XDG_STATE_HOME/p2pchat, else ~/.local/state/p2pchat, unless there is one
 * already. -ENOKEY: nothing of that is set. */
int daemon_settings_find_state_directory(DaemonSettings *s);
/* The command line, before files are read: what it says is not said by files any more. 1: nothing
 * is left to do (--help, --version); negative: wrong usage, which was told. */
int daemon_settings_parse_arguments(DaemonSettings *s, int argc, char **argv);
/* Borrowed from s. */
ManagerSettings daemon_settings_for_manager(const DaemonSettings *s);
