/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the files that make up a channel's object share; nobody else includes it. */
#pragma once

#include <uthash.h>

#include "bus/error.h"
#include "bus/options.h"
#include "bus/properties.h"
#include "daemon/bus/channel-bus.h"
#include "daemon/bus/path.h"
#include "dbus/names.h"

/* One channel's object; the userdata of its vtables. */
typedef struct ChannelObject {
        ChannelBus *bus_face;  /* weak */
        Bus *bus;              /* weak */
        Manager *manager;      /* weak */
        const Runtime *rt;     /* weak */
        ChannelMember *member; /* weak */
        char path[BUS_PATH_SIZE];
        PropertyWatch *watch;
        PropertyWatch *host_watch; /* while org.p2pchat.Peer1.Host is there */
        Pacer *signals;
        uint64_t first, last; /* owed by EntriesAppended; last 0: nothing */
        uint64_t outbox_generation, members_generation;
        uint64_t mentioned, n_mentioned; /* owed by Mentioned: the newest, and how many */
        bool owes_outbox, owes_members;
        uint64_t key_told; /* by MembersChanged: the news of that time */
        UT_hash_handle hh; /* ChannelBus.objects, by path */
} ChannelObject;

extern const sd_bus_vtable channel_vtable[];    /* channel-bus-object.c */
extern const PropertySpec channel_properties[]; /* channel-bus-object.c */
extern const sd_bus_vtable moderation_vtable[]; /* moderation-bus.c */
extern const sd_bus_vtable host_vtable[];       /* host-bus.c */
extern const PropertySpec host_properties[];    /* host-bus.c; object: ChannelObject */

/* For methods: parks m until a member operation completes; member_op_cancel ends its waiting. */
int channel_object_new_operation(ChannelObject *o, sd_bus_message *m, BusOperation **ret);
void member_op_cancel(void *op);
/* The options of a method that gives people by pages. */
typedef struct PeoplePage {
        const char *after; /* borrowed from the message; NULL: the first */
        uint64_t limit;    /* 1 … MEMBERS_LIMIT_MAX */
} PeoplePage;
int people_page_read(sd_bus_message *m, PeoplePage *ret, sd_bus_error *error);
/* done callbacks without results: userdata is the BusOperation. */
void channel_object_on_done(const Failure *f, void *userdata);

/* Leave and Unhost: the option forget, and a call that waits for the end. As a D-Bus method. */
typedef int (*channel_end_fn)(Manager *m, ChannelMember *c, bool forget, manager_done_fn done,
                              void *userdata, ManagerOp **ret_op);
int channel_object_end(ChannelObject *o, sd_bus_message *m, channel_end_fn end,
                       sd_bus_error *error);
/* "registered", "guest" */
const char *user_type_to_bus(UserType t);
/* Where only a name is told: no user may be called as guests are. */
const char *user_type_of_name(const char *username);

/* channel-bus-send.c */
int method_send(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_get_outbox(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_cancel(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_retry(sd_bus_message *m, void *userdata, sd_bus_error *error);
/* channel-bus-messages.c */
int method_get_messages(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_mark_read(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_export(sd_bus_message *m, void *userdata, sd_bus_error *error);
/* channel-bus-debug.c: of Host and of Moderation */
int method_get_debug(sd_bus_message *m, void *userdata, sd_bus_error *error);
/* channel-bus-access.c */
int method_explain_access(sd_bus_message *m, void *userdata, sd_bus_error *error);
/* channel-bus-search.c */
int method_search(sd_bus_message *m, void *userdata, sd_bus_error *error);
/* channel-bus-set.c: a Set that is on disk before it is answered; 0 where it is for the vtable
 * to answer. */
int channel_object_set(ChannelObject *o, sd_bus_message *m, sd_bus_error *error);
/* EntryPageFilter.is_hidden; userdata: ChannelMember. */
bool channel_object_hides(const Entry *e, const void *member);
/* moderation-bus-people.c */
int method_kick(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_ban(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_unban(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_list_authorized(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_list_banned(sd_bus_message *m, void *userdata, sd_bus_error *error);
/* "\"X\" is no user's name", or it folded into ret. */
int moderation_read_name(const char *name, char ret[static NAME_SIZE], sd_bus_error *error);
/* channel-bus-object.c has the rest */
