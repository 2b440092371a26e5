/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a log goes into a descriptor of somebody else's, as fast as that takes it; leaves which
 * log and who waits for it to its callers. */
#pragma once

#include "daemon/store/store.h"

/* What the exports of a daemon share: a thread that writes. */
typedef struct Exporter Exporter;
int exporter_new(const Runtime *rt /* weak */, Exporter **ret);
Exporter *exporter_free(Exporter *e); /* its exports must be gone */
DEFINE_CLEANUP(Exporter *, exporter_free);

typedef enum ExportFormat {
        EXPORT_JSON, /* an ENTRY a line, as the wire has it */
        EXPORT_TEXT, /* for people; control characters as \xNN */
        EXPORT_FORMAT_MAX,
        EXPORT_FORMAT_INVALID = -EINVAL
} ExportFormat;
const char *export_format_to_string(ExportFormat f);
ExportFormat export_format_from_string(const char *s);

#define EXPORTS_MAX 8 /* at a time; each holds a page of the log, ≈ 512 KiB */

/* Writes what the log of that row holds up to and including head, in order. fd stays the caller's.
 * Neither the loop nor the store waits for who reads: a page is read when the one before is
 * written. done runs once, from a later turn: NULL when all is written; `cancelled`: nobody reads.
 * Fails at once, with the failure filled, with `busy` and where fd is of no use (transfer.h). */
typedef struct Export Export;
typedef void (*export_done_fn)(const Failure *f, void *userdata);
int export_new(Exporter *e, Store *store /* weak */, uint64_t row, uint64_t head, int fd,
               ExportFormat format, export_done_fn done, void *userdata /* weak */, Export **ret,
               Failure *f);
Export *export_free(Export *x); /* ends it */
