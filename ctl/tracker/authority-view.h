/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the tracker tells of its certificate authority; leaves showing it to the verbs. */
#pragma once

#include "ctl/client/client-call.h"

typedef struct AuthorityView {
        char *pin, *tracker_id, *source;
        uint64_t created;
        char **previous; /* NULL-terminated */
} AuthorityView;
void authority_view_done(AuthorityView *a);
/* EXIT_OK, or it was told. */
int authority_view_get(Ctl *ctl, AuthorityView *ret);
/* Members of the object that is open. */
void authority_view_json(Writer *w, const AuthorityView *a);
