/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the daemon's whole state is read in one call; leaves what is made of it to the verbs.
 */
#include "ctl/client/client.h"

#include "dbus/names.h"

typedef struct Property {
        const char *name;
        char type; /* s u t x b, S = as, o */
        size_t offset;
} Property;

#define PROPERTY(type_, field, name_, sig)                                                         \
        { name_, sig, offsetof(type_, field) }

static const Property manager_properties[] = {
        PROPERTY(ManagerView, version, "Version", 's'),
        PROPERTY(ManagerView, default_account, "DefaultAccount", 'o'),
        PROPERTY(ManagerView, outbox, "OutboxCount", 'u'),
        PROPERTY(ManagerView, listen, "ListenAddresses", 'S'),
        PROPERTY(ManagerView, clock_offset, "ClockOffset", 'x'),
        PROPERTY(ManagerView, invisible, "Invisible", 'b'),
        PROPERTY(ManagerView, lingering, "Lingering", 's'),
        PROPERTY(ManagerView, store_state, "StoreState", 's'),
        PROPERTY(ManagerView, store_reason, "StoreReason", 's'),
        {},
};

static const Property account_properties[] = {
        PROPERTY(AccountView, tracker, "Tracker", 's'),
        PROPERTY(AccountView, pin, "TrackerPin", 's'),
        PROPERTY(AccountView, offered_pin, "TrackerOfferedPin", 's'),
        PROPERTY(AccountView, state, "TrackerState", 's'),
        PROPERTY(AccountView, reason, "TrackerReason", 's'),
        PROPERTY(AccountView, username, "Username", 's'),
        PROPERTY(AccountView, user_type, "UserType", 's'),
        PROPERTY(AccountView, expires, "CertificateExpires", 't'),
        {},
};

static const Property channel_properties[] = {
        PROPERTY(ChannelView, id, "Id", 's'),
        PROPERTY(ChannelView, name, "Name", 's'),
        PROPERTY(ChannelView, topic, "Topic", 's'),
        PROPERTY(ChannelView, owner, "Owner", 's'),
        PROPERTY(ChannelView, host, "Host", 's'),
        PROPERTY(ChannelView, role, "Role", 's'),
        PROPERTY(ChannelView, view, "ViewPermission", 's'),
        PROPERTY(ChannelView, send, "SendPermission", 's'),
        PROPERTY(ChannelView, state, "State", 's'),
        PROPERTY(ChannelView, reason, "StateReason", 's'),
        PROPERTY(ChannelView, text, "StateText", 's'),
        PROPERTY(ChannelView, previous, "Previous", 's'),
        PROPERTY(ChannelView, successor, "Successor", 's'),
        PROPERTY(ChannelView, first_seq, "FirstSeq", 't'),
        PROPERTY(ChannelView, synced_seq, "SyncedSeq", 't'),
        PROPERTY(ChannelView, last_seq, "LastSeq", 't'),
        PROPERTY(ChannelView, read_seq, "ReadSeq", 't'),
        PROPERTY(ChannelView, unread, "Unread", 'u'),
        PROPERTY(ChannelView, mentions, "Mentions", 'u'),
        PROPERTY(ChannelView, notify, "Notify", 's'),
        PROPERTY(ChannelView, outbox, "OutboxCount", 'u'),
        PROPERTY(ChannelView, members, "MembersOnline", 'u'),
        PROPERTY(ChannelView, retention_days, "RetentionDays", 'u'),
        PROPERTY(ChannelView, ignored, "Ignored", 'S'),
        PROPERTY(ChannelView, message_rate, "MessageRate", 'u'),
        PROPERTY(ChannelView, message_burst, "MessageBurst", 'u'),
        {},
};

static const Property host_properties[] = {
        PROPERTY(ChannelView, reachable, "Reachable", 's'),
        PROPERTY(ChannelView, reachable_reason, "ReachableReason", 's'),
        PROPERTY(ChannelView, observed, "ObservedAddress", 's'),
        PROPERTY(ChannelView, addresses, "Addresses", 'S'),
        {},
};

static char **strings_free(char **s) {
        for (size_t i = 0; s && s[i]; i++)
                free(s[i]);
        free(s);
        return NULL;
}

static void channel_view_done(ChannelView *c) {
        char **owned[] = { &c->path,     &c->id,        &c->name,      &c->topic,
                           &c->owner,    &c->host,      &c->role,      &c->view,
                           &c->send,     &c->state,     &c->reason,    &c->text,
                           &c->previous, &c->successor, &c->reachable, &c->reachable_reason,
                           &c->observed, &c->notify };

        for (size_t i = 0; i < ELEMENTSOF(owned); i++)
                free(*owned[i]);
        strings_free(c->addresses);
        strings_free(c->ignored);
        *c = (ChannelView){};
}

