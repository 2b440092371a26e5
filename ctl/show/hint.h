/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how what a person can do next is spelled where that person is; leaves what that is to who
 * tells it. */
#pragma once

#include "ctl/ctl.h"

/* A copy in which commands are spelled as they are typed there: "p2pchatctl log NAME" is "/log
 * NAME" in a chat. The caller's to free; NULL without memory. */
char *hint_text(const Ctl *ctl, const char *text);

/* Writes it so, broken between words at a terminal's width. Nothing of it drives a terminal, if
 * what is another's was escaped before. */
void hint_print(const Ctl *ctl, FILE *f, const char *format, ...) _printf_(3, 4);
