/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows one object of the daemon as it was said last: its interfaces and their properties, shown as
 * GObject properties by a table; leaves their meaning to who derives from it. */
#pragma once

#include "gui/model/bus.h"

#define CHAT_TYPE_REMOTE (chat_remote_get_type())
G_DECLARE_DERIVABLE_TYPE(ChatRemote, chat_remote, CHAT, REMOTE, GObject)

/* A property of the API (s, b, u, t, x, o, as) and the GObject property that shows it: string,
 * boolean, uint, uint64, int64, string, strv. */
typedef struct ChatRemoteProperty {
        const char *interface;
        const char *remote; /* "ReadSeq" */
        const char *name;   /* "read-seq" */
        char type; /* of the API; 'a' is as; 'i': whether it has the interface, remote is "" */
} ChatRemoteProperty;

/* Signals: "refreshed": all was read anew from a daemon that is another one; "emitted" (interface,
 * member, parameters): what the object said, other than of its properties. "away" (property): TRUE
 * while the daemon that it was known from is gone. */
struct _ChatRemoteClass {
        GObjectClass parent_class;
        const ChatRemoteProperty *properties; /* id of the i-th is i + 1 */
        gsize n_properties;
        guint n_ids; /* of GObject properties so far */
        void (*emitted)(ChatRemote *self, const char *interface, const char *member,
                        GVariant *parameters);
        /* Of what chat_remote_class_add() added. */
        void (*get_more)(ChatRemote *self, const char *name, GValue *value);
};

/* In class_init of who derives: installs "bus", "path", "away" and the table. */
void chat_remote_class_install(ChatRemoteClass *class, const ChatRemoteProperty *properties,
                               gsize n_properties);

/* A property of who derives alone, read by get_more(). Takes spec. */
void chat_remote_class_add(ChatRemoteClass *class, GParamSpec *spec);

ChatBus *chat_remote_get_bus(ChatRemote *self);
const char *chat_remote_get_path(ChatRemote *self);
gboolean chat_remote_get_away(ChatRemote *self);
gboolean chat_remote_has_interface(ChatRemote *self, const char *interface);

/* By the API's name; what is not known is "", 0, FALSE. The string is the object's. */
const char *chat_remote_string(ChatRemote *self, const char *property);
guint64 chat_remote_number(ChatRemote *self, const char *property);
gboolean chat_remote_boolean(ChatRemote *self, const char *property);

/* For who owns the mirror (daemon.c): what was heard of it. properties: a{sv}. */
void chat_remote_take(ChatRemote *self, const char *interface, GVariant *properties);
/* interfaces: a{sa{sv}}, all that it has now; others are gone. */
void chat_remote_take_all(ChatRemote *self, GVariant *interfaces);
void chat_remote_drop_interface(ChatRemote *self, const char *interface);
void chat_remote_set_away(ChatRemote *self, gboolean is_away);
void chat_remote_hear(ChatRemote *self, const char *interface, const char *member,
                      GVariant *parameters);

/* As chat_bus_call_async(), of this object; the callback's source is the ChatRemote. */
void chat_remote_call_async(ChatRemote *self, const char *interface, const char *method,
                            GVariant *parameters, const GVariantType *reply,
                            GCancellable *cancellable, GAsyncReadyCallback callback,
                            gpointer userdata);
GVariant *chat_remote_call_finish(ChatRemote *self, GAsyncResult *result, GError **error);
/* For methods that give nothing back. */
gboolean chat_remote_call_finish_void(ChatRemote *self, GAsyncResult *result, GError **error);

/* Sets a property of the API; value is consumed if floating. Finish: _finish_void. */
void chat_remote_set_async(ChatRemote *self, const char *interface, const char *property,
                           GVariant *value, GCancellable *cancellable, GAsyncReadyCallback callback,
                           gpointer userdata);

/* a{sv} without anything, for the last argument of methods; floating. */
GVariant *chat_no_options(void);
