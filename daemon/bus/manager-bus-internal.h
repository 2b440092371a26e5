/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the files that make up the manager's object share; nobody else includes it. */
#pragma once

#include "bus/pacer.h"
#include "bus/properties.h"
#include "daemon/bus/manager-bus.h"
#include "daemon/bus/path.h"

struct ManagerBus {
        Bus *bus;           /* weak */
        Manager *manager;   /* weak */
        Notifier *notifier; /* weak */
        PropertyWatch *watch;
        Pacer *directory;
        uint64_t generation; /* of the directory, as last heard */
};

void manager_bus_cancel_manager_op(void *op);
void manager_bus_cancel_account_op(void *op);
void manager_bus_reply_path(BusOperation *op, const char *path); /* consumes op */
/* The account that a call is about: the only one, and the option may name no other. */
int manager_bus_find_account(ManagerBus *b, const char *path, Account **ret, sd_bus_error *error);

/* manager-bus-identity.c */
int manager_method_set_tracker(sd_bus_message *m, void *userdata, sd_bus_error *error);
int manager_method_sign_up(sd_bus_message *m, void *userdata, sd_bus_error *error);
int manager_method_sign_in(sd_bus_message *m, void *userdata, sd_bus_error *error);
int manager_method_recover(sd_bus_message *m, void *userdata, sd_bus_error *error);
int manager_method_sign_in_guest(sd_bus_message *m, void *userdata, sd_bus_error *error);
/* manager-bus-channels.c */
int manager_method_list_directory(sd_bus_message *m, void *userdata, sd_bus_error *error);
int manager_method_host(sd_bus_message *m, void *userdata, sd_bus_error *error);
int manager_method_join(sd_bus_message *m, void *userdata, sd_bus_error *error);
/* manager-bus-focus.c */
int manager_method_set_focus(sd_bus_message *m, void *userdata, sd_bus_error *error);
int manager_bus_watch_clients(ManagerBus *b, sd_bus *connection);
/* manager-bus-invite.c */
/* The string that follows; taken from the call where it is a link. InvalidArgs, BadRequest. */
int manager_bus_peek_invite(sd_bus_message *m, bool *ret_is_link, Invite *ret, sd_bus_error *error);
int manager_method_resolve_invite(sd_bus_message *m, void *userdata, sd_bus_error *error);
/* manager-bus-presence.c */
int manager_bus_on_set(sd_bus_message *m, void *userdata, sd_bus_error *error);
/* manager-bus-statistics.c */
int manager_method_get_statistics(sd_bus_message *m, void *userdata, sd_bus_error *error);
/* manager-bus-backup.c */
int manager_method_backup(sd_bus_message *m, void *userdata, sd_bus_error *error);
int manager_method_restore(sd_bus_message *m, void *userdata, sd_bus_error *error);
