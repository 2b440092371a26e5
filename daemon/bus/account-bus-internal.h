/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the files of an account's face share; only account-bus*.c see it. */
#pragma once

#include "bus/properties.h"
#include "daemon/bus/account-bus.h"
#include "daemon/bus/path.h"

struct AccountBus {
        const Runtime *rt;        /* weak */
        Bus *bus;                 /* weak */
        Account *account;         /* weak; NULL: none */
        char path[BUS_PATH_SIZE]; /* "" while it has no object */
        PropertyWatch *watch;     /* while it has one */
};

/* account-bus-methods.c: handlers, with an AccountBus */
int account_method_sign_out(sd_bus_message *m, void *userdata, sd_bus_error *error);
int account_method_change_password(sd_bus_message *m, void *userdata, sd_bus_error *error);
int account_method_list_devices(sd_bus_message *m, void *userdata, sd_bus_error *error);
int account_method_revoke_device(sd_bus_message *m, void *userdata, sd_bus_error *error);
int account_method_delete(sd_bus_message *m, void *userdata, sd_bus_error *error);
