/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the tables of verbs and options are shown to who asks what there is; leaves the tables
 * to the verbs. */
#pragma once

#include "ctl/ctl.h"

/* All verbs, by heading. → exit status */
int help_program(Ctl *ctl);
/* One verb with its options (NULL: it has none). → exit status */
int help_verb(Ctl *ctl, const Verb *v, const Option *options);
