/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which verbs p2pchatctl has, and that they are for the daemon of the user; leaves each verb
 * to its file. */
#include "ctl/complete/complete.h"
#include "ctl/next-step.h"
#include "ctl/program.h"
#include "ctl/verb/verbs.h"
#include "dbus/names.h"

static const VerbGroup groups[] = {
        { N_("You and your tracker"), verbs_status },
        { N_("You and your tracker"), verbs_identity },
        { N_("You and your tracker"), verbs_account },
        { N_("You and your tracker"), verbs_presence },
        { N_("Channels"), verbs_channel },
        { N_("Channels"), verbs_invite },
        { N_("Talk"), verbs_chat },
        { N_("Talk"), verbs_send },
        { N_("Talk"), verbs_log },
        { N_("Talk"), verbs_read },
        { N_("Talk"), verbs_monitor },
        { N_("Talk"), verbs_search },
        { N_("Talk"), verbs_outbox },
        { N_("Talk"), verbs_ignore },
        { N_("Talk"), verbs_notify },
        { N_("Who is there, and who may what"), verbs_info },
        { N_("Who is there, and who may what"), verbs_access },
        { N_("Who is there, and who may what"), verbs_rules },
        { N_("Who is there, and who may what"), verbs_rate },
        { N_("Who is there, and who may what"), verbs_sanction },
        { N_("Who is there, and who may what"), verbs_removal },
        { N_("Keep and move"), verbs_export },
        { N_("Keep and move"), verbs_backup },
        { N_("Insides"), verbs_debug },
        { N_("Insides"), verbs_log_level },
        { NULL, verbs_complete },
};

static const Program p2pchatctl = {
        .name = "p2pchatctl",
        .about = N_("Speaks to your p2pchatd over D-Bus."),
        .manual = "p2pchatctl(1)",
        .bus_name = P2PCHAT_BUS_NAME,
        .path = P2PCHAT_PATH,
        .service = N_("The daemon"),
        .unit = "p2pchatd",
        .next_step = next_step,
        .groups = groups,
        .n_groups = ELEMENTSOF(groups),
};

int main(int argc, char **argv) {
        return program_run(&p2pchatctl, argc, argv);
}
