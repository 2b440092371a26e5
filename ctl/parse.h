/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the options before the verb share with those behind it; the rest is in ctl.h. */
#pragma once

#include "ctl/ctl.h"

/* --json[=MODE], NULL: -j. EXIT_OK, or what is wrong was told. */
int parse_json_mode(Ctl *ctl, const char *mode);
/* Takes --json from anywhere in the line, so that what is wrong before it is told in its form. */
void parse_find_json_mode(Ctl *ctl, char **argv);
/* Tells what is wrong with the option that getopt_long() has just refused; c is what it returned.
 * longs are those that there are. → exit status */
struct option;
int parse_fail_option(Ctl *ctl, char **argv, int c, const struct option *longs);
