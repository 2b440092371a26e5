/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the file in which one who reads logs notes how far that is, for the next time; leaves what
 * is read to the verbs. */
#pragma once

#include "ctl/ctl.h"

/* A line with the form's name, then one a channel: its id and the seq of the last entry that was
 * read. One reader a file. */
typedef struct CursorFile CursorFile;

/* A file that is not there has no lines yet; that one can be written there is tried. EXIT_OK, or
 * what is wrong was told. path is borrowed. */
int cursor_file_open(Ctl *ctl, const char *path, CursorFile **ret);
CursorFile *cursor_file_free(CursorFile *c); /* writes nothing */
DEFINE_CLEANUP(CursorFile *, cursor_file_free);

bool cursor_file_is_empty(const CursorFile *c);
bool cursor_file_get(const CursorFile *c, const char *channel_id, uint64_t *ret_seq);
/* Kept until it is written. 0, -ENOMEM, or -E2BIG: more channels than a file takes. */
int cursor_file_set(CursorFile *c, const char *channel_id, uint64_t seq);
/* In place of what was there, whole or not at all; nothing where nothing changed. EXIT_OK, or what
 * is wrong was told. */
int cursor_file_write(Ctl *ctl, CursorFile *c);
