/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the desktop shows pop-ups (org.freedesktop.Notifications on the session bus), and that a
 * click on one leads to the window; leaves what they say, and when, to notify/notifier.h. */
#include "daemon/bus/notify-bus.h"

#include "daemon/bus/path.h"
#include "daemon/notify/popup-text.h"
#include "dbus/names.h"

#define NAME "org.freedesktop.Notifications"
#define OBJECT "/org/freedesktop/Notifications"
/* It may have to be started first; while it does not answer nothing more is asked. */
#define CALL_USEC (25 * USEC_PER_SEC)
#define CLOSED_BY_PERSON 2 /* of NotificationClosed */
#define TOKEN_SIZE 256     /* of a desktop's activation tokens; a longer one is none */

struct NotifyBus {
        Bus *bus;           /* weak */
        Notifier *notifier; /* weak */
        sd_bus_slot *call;  /* one at a time */
        bool is_known;      /* what the one that is there can do: */
        bool has_markup;
        uint32_t replaces; /* the pop-up that waits for that; */
        char *summary, *body;
        uint32_t token_id; /* the pop-up whose click has it */
        char token[TOKEN_SIZE];
};

static void ended(NotifyBus *b, int r, uint32_t id) {
        b->call = sd_bus_slot_unref(b->call);
        free(b->summary);
        free(b->body);
        b->summary = b->body = NULL;
        notifier_shown(b->notifier, r, id);
}

/* What it refuses itself it refuses again; all else is that nobody is there, or does not answer. */
static int read_error(sd_bus_message *m) {
        static const char *const refusals[] = {
                "org.freedesktop.DBus.Error.InvalidArgs",
                "org.freedesktop.DBus.Error.Failed",
                "org.freedesktop.Notifications.Error.ExcessNotificationGeneration",
        };
        const char *name = sd_bus_message_get_error(m)->name;

        for (size_t i = 0; i < ELEMENTSOF(refusals); i++)
                if (streq(name, refusals[i]))
                        return -EREMOTEIO;
        return -EAGAIN;
}

static int on_notified(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        NotifyBus *b = userdata;
        uint32_t id = 0;
        int r;

        if (sd_bus_message_is_method_error(m, NULL))
                r = read_error(m);
        else
                r = sd_bus_message_read(m, "u", &id) < 0 || id == 0 ? -EREMOTEIO : 0;
        ended(b, r, id);
        return 0;
}

static int append_hints(sd_bus_message *m) {
        return sd_bus_message_append(m, "a{sv}i", 2, "category", "s", "im.received",
                                     "desktop-entry", "s", P2PCHAT_WINDOW_BUS_NAME, -1);
}

static int notify(NotifyBus *b, sd_bus *connection) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_free_ char *markup = NULL;
        int r = 0;

        if (b->has_markup)
                r = popup_text_escape(b->body, &markup);
        if (r >= 0)
                r = sd_bus_message_new_method_call(connection, &m, NAME, OBJECT, NAME, "Notify");
        if (r >= 0)
                r = sd_bus_message_append(m, "susssas", "p2pchat", b->replaces,
                                          P2PCHAT_WINDOW_BUS_NAME, b->summary, markup ?: b->body, 2,
                                          "default", "Open");
        if (r >= 0)
                r = append_hints(m);
        b->call = sd_bus_slot_unref(b->call);
        if (r >= 0)
                r = sd_bus_call_async(connection, &b->call, m, on_notified, b, CALL_USEC);
        return r;
}

static int on_capabilities(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        NotifyBus *b = userdata;
        const char *capability;
        int r;

        if (sd_bus_message_is_method_error(m, NULL)) {
                ended(b, read_error(m), 0);
                return 0;
        }
        b->has_markup = false;
        r = sd_bus_message_enter_container(m, 'a', "s");
        while (r > 0 && (r = sd_bus_message_read_basic(m, 's', &capability)) > 0)
                b->has_markup = b->has_markup || streq(capability, "body-markup");
        b->is_known = r >= 0;
        if (r >= 0)
                r = notify(b, sd_bus_message_get_bus(m));
        if (r < 0)
                ended(b, -EREMOTEIO, 0);
        return 0;
}

static int on_show(const Popup *p, void *userdata) {
        NotifyBus *b = userdata;
        sd_bus *connection = bus_get_connection(b->bus);
        int r;

        assert(!b->call);
        if (!connection)
                return -ENOTCONN;
        b->replaces = p->replaces;
        if (free_and_strdup(&b->summary, p->summary) < 0 || free_and_strdup(&b->body, p->body) < 0)
                return -ENOMEM;
        if (b->is_known)
                r = notify(b, connection);
        else
                r = sd_bus_call_method_async(connection, &b->call, NAME, OBJECT, NAME,
                                             "GetCapabilities", on_capabilities, b, "");
        return MIN(r, 0);
}

