/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which verbs p2pchat-trackerctl has, and that they are for the tracker of this machine;
 * leaves each verb to its file. */
#include "ctl/program.h"
#include "ctl/tracker/agent.h"
#include "ctl/tracker/verbs.h"
#include "ctl/verb-log-level.h"
#include "dbus/names.h"

static const Verb *const groups[] = {
        verbs_tracker_status, verbs_user,      verbs_user_change, verbs_directory,
        verbs_lease,          verbs_authority, verbs_log_level,
};

static const Program p2pchat_trackerctl = {
        .name = "p2pchat-trackerctl",
        .about = "Speaks to the p2pchat tracker of this machine, for its operator.",
        .manual = "p2pchat-trackerctl(8)",
        .is_system = true,
        .bus_name = P2PCHAT_TRACKER_BUS_NAME,
        .path = P2PCHAT_TRACKER_PATH,
        .service = "The tracker",
        .unit = "p2pchat-tracker",
        .denied = "Only an administrator may do that; try it with sudo",
        .before = agent_open,
        .after = agent_close,
        .groups = groups,
        .n_groups = ELEMENTSOF(groups),
};

int main(int argc, char **argv) {
        return program_run(&p2pchat_trackerctl, argc, argv);
}
