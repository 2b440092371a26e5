/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how polkit is asked whether a caller may do something; leaves what that is, and doing it,
 * to door.h. */
#pragma once

#include <systemd/sd-bus.h>

#include "base/cleanup.h"

/* Whom the bus knows a caller by is all that is believed: its unique name, and the user that the
 * bus itself tells. Root may do everything; for everybody else polkit has to say yes, and while it
 * cannot be asked it is no. */
typedef struct Authorizer Authorizer;       /* of one connection */
typedef struct Authorization Authorization; /* one question */

int authorizer_new(sd_bus *bus, Authorizer **ret);
/* Whoever waits is not told: free the questions first. */
Authorizer *authorizer_free(Authorizer *a);
DEFINE_CLEANUP(Authorizer *, authorizer_free);

/* Exactly once, from a later turn, unless it was freed before; consumes the question. error NULL:
 * yes, and uid is who asks. Else the answer to the caller: AccessDenied,
 * InteractiveAuthorizationRequired, or an error of ours. */
typedef void (*authorize_fn)(const sd_bus_error *error, uint32_t uid, void *userdata);

/* caller: of a message that the bus delivered. interactive: the person may be asked to
 * authenticate, which has two minutes; otherwise polkit has 25 s. -EBUSY: too many wait, of this
 * caller or together. */
int authorize(Authorizer *a, const char *caller, const char *action /* weak */, bool interactive,
              authorize_fn done, void *userdata /* weak */, Authorization **ret);
/* Nobody wants to know any more; polkit is told. */
Authorization *authorization_free(Authorization *q);
DEFINE_CLEANUP(Authorization *, authorization_free);