/* Nobody is started for it. */
static void on_close(uint32_t id, void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        NotifyBus *b = userdata;
        sd_bus *connection = bus_get_connection(b->bus);

        if (connection &&
            sd_bus_message_new_method_call(connection, &m, NAME, OBJECT, NAME,
                                           "CloseNotification") >= 0 &&
            sd_bus_message_append(m, "u", id) >= 0 &&
            sd_bus_message_set_auto_start(m, false) >= 0 &&
            sd_bus_message_set_expect_reply(m, false) >= 0)
                (void) sd_bus_send(connection, m, NULL);
}

static int on_closed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        NotifyBus *b = userdata;
        uint32_t id, reason;

        if (sd_bus_message_read(m, "uu", &id, &reason) >= 0)
                notifier_closed(b->notifier, id, reason == CLOSED_BY_PERSON);
        return 0;
}

/* Comes before the click that it is for: by it the window may take the focus. */
static int on_token(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        NotifyBus *b = userdata;
        const char *token;
        uint32_t id;

        b->token[0] = '\0';
        if (sd_bus_message_read(m, "us", &id, &token) < 0 || strlen(token) >= sizeof(b->token))
                return 0;
        b->token_id = id;
        (void) snprintf(b->token, sizeof(b->token), "%s", token);
        return 0;
}

/* The window shows the channel, and is started for that where it is installed; where it is not,
 * a click ends a pop-up and that is all. */
static int show_channel(sd_bus *connection, const char *channel_id, const char *token) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        char path[BUS_PATH_SIZE];
        int r;

        bus_path_channel(channel_id, path);
        r = sd_bus_message_new_method_call(connection, &m, P2PCHAT_WINDOW_BUS_NAME,
                                           P2PCHAT_WINDOW_PATH, "org.freedesktop.Application",
                                           "ActivateAction");
        if (r >= 0)
                r = sd_bus_message_append(m, "sav", P2PCHAT_WINDOW_SHOW_CHANNEL, 1, "s",
                                          path);
        if (r >= 0 && *token)
                r = sd_bus_message_append(m, "a{sv}", 2, "activation-token", "s", token,
                                          "desktop-startup-id", "s", token);
        else if (r >= 0)
                r = sd_bus_message_append(m, "a{sv}", 0);
        if (r >= 0)
                r = sd_bus_message_set_expect_reply(m, false);
        return r < 0 ? r : sd_bus_send(connection, m, NULL);
}

static int on_action(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        NotifyBus *b = userdata;
        const char *action, *channel_id;
        uint32_t id;
        int r;

        if (sd_bus_message_read(m, "us", &id, &action) < 0 || !streq(action, "default"))
                return 0;
        channel_id = notifier_get_channel(b->notifier, id);
        if (!channel_id)
                return 0; /* of another program */
        r = show_channel(sd_bus_message_get_bus(m), channel_id, b->token_id == id ? b->token : "");
        b->token[0] = '\0';
        if (r < 0)
                log_fields(LOG_DEBUG, r, NULL, "Cannot ask the window to show a channel");
        return 0;
}

static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *name, *before, *now;
        NotifyBus *b = userdata;

        if (sd_bus_message_read(m, "sss", &name, &before, &now) < 0)
                return 0;
        b->is_known = false;
        notifier_desktop_changed(b->notifier, *now);
        return 0;
}

static int add_match(sd_bus *connection, const char *member, sd_bus_message_handler_t handler,
                     NotifyBus *b) {
        char match[256];

        (void) snprintf(match, sizeof(match),
                        "type='signal',sender='" NAME "',interface='" NAME "',path='" OBJECT
                        "',member='%s'",
                        member);
        return sd_bus_add_match_async(connection, NULL, match, handler, NULL, b);
}

/* What was asked on the connection before is not answered on this one. */
int notify_bus_add_matches(NotifyBus *b, sd_bus *connection) {
        int r;

        b->is_known = false;
        if (b->call)
                ended(b, -EAGAIN, 0);
        notifier_desktop_changed(b->notifier, false);
        r = add_match(connection, "NotificationClosed", on_closed, b);
        if (r >= 0)
                r = add_match(connection, "ActivationToken", on_token, b);
        if (r >= 0)
                r = add_match(connection, "ActionInvoked", on_action, b);
        if (r >= 0)
                r = sd_bus_add_match_async(connection, NULL,
                                           "type='signal',sender='org.freedesktop.DBus',"
                                           "interface='org.freedesktop.DBus',"
                                           "member='NameOwnerChanged',arg0='" NAME "'",
                                           on_owner_changed, NULL, b);
        return r;
}

int notify_bus_new(Bus *bus, Notifier *n, NotifyBus **ret) {
        static const NotifierHandlers handlers = { .show = on_show, .close = on_close };
        NotifyBus *b = new0(NotifyBus, 1);

        if (!b)
                return -ENOMEM;
        *b = (NotifyBus){ .bus = bus, .notifier = n };
        notifier_set_handlers(n, &handlers, b);
        *ret = b;
        return 0;
}

NotifyBus *notify_bus_free(NotifyBus *b) {
        if (!b)
                return NULL;
        notifier_set_handlers(b->notifier, &(NotifierHandlers){}, NULL);
        sd_bus_slot_unref(b->call);
        free(b->summary);
        free(b->body);
        free(b);
        return NULL;
}
