/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what every verb gets and gives back; leaves each verb to its own file, and which there are
 * to the program. */
#pragma once

#include <systemd/sd-bus.h>

#include "base/cleanup.h"

typedef enum JsonMode { JSON_OFF, JSON_SHORT, JSON_PRETTY } JsonMode;

/* Exit statuses, for scripts; those of errors come from wire/error.h. */
enum {
        EXIT_OK = 0,
        EXIT_FAILED = 1,
        EXIT_USAGE = 2,
        EXIT_NO_DAEMON = 3, /* or nobody signed in */
        EXIT_NO_SUCH = 4,
        EXIT_DENIED = 5,
        EXIT_WAITING = 6, /* timed out, or still queued */
        EXIT_REFUSED = 7,
};

typedef struct Verb Verb;
typedef struct Program Program;

typedef struct Ctl {
        sd_bus *bus; /* owned; opened by the first call, see client-call.h */
        JsonMode json;
        bool tty;               /* stdout is a terminal */
        bool no_ask_password;   /* nobody is to be asked who may do it */
        pid_t agent;            /* asks for a password at the terminal; 0: none does */
        const Verb *verb;       /* weak; the one that runs */
        const Program *program; /* weak */
} Ctl;

struct Verb {
        const char *name;                            /* one word, or two: "user list" */
        const char *arguments;                       /* for help: "CHANNEL [TEXT…]" */
        unsigned min_args, max_args;                 /* without options; UINT_MAX: any number */
        int (*run)(Ctl *ctl, int argc, char **argv); /* argv[0] is its last word; → exit status */
        const char *help;
};

/* A verb's own options; --json, -j and --help work in each. */
typedef enum OptionKind { OPTION_FLAG, OPTION_STRING, OPTION_UINT } OptionKind;
typedef struct Option {
        const char *name; /* "wait"; NULL ends the table */
        char letter;      /* 'n', or 0 */
        OptionKind kind;
        void *target; /* bool *, const char **, uint64_t * */
} Option;

/* 0, with *ret_args (borrowed from argv, permuted) and their number; otherwise *ret_exit is how to
 * end: help was shown (0) or what is wrong was told (2). */
int ctl_parse(Ctl *ctl, int argc, char **argv, const Option *options, char ***ret_args,
              int *ret_n_args, int *ret_exit);

/* An argument that is a number of at most max; EXIT_OK, or what is wrong was told. */
int ctl_parse_number(Ctl *ctl, const char *what, const char *text, uint64_t max, uint64_t *ret);
