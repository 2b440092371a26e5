/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which groups of verbs p2pchat-trackerctl has, one file each. */
#pragma once

#include "ctl/ctl.h"

/* Each ends with {}. */
extern const Verb verbs_tracker_status[], verbs_user[], verbs_user_change[], verbs_directory[],
        verbs_lease[], verbs_authority[];
