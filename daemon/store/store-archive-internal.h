/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what writing and reading a backup share; only store-backup.c and store-restore*.c see it.
 */
#pragma once

#include "daemon/store/store-archive.h"
#include "daemon/store/store-internal.h"
#include "sql/file.h"

/* All rows that a backup has, from one store to another; of one at work not what is on its way out.
 */
int archive_copy(SqlFile *from, SqlFile *to, bool is_at_work);
/* What is true of every copy of a store: nobody is signed in, hosted logs went back, a guest's
 * texts have no sender any more. Doing it twice is doing it once. */
int archive_settle(SqlFile *f);
int archive_summarize(SqlTx *tx, BackupSummary *ret);
/* The disk's failure in words; r is given back. */
int archive_fail(Failure *f, int r, const char *doing);
int archive_path(const char *directory, const char *name, char **ret);

/* store-restore-check.c: every row by the rules of what the store itself writes. -EBADMSG, with
 * *ret_what saying where. */
int archive_check(SqlFile *f, const char **ret_what);
