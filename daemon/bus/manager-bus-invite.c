/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how invitations are read from calls of org.p2pchat.Peer1.Manager; leaves their form to
 * wire/invite.h, and what they are worth to manager.h. */
#include "bus/error.h"
#include "bus/options.h"
#include "daemon/bus/manager-bus-internal.h"

int manager_bus_peek_invite(sd_bus_message *m, bool *ret_is_link, Invite *ret,
                            sd_bus_error *error) {
        const char *text;
        Failure f;
        int r;

        r = sd_bus_message_read_basic(m, 's', &text);
        if (r < 0)
                return r;
        *ret_is_link = invite_is_link(text);
        if (!*ret_is_link)
                return sd_bus_message_rewind(m, true);
        if (invite_parse(text, strlen(text), ret, &f) < 0)
                return bus_error_failure(error, &f);
        return 0;
}

int manager_method_resolve_invite(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        ManagerBus *b = userdata;
        char link[INVITE_SIZE];
        InviteTracker tracker;
        const char *text;
        Invite i;
        Failure f;
        int r;

        r = sd_bus_message_read_basic(m, 's', &text);
        if (r >= 0)
                r = options_read(m, NULL, NULL, error);
        if (r < 0)
                return r;
        if (invite_parse(text, strlen(text), &i, &f) < 0 ||
            manager_judge_invite(b->manager, &i, &tracker, &f) < 0)
                return bus_error_failure(error, &f);
        r = invite_format(i.tracker, i.pin, i.channel, i.id, link);
        if (r < 0)
                return r;
        return sd_bus_reply_method_return(m, "a{sv}", 7, "tracker", "s", i.tracker, "pin", "s",
                                          i.pin, "channel", "s", i.channel, "id", "s", i.id, "uri",
                                          "s", link, "tracker_is", "s",
                                          invite_tracker_to_string(tracker), "only_here", "b",
                                          (int) manager_invite_is_only_here(&i));
}
