/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a Db over SQLite is made; leaves its calls to db.h. */
#pragma once

#include "tracker/db.h"

typedef struct Sql Sql; /* of sql/sql.h, which not everybody may see */

/* path ":memory:" with inline workers only. Opened by the first call, which tells what is wrong. */
int db_sqlite_new(const Runtime *rt /* weak */, const char *path, Db **ret);
/* For statistics, and for holding its lane. */
Sql *db_sqlite_get_sql(Db *db);
