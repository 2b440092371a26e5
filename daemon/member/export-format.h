/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how an entry reads in an export. */
#pragma once

#include "daemon/member/export.h"
#include "wire/writer.h"

/* Appends the entry and an LF. */
void export_write_entry(Writer *w, ExportFormat format, const Entry *e);