void snapshot_done(Snapshot *s) {
        AccountView *a = &s->account;
        char **owned[] = { &s->manager.version,
                           &s->manager.store_state,
                           &s->manager.lingering,
                           &s->manager.store_reason,
                           &s->manager.default_account,
                           &a->path,
                           &a->tracker,
                           &a->pin,
                           &a->offered_pin,
                           &a->state,
                           &a->reason,
                           &a->username,
                           &a->user_type };

        for (size_t i = 0; i < ELEMENTSOF(owned); i++)
                free(*owned[i]);
        strings_free(s->manager.listen);
        for (size_t i = 0; i < s->n_channels; i++)
                channel_view_done(s->channels + i);
        free(s->channels);
        *s = (Snapshot){};
}

static int read_property(sd_bus_message *m, const Property *p, void *target) {
        void *field = (char *) target + p->offset;
        const char *s;
        int r, b;

        switch (p->type) {
        case 's':
        case 'o':
                r = sd_bus_message_read(m, "v", p->type == 's' ? "s" : "o", &s);
                return r < 0 ? r : free_and_strdup(field, s);
        case 'S':
                r = sd_bus_message_enter_container(m, 'v', "as");
                if (r >= 0) {
                        *(char ***) field = strings_free(*(char ***) field);
                        r = sd_bus_message_read_strv(m, field);
                }
                return r < 0 ? r : sd_bus_message_exit_container(m);
        case 'b':
                r = sd_bus_message_read(m, "v", "b", &b);
                if (r >= 0)
                        *(bool *) field = b;
                return r;
        case 'u':
                return sd_bus_message_read(m, "v", "u", field);
        case 't':
                return sd_bus_message_read(m, "v", "t", field);
        case 'x':
                return sd_bus_message_read(m, "v", "x", field);
        default:
                return -EINVAL;
        }
}

typedef struct PropertyReader {
        const Property *table;
        void *target;
} PropertyReader;

static int read_by_table(sd_bus_message *m, const char *name, void *userdata) {
        const PropertyReader *reader = userdata;
        int r;

        for (const Property *p = reader->table; p->name; p++)
                if (streq(p->name, name)) {
                        r = read_property(m, p, reader->target);
                        return r < 0 ? r : 1;
                }
        return 0;
}

static int read_properties(sd_bus_message *m, const Property *table, void *target) {
        PropertyReader reader = { .table = table, .target = target };

        return client_read_pairs(m, read_by_table, &reader);
}

/* {oa{sa{sv}}} of one object, the path already read. */
static int read_object(sd_bus_message *m, const char *path, Snapshot *s) {
        _cleanup_(channel_view_done) ChannelView channel = {};
        bool is_channel = false;
        const char *interface;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sa{sv}}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sa{sv}")) > 0) {
                r = sd_bus_message_read_basic(m, 's', &interface);
                if (r < 0)
                        return r;
                if (streq(interface, P2PCHAT_INTERFACE_ACCOUNT)) {
                        r = free_and_strdup(&s->account.path, path);
                        if (r >= 0)
                                r = read_properties(m, account_properties, &s->account);
                } else if (streq(interface, P2PCHAT_INTERFACE_CHANNEL)) {
                        is_channel = true;
                        r = read_properties(m, channel_properties, &channel);
                } else if (streq(interface, P2PCHAT_INTERFACE_HOST)) {
                        channel.hosted = true;
                        r = read_properties(m, host_properties, &channel);
                } else {
                        r = sd_bus_message_skip(m, "a{sv}");
                }
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        if (is_channel) {
                ChannelView *grown =
                        reallocarray(s->channels, s->n_channels + 1, sizeof(ChannelView));

                if (!grown)
                        return -ENOMEM;
                s->channels = grown;
                r = free_and_strdup(&channel.path, path);
                if (r < 0)
                        return r;
                s->channels[s->n_channels++] = channel;
                channel = (ChannelView){};
        }
        return sd_bus_message_exit_container(m);
}

static bool is_closed(const ChannelView *c) {
        return streq_ptr(c->state, "closed");
}

/* Of those of one name the one that it means comes first. */
static int compare_channels(const void *a, const void *b) {
        const ChannelView *x = a, *y = b;
        int r;

        r = strcmp(x->name ?: "", y->name ?: "");
        if (r == 0)
                r = (int) is_closed(x) - (int) is_closed(y);
        return r != 0 ? r : strcmp(x->id ?: "", y->id ?: "");
}

static int read_objects(sd_bus_message *m, Snapshot *s) {
        const char *path;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{oa{sa{sv}}}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "oa{sa{sv}}")) > 0) {
                r = sd_bus_message_read_basic(m, 'o', &path);
                if (r >= 0)
                        r = read_object(m, path, s);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r;
}

