/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows where the text of an entry is that may speak to somebody; leaves what speaks to them to
 * base/mention.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* mention_is_in() the text of what an entry of the kind `message` has in its extra; of a removed
 * one never. */
bool mention_is_in_extra(const char *extra, size_t n_extra, const char *name);
