/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what makes one program of the verbs: which there are, which service they are for, what is
 * said where that is not there. Leaves the rest to the verbs. */
#pragma once

#include "ctl/ctl.h"

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
        /* Around all that is asked of the service; each may be NULL. */
        void (*before)(Ctl *ctl);
        void (*after)(Ctl *ctl);
        const Verb *const *groups; /* each ends with {} */
        size_t n_groups;
};

/* The whole life of the program. → its exit status */
int program_run(const Program *program, int argc, char **argv);
/* The verb that argv (NULL-terminated, not empty) begins with, and how many words of it that is;
 * NULL: there is none of that name. */
const Verb *program_find_verb(const Program *p, char **argv, size_t *ret_words);
