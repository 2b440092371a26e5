/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which channel each client shows to the person now; leaves who is a client, and what follows
 * from it, to others. */
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"

#define FOCUS_CLIENTS_MAX 256 /* windows of one person; more is somebody's mistake */

typedef struct Focus Focus;
int focus_new(Focus **ret);
Focus *focus_free(Focus *f);
DEFINE_CLEANUP(Focus *, focus_free);

/* In place of what that client showed; channel_id NULL: none. -E2BIG: too many clients. */
int focus_set(Focus *f, const char *client, const char *channel_id);
void focus_forget_channel(Focus *f, const char *channel_id);
void focus_clear(Focus *f); /* nobody is there */
bool focus_has(const Focus *f, const char *channel_id);
