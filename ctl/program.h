/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what makes one program of the verbs: which there are, which service they are for, what is
 * said where that is not there. Leaves the rest to the verbs. */
#pragma once

#include "ctl/ctl.h"

/* Consecutive groups of one heading stand below it together. */
typedef struct VerbGroup {
        const char *heading; /* marked by N_(); NULL: not listed */
        const Verb *verbs;   /* ends with {} */
} VerbGroup;

struct Program {
        const char *name;     /* "p2pchatctl" */
        const char *about;    /* a sentence for --help */
        const char *manual;   /* "p2pchatctl(1)" */
        bool is_system;       /* on the system bus, where who asks may have to authenticate */
        const char *bus_name; /* of the service */
        const char *path;     /* of its first object */
        const char *service;  /* "The daemon", at the beginning of a sentence */
        const char *unit;     /* where its journal is */
        const char *denied;   /* what to do for who may not; NULL: what the service says will do */
        /* What to do next after an error of that name (a sentence, translated; NULL: not known),
         * where its message names no command of the program. May be NULL. */
        const char *(*next_step)(const Ctl *ctl, const char *error);
        /* Around all that is asked of the service; each may be NULL. */
        void (*before)(Ctl *ctl);
        void (*after)(Ctl *ctl);
        const VerbGroup *groups;
        size_t n_groups;
};

/* The whole life of the program. → its exit status */
int program_run(const Program *program, int argc, char **argv);
/* The verb that argv (NULL-terminated, not empty) begins with, and how many words of it that is;
 * NULL: there is none of that name. */
const Verb *program_find_verb(const Program *p, char **argv, size_t *ret_words);
