/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows where on a terminal of some width a text comes to its end, as readline shows it. */
#pragma once

#include <stddef.h>

/* The row (from 0) in which the cursor is behind the n bytes at s, which begin in column *column;
 * *column becomes that which it is in then. Controls are two cells, LF ends a row. Text between
 * readline's marks (\001, \002) has none. */
unsigned rows_below(const char *s, size_t n, unsigned columns, unsigned *column);
