/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the verbs of identities share; leaves each to verb-identity and verb-account. */
#pragma once

#include "ctl/client.h"

/* Looking up, dialling several addresses and hashing take longer than a bus call usually may. */
#define IDENTITY_TIMEOUT_USEC (90 * USEC_PER_SEC)

/* Who is signed in now; recovery_code (may be NULL) clearly, since it is shown this once. */
int identity_show(Ctl *ctl, const char *recovery_code);
/* The code in the reply of SignUp and Recover; the caller erases and frees it. NULL: none. */
int identity_read_code(Ctl *ctl, sd_bus_message *reply, char **ret);
