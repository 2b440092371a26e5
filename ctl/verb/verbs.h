/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which groups of verbs p2pchatctl has, one file each. */
#pragma once

#include "ctl/verb/verb-log-level.h"

/* Each ends with {}. */
extern const Verb verbs_status[], verbs_identity[], verbs_account[], verbs_channel[], verbs_send[],
        verbs_log[], verbs_read[], verbs_monitor[], verbs_search[], verbs_outbox[], verbs_info[],
        verbs_access[], verbs_rules[], verbs_rate[], verbs_sanction[], verbs_removal[],
        verbs_ignore[], verbs_notify[], verbs_debug[], verbs_presence[], verbs_backup[], verbs_export[],
        verbs_chat[];
extern const Verb verbs_invite[];