static int ask(Ctl *ctl, const char *interface, const char *method, const char *argument,
               sd_bus_error *ret_error, sd_bus_message **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(ctl->bus, &m, P2PCHAT_BUS_NAME, P2PCHAT_PATH, interface,
                                           method);
        if (r >= 0 && argument)
                r = sd_bus_message_append(m, "s", argument);
        return r < 0 ? r : client_try(ctl, m, 0, ret_error, ret);
}

int client_try_snapshot(Ctl *ctl, sd_bus_error *ret_error, Snapshot *ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *manager = NULL, *objects = NULL;
        _cleanup_(snapshot_done) Snapshot s = {};
        int r;

        r = ask(ctl, "org.freedesktop.DBus.Properties", "GetAll", P2PCHAT_INTERFACE_MANAGER,
                ret_error, &manager);
        if (r >= 0)
                r = read_properties(manager, manager_properties, &s.manager);
        if (r >= 0)
                r = ask(ctl, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL,
                        ret_error, &objects);
        if (r >= 0)
                r = read_objects(objects, &s);
        if (r < 0)
                return r;
        if (s.n_channels > 0)
                qsort(s.channels, s.n_channels, sizeof(ChannelView), compare_channels);
        *ret = s;
        s = (Snapshot){};
        return 0;
}

int client_get_snapshot(Ctl *ctl, Snapshot *ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = client_open(ctl);
        if (r != EXIT_OK)
                return r;
        r = client_try_snapshot(ctl, &error, ret);
        return r < 0 ? client_fail(ctl, &error, r) : EXIT_OK;
}

int client_get_channel(Ctl *ctl, const char *name, Snapshot *ret, ChannelView **ret_channel) {
        int r;

        r = client_get_snapshot(ctl, ret);
        if (r != EXIT_OK)
                return r;
        for (size_t i = 0; i < ret->n_channels; i++) {
                ChannelView *c = ret->channels + i;
                bool is_named = strcasecmp(c->name, name) == 0;

                if (!is_named && !streq(c->id, name))
                        continue;
                if (is_named && is_closed(c) && i + 1 < ret->n_channels &&
                    streq(c->name, c[1].name))
                        return client_fail_as(
                                ctl, "Conflict", EXIT_REFUSED,
                                _("More than one channel of the name %s is closed here; "
                                  "say which by its id: p2pchatctl status %s"),
                                name, name);
                *ret_channel = c;
                return EXIT_OK;
        }
        if (!ret->account.path)
                return client_fail_as(ctl, "NotSignedIn", EXIT_NO_DAEMON,
                                      _("No tracker is set; try: p2pchatctl tracker ADDRESS"));
        if (!ret->account.username || !*ret->account.username)
                return client_fail_as(
                        ctl, "NotSignedIn", EXIT_NO_DAEMON,
                        _("Nobody is signed in; try: p2pchatctl signin NAME, or signup NAME"));
        return client_fail_as(ctl, "NoSuchChannel", EXIT_NO_SUCH,
                              _("You are in no channel %s; try: p2pchatctl join %s"), name, name);
}

int client_get_rules(Ctl *ctl, const char *name, Snapshot *ret, ChannelView **ret_channel) {
        const ChannelView *c;
        int r;

        r = client_get_channel(ctl, name, ret, ret_channel);
        if (r != EXIT_OK)
                return r;
        c = *ret_channel;
        if (c->hosted || c->synced_seq > 0)
                return EXIT_OK;
        return client_fail_as(ctl, "HostOffline", EXIT_FAILED,
                              _("Nothing of %s has come here yet, and so nobody knows its rules "
                                "here; how it is: p2pchatctl status %s"),
                              c->name, c->name);
}

int client_find_channel(Ctl *ctl, const char *name, char **ret_path) {
        _cleanup_(snapshot_done) Snapshot s = {};
        ChannelView *c;
        int r;

        r = client_get_channel(ctl, name, &s, &c);
        if (r == EXIT_OK)
                *ret_path = TAKE_PTR(c->path);
        return r;
}

int client_set_ignored(Ctl *ctl, const char *path, char **names) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = client_new_set(ctl, FACE_CHANNEL, path, "Ignored", &m);
        if (r != EXIT_OK)
                return r;
        r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_append_strv(m, names);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? client_fail(ctl, NULL, r) : client_call(ctl, m, 0, NULL);
}

int client_set_notify(Ctl *ctl, const char *path, const char *notify) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = client_new_set(ctl, FACE_CHANNEL, path, "Notify", &m);
        if (r != EXIT_OK)
                return r;
        r = sd_bus_message_append(m, "v", "s", notify);
        return r < 0 ? client_fail(ctl, NULL, r) : client_call(ctl, m, 0, NULL);
}
