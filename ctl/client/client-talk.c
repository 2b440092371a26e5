/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what only a talk asks of the daemon: what is said, seen and in focus, and who is there.
 * Leaves what is shown to ctl/chat. */
#include "ctl/client/client-talk.h"

#include "dbus/names.h"

bool client_is_there(Ctl *ctl) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int is_there = 0;

        return sd_bus_call_method(ctl->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                  "org.freedesktop.DBus", "NameHasOwner", NULL, &reply, "s",
                                  P2PCHAT_BUS_NAME) >= 0 &&
               sd_bus_message_read(reply, "b", &is_there) >= 0 && is_there;
}

int client_say(Ctl *ctl, const char *path, const char *text, char ret_id[static UUID_STRING_SIZE]) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        const char *id;
        int r;

        r = client_new_call(ctl, FACE_CHANNEL, path, "Send", &m);
        if (r == EXIT_OK && sd_bus_message_append(m, "s", text) < 0)
                r = client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                   _("The text is not UTF-8; nothing was sent"));
        if (r == EXIT_OK)
                r = client_append_options(ctl, m, NULL);
        if (r == EXIT_OK)
                r = client_call(ctl, m, 0, &reply);
        if (r == EXIT_OK) {
                int k = sd_bus_message_read(reply, "s", &id);

                if (k < 0)
                        return client_fail(ctl, NULL, k);
                snprintf(ret_id, UUID_STRING_SIZE, "%s", id);
        }
        return r;
}

/* Who is away is told again when it is back: see chat.c. */
static void tell(Ctl *ctl, sd_bus_message *m) {
        if (sd_bus_message_set_expect_reply(m, false) >= 0 &&
            sd_bus_message_set_auto_start(m, false) >= 0)
                (void) sd_bus_send(ctl->bus, m, NULL);
}

void client_mark_read(Ctl *ctl, const char *path, uint64_t seq) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        if (client_new_call(ctl, FACE_CHANNEL, path, "MarkRead", &m) == EXIT_OK &&
            sd_bus_message_append(m, "ta{sv}", seq, 0) >= 0)
                tell(ctl, m);
}

void client_set_focus(Ctl *ctl, const char *path) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        if (client_new_call(ctl, FACE_MANAGER, NULL, "SetFocus", &m) == EXIT_OK &&
            sd_bus_message_append(m, "oa{sv}", path ?: "/", 0) >= 0)
                tell(ctl, m);
}

int client_try_members(Ctl *ctl, const char *path, uint64_t timeout_usec, client_member_fn fn,
                       void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        MemberView v;
        int r;

        if (client_new_call(ctl, FACE_CHANNEL, path, "GetMembers", &m) != EXIT_OK)
                return -ENOMEM;
        r = sd_bus_message_set_auto_start(m, false);
        if (r >= 0)
                r = sd_bus_message_append(m, "a{sv}", 0);
        if (r >= 0)
                r = client_try(ctl, m, timeout_usec, NULL, &reply);
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "(ssssa{sv})");
        while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'r', "ssssa{sv}")) > 0) {
                r = sd_bus_message_read(reply, "ssss", &v.username, &v.user_type, &v.role,
                                        &v.status);
                if (r >= 0)
                        fn(&v, userdata);
                if (r >= 0)
                        r = sd_bus_message_skip(reply, "a{sv}");
                if (r >= 0)
                        r = sd_bus_message_exit_container(reply);
        }
        return MIN(r, 0);
}

int client_try_directory(Ctl *ctl, const char *begin, uint64_t timeout_usec, client_name_fn fn,
                         void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        const char *name;
        int r;

        if (client_new_call(ctl, FACE_MANAGER, NULL, "ListDirectory", &m) != EXIT_OK)
                return -ENOMEM;
        r = sd_bus_message_set_auto_start(m, false);
        if (r >= 0)
                r = sd_bus_message_append(m, "a{sv}", 2, "query", "s", begin, "limit", "u", 50);
        if (r >= 0)
                r = client_try(ctl, m, timeout_usec, NULL, &reply);
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "(sssssua{sv})");
        while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'r', "sssssua{sv}")) > 0) {
                r = sd_bus_message_read(reply, "s", &name);
                if (r >= 0)
                        fn(name, userdata);
                if (r >= 0)
                        r = sd_bus_message_skip(reply, "ssssua{sv}");
                if (r >= 0)
                        r = sd_bus_message_exit_container(reply);
        }
        return MIN(r, 0);
}

typedef struct KeyNews {
        const char *username, *key;
} KeyNews;

static int read_key_news(sd_bus_message *m, const char *key, void *userdata) {
        KeyNews *news = userdata;
        int r;

        if (!streq(key, "new_key_of") && !streq(key, "key"))
                return 0;
        r = sd_bus_message_read(m, "v", "s", streq(key, "key") ? &news->key : &news->username);
        return r < 0 ? r : 1;
}

static int on_members_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        ClientKeyWatch *w = userdata;
        KeyNews news = {};

        if (sd_bus_message_skip(m, "t") >= 0 && client_read_pairs(m, read_key_news, &news) >= 0 &&
            news.username)
                w->fn(sd_bus_message_get_path(m), news.username, news.key ?: "", w->userdata);
        return 0;
}

int client_watch_keys(Ctl *ctl, ClientKeyWatch *w) {
        int r;

        r = sd_bus_match_signal(ctl->bus, &w->slot, P2PCHAT_BUS_NAME, NULL,
                                P2PCHAT_INTERFACE_CHANNEL, "MembersChanged", on_members_changed, w);
        return r < 0 ? client_fail(ctl, NULL, r) : EXIT_OK;
}
