/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what every verb gets and gives back; leaves each verb to its own file, and which there are
 * to the program. */
#pragma once

#include <systemd/sd-bus.h>

#include "base/cleanup.h"
#include "ctl/i18n.h"

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
typedef struct Option Option;

typedef struct Ctl {
        sd_bus *bus; /* owned; opened by the first call, see client-call.h */
        JsonMode json;
        bool tty;             /* stdout is a terminal */
        bool no_ask_password; /* nobody is to be asked who may do it */
        bool no_start;        /* a service that does not run is not started by asking it */
        pid_t agent;          /* asks for a password at the terminal; 0: none does */
        unsigned columns;     /* of stdout, as the program began */
        bool no_pager;        /* stdout stays what it is */
        pid_t pager;          /* reads stdout; 0: none does */
        bool has_stderr;      /* that pager, too */
        bool in_chat;         /* it runs for a line of one: "/log", not "p2pchatctl log" */
        /* Where a verb is run only to tell its options: ctl_parse() gives them to it, and ends the
         * verb. */
        void (*on_options)(const Option *options, void *userdata);
        void *on_options_userdata; /* weak */
        const Verb *verb;          /* weak; the one that runs */
        const Program *program;    /* weak */
} Ctl;

struct Verb {
        const char *name;                            /* one word, or two: "user list" */
        const char *arguments;                       /* for help: "CHANNEL [TEXT…]" */
        unsigned min_args, max_args;                 /* without options; UINT_MAX: any number */
        int (*run)(Ctl *ctl, int argc, char **argv); /* argv[0] is its last word; → exit status */
        const char *help; /* a sentence without its full stop, without what the options do; marked
                           * by N_(). NULL: not listed */
};

/* A verb's own options; --json, -j and --help work in each. */
typedef enum OptionKind { OPTION_FLAG, OPTION_STRING, OPTION_UINT } OptionKind;
struct Option {
        const char *name; /* "wait"; NULL ends the table */
        char letter;      /* 'n', or 0 */
        OptionKind kind;
        void *target; /* bool *, const char **, uint64_t * */
        /* "N", "TIME", "CHANNEL"; "public|restricted": one of these is taken, nothing else. NULL
         * for a flag. */
        const char *value;
        const char *help; /* what it does, few words; marked by N_() */
};

/* 0, with *ret_args (borrowed from argv, permuted) and their number; otherwise *ret_exit is how to
 * end: help was shown (0) or what is wrong was told (2). */
int ctl_parse(Ctl *ctl, int argc, char **argv, const Option *options, char ***ret_args,
              int *ret_n_args, int *ret_exit);

/* An argument that is a number of at most max; EXIT_OK, or what is wrong was told. */
int ctl_parse_number(Ctl *ctl, const char *what, const char *text, uint64_t max, uint64_t *ret);

/* Tells that what ("--view", "invisible") takes one of "public|restricted", and which may have been
 * meant. → exit status */
int ctl_fail_choice(Ctl *ctl, const char *what, const char *given, const char *choices);
bool ctl_is_choice(const char *word, const char *choices);
