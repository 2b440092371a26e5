/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which verbs p2pchatctl has, and that they are for the daemon of the user; leaves each verb
 * to its file. */
#include "ctl/program.h"
#include "ctl/verbs.h"
#include "dbus/names.h"

static const Verb *const groups[] = {
        verbs_status, verbs_identity, verbs_account,   verbs_channel, verbs_send,
        verbs_log,    verbs_search,   verbs_outbox,    verbs_info,    verbs_access,
        verbs_rules,  verbs_rate,     verbs_sanction,  verbs_debug,   verbs_removal,
        verbs_ignore, verbs_presence, verbs_log_level, verbs_backup,  verbs_export,
        verbs_chat,
};

static const Program p2pchatctl = {
        .name = "p2pchatctl",
        .about = "Speaks to your p2pchatd over D-Bus.",
        .manual = "p2pchatctl(1)",
        .bus_name = P2PCHAT_BUS_NAME,
        .path = P2PCHAT_PATH,
        .service = "The daemon",
        .unit = "p2pchatd",
        .groups = groups,
        .n_groups = ELEMENTSOF(groups),
};

int main(int argc, char **argv) {
        return program_run(&p2pchatctl, argc, argv);
}
