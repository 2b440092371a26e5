/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the verbs of identities share; leaves each to verb-identity and verb-account. */
#pragma once

#include "ctl/client/client.h"

/* Looking up, dialling several addresses and hashing take longer than a bus call usually may. */
#define IDENTITY_TIMEOUT_USEC (90 * USEC_PER_SEC)

/* Who is signed in now; recovery_code (may be NULL) clearly, since it is shown this once. */
int identity_show(Ctl *ctl, const char *recovery_code);
/* A call whose arguments are strings, secrets among them, and one option: flag (NULL: none) is
 * true. ret_reply may be NULL. */
int identity_call(Ctl *ctl, Face face, const char *path, const char *method,
                  const char *const *strings /* ends with NULL */, const char *flag,
                  sd_bus_message **ret_reply);
/* As identity_show(), with the code that the reply of SignUp, SignIn or Recover may have. */
int identity_show_reply(Ctl *ctl, sd_bus_message *reply);
