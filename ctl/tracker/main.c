/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which verbs p2pchat-trackerctl has, and that they are for the tracker of this machine;
 * leaves each verb to its file. */
#include "ctl/program.h"
#include "ctl/tracker/agent.h"
#include "ctl/tracker/verbs.h"
#include "ctl/verb/verb-log-level.h"
#include "dbus/names.h"

static const VerbGroup groups[] = {
        { N_("The tracker"), verbs_tracker_status },
        { N_("Accounts"), verbs_user },
        { N_("Accounts"), verbs_user_change },
        { N_("Channels"), verbs_directory },
        { N_("Channels"), verbs_lease },
        { N_("Insides"), verbs_authority },
        { N_("Insides"), verbs_log_level },
};

static const Program p2pchat_trackerctl = {
        .name = "p2pchat-trackerctl",
        .about = N_("Speaks to the p2pchat tracker of this machine, for its operator."),
        .manual = "p2pchat-trackerctl(1)",
        .is_system = true,
        .bus_name = P2PCHAT_TRACKER_BUS_NAME,
        .path = P2PCHAT_TRACKER_PATH,
        .service = N_("The tracker"),
        .unit = "p2pchat-tracker",
        .denied = N_("Only an administrator may do that; try it with sudo"),
        .before = agent_open,
        .after = agent_close,
        .groups = groups,
        .n_groups = ELEMENTSOF(groups),
};

int main(int argc, char **argv) {
        return program_run(&p2pchat_trackerctl, argc, argv);
}
