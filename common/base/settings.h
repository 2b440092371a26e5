/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how settings files are found and layered; leaves their meaning to each program. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* One recognised key. parse() gets the value as written and the program's own settings struct;
 * negative errno refuses it. */
typedef struct Setting {
        const char *section;
        const char *key;
        int (*parse)(const char *value, void *settings);
} Setting;

/* What was found wrong, a line each; warn is told unknown keys and bad values with file and line.
 * fatal: a bad value (not an unknown key). line 0: the file itself, which cannot be read. */
typedef void (*settings_warn_fn)(const char *file, unsigned line, const char *message, bool fatal,
                                 void *userdata);

/* Reads DIR/NAME.conf and then DIR/NAME.conf.d/ *.conf in byte order for every dir, least important
 * first: later assignments win. Missing files are fine. dirs ends with NULL, table with {}. -EINVAL
 * when a value was refused (all are told first, 64 of a kind at most), other negative errno when a
 * file that exists cannot be read: what is no regular file (but a link to /dev/null is an empty
 * one), or has more than 1 MiB, is not waited for and not read. */
int settings_load(const char *const *dirs, const char *name, const Setting *table, void *settings,
                  settings_warn_fn warn, void *userdata);
