/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the people of a channel: who is there now, who has a role, and for moderators who is
 * banned; leaves what is done to them to moderation.h. */
#include "gui/model/roster.h"

#include "dbus/names.h"
#include "gui/i18n.h"
#include "gui/model/moderation.h"
#include "gui/model/now.h"
#include "gui/model/text.h"

/* What is heard in so short a time is answered by one look. */
#define LOOK_MS 200

struct _ChatRoster {
        GObject parent;
        ChatChannel *channel;
        GPtrArray *members; /* of ChatMember, in order */
        GCancellable *cancellable;
        guint look;         /* a source: it is read anew soon */
        gboolean is_asking, is_stale;
        GHashTable *answer; /* what comes now: "b" or "m" and the name → ChatMember */
        guint n;            /* of the list that is read, so far */
        guint online;
        char *error;
};

enum { PROP_0, PROP_LOADING, PROP_ERROR, PROP_ONLINE, N_PROPERTIES };
static GParamSpec *specs[N_PROPERTIES];

static GType roster_get_item_type(GListModel *model) {
        return CHAT_TYPE_MEMBER;
}

static guint roster_get_n_items(GListModel *model) {
        return CHAT_ROSTER(model)->members->len;
}

static gpointer roster_get_item(GListModel *model, guint position) {
        GPtrArray *members = CHAT_ROSTER(model)->members;

        return position < members->len ? g_object_ref(members->pdata[position]) : NULL;
}

static void roster_list_init(GListModelInterface *interface) {
        interface->get_item_type = roster_get_item_type;
        interface->get_n_items = roster_get_n_items;
        interface->get_item = roster_get_item;
}

G_DEFINE_FINAL_TYPE_WITH_CODE(ChatRoster, chat_roster, G_TYPE_OBJECT,
                              G_IMPLEMENT_INTERFACE(G_TYPE_LIST_MODEL, roster_list_init))

guint chat_roster_get_online(ChatRoster *self) {
        return self->online;
}

const char *chat_roster_get_error(ChatRoster *self) {
        return self->error;
}

static void set_error(ChatRoster *self, const char *error) {
        if (g_str_equal(self->error, error))
                return;
        g_free(self->error);
        self->error = g_strdup(error);
        g_object_notify_by_pspec(G_OBJECT(self), specs[PROP_ERROR]);
}

static void set_asking(ChatRoster *self, gboolean is_asking) {
        if (self->is_asking == is_asking)
                return;
        self->is_asking = is_asking;
        g_object_notify_by_pspec(G_OBJECT(self), specs[PROP_LOADING]);
}

/* Who is in both a role's list and the channel is told once, as who is there. */
static void take_member(ChatRoster *self, char sort, ChatMember *member) {
        g_autofree char *key = g_strdup_printf("%c%s", sort, chat_member_get_username(member));

        if (g_hash_table_contains(self->answer, key))
                g_object_unref(member);
        else
                g_hash_table_insert(self->answer, g_steal_pointer(&key), member);
}

static int compare(gconstpointer a, gconstpointer b) {
        return chat_member_compare(*(ChatMember *const *) a, *(ChatMember *const *) b);
}

/* Says only what differs; who is the same stays the same object. */
static void take_answer(ChatRoster *self) {
        GPtrArray *before = self->members;
        GPtrArray *now = g_ptr_array_new_with_free_func(g_object_unref);
        guint begin = 0, end = 0, n, online = 0;
        GHashTableIter iter;
        gpointer member;

        g_hash_table_iter_init(&iter, self->answer);
        while (g_hash_table_iter_next(&iter, NULL, &member)) {
                g_ptr_array_add(now, g_object_ref(member));
                online += chat_member_get_presence(member) <= CHAT_PRESENCE_AWAY;
        }
        g_hash_table_remove_all(self->answer);
        g_ptr_array_sort(now, compare);
        n = MIN(before->len, now->len);
        while (begin < n && chat_member_equal(before->pdata[begin], now->pdata[begin])) {
                g_set_object((ChatMember **) &now->pdata[begin], before->pdata[begin]);
                begin++;
        }
        while (end < n - begin && chat_member_equal(before->pdata[before->len - 1 - end],
                                                    now->pdata[now->len - 1 - end])) {
                g_set_object((ChatMember **) &now->pdata[now->len - 1 - end],
                             before->pdata[before->len - 1 - end]);
                end++;
        }
        self->members = now;
        if (begin + end < before->len || begin + end < now->len)
                g_list_model_items_changed(G_LIST_MODEL(self), begin, before->len - begin - end,
                                           now->len - begin - end);
        g_ptr_array_unref(before);
        if (self->online != online) {
                self->online = online;
                g_object_notify_by_pspec(G_OBJECT(self), specs[PROP_ONLINE]);
        }
}

/* ---- the three lists, one after the other ---- */

static void take_present(ChatRoster *self, GVariant *row) {
        const char *username, *type, *role, *status;

        g_variant_get(row, "(&s&s&s&sa{sv})", &username, &type, &role, &status, NULL);
        take_member(self, 'm',
                    chat_member_new(username, g_str_equal(type, "guest"), role,
                                    g_str_equal(status, "away") ? CHAT_PRESENCE_AWAY
                                                                : CHAT_PRESENCE_ONLINE,
                                    ""));
}

static void take_authorized(ChatRoster *self, GVariant *row) {
        const char *username, *role;

        g_variant_get(row, "(&s&sta{sv})", &username, &role, NULL, NULL);
        take_member(self, 'm',
                    chat_member_new(username, FALSE, role, CHAT_PRESENCE_OFFLINE, ""));
}

static char *tell_ban(const char *by, const char *reason, guint64 until) {
        g_autofree char *who = chat_isolate(by), *why = chat_isolate(reason);
        g_autofree char *end = until > 0 && until <= G_MAXINT64
                                       ? chat_date_and_time((gint64) until)
                                       : g_strdup("");
        g_autofree char *begin = *end ? g_strdup_printf(_("Banned by %s until %s"), who, end)
                                      : g_strdup_printf(_("Banned by %s"), who);

        /* What was done, and why. */
        return *why ? g_strdup_printf(_("%s: %s"), begin, why) : g_steal_pointer(&begin);
}

static void take_banned(ChatRoster *self, GVariant *row) {
        g_autoptr(GVariant) extra = NULL;
        g_autofree char *note = NULL;
        const char *username, *by, *reason, *type = "";
        guint64 until;

        g_variant_get(row, "(&s&s&st@a{sv})", &username, &by, &reason, &until, &extra);
        g_variant_lookup(extra, "user_type", "&s", &type);
        note = tell_ban(by, reason, until);
        take_member(self, 'b',
                    chat_member_new(username, g_str_equal(type, "guest"), "none",
                                    CHAT_PRESENCE_BANNED, note));
}

static const struct {
        const char *interface, *method, *reply;
        void (*take)(ChatRoster *self, GVariant *row);
        gboolean is_for_moderators;
} lists[] = {
        { P2PCHAT_INTERFACE_CHANNEL, "GetMembers", "(a(ssssa{sv})s)", take_present, FALSE },
        { P2PCHAT_INTERFACE_MODERATION, "ListAuthorized", "(a(ssta{sv})s)", take_authorized,
          FALSE },
        { P2PCHAT_INTERFACE_MODERATION, "ListBanned", "(a(sssta{sv})s)", take_banned, TRUE },
};

typedef struct Request {
        ChatRoster *self; /* not owned: cancelled before it goes */
        gsize list;
} Request;

static void begin(ChatRoster *self);

static void on_rows(GObject *source, GAsyncResult *result, gpointer userdata);

static void ask(ChatRoster *self, gsize list, const char *after) {
        Request *q = g_new0(Request, 1);
        GVariantBuilder options;

        q->self = self;
        q->list = list;
        g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
        if (*after)
                g_variant_builder_add(&options, "{sv}", "after", g_variant_new_string(after));
        else
                self->n = 0;
        chat_remote_call_async(CHAT_REMOTE(self->channel), lists[list].interface,
                               lists[list].method, g_variant_new("(a{sv})", &options),
                               G_VARIANT_TYPE(lists[list].reply), self->cancellable, on_rows, q);
}

static void end(ChatRoster *self, const char *error) {
        set_asking(self, FALSE);
        set_error(self, error);
        if (self->is_stale)
                begin(self);
}

/* The owner may be away, and is in no list then. */
static void take_owner(ChatRoster *self) {
        const char *owner = chat_remote_string(CHAT_REMOTE(self->channel), "Owner");

        if (*owner)
                take_member(self, 'm',
                            chat_member_new(owner, FALSE, "owner", CHAT_PRESENCE_OFFLINE, ""));
}

static void on_rows(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autofree Request *q = userdata;
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = chat_remote_call_finish(CHAT_REMOTE(source), result, &error);
        g_autoptr(GVariant) rows = NULL;
        g_autoptr(ChatRoster) self = NULL;
        const char *next = "";
        gsize list = q->list;

        if (!reply && chat_error_is_cancelled(error))
                return; /* who asked is gone */
        self = g_object_ref(q->self);
        if (!reply) {
                end(self, error->message);
                return;
        }
        rows = g_variant_get_child_value(reply, 0);
        for (gsize i = 0; i < g_variant_n_children(rows); i++) {
                g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);
                lists[list].take(self, row);
                self->n++;
        }
        g_variant_get_child(reply, 1, "&s", &next);
        if (*next && g_variant_n_children(rows) > 0 && self->n < CHAT_ROSTER_MAX) {
                ask(self, list, next);
                return;
        }
        for (list++; list < G_N_ELEMENTS(lists); list++)
                if (!lists[list].is_for_moderators || chat_channel_is_ruled_by_us(self->channel)) {
                        ask(self, list, "");
                        return;
                }
        take_owner(self);
        take_answer(self);
        end(self, "");
}

static void begin(ChatRoster *self) {
        self->is_stale = FALSE;
        g_hash_table_remove_all(self->answer);
        set_asking(self, TRUE);
        ask(self, 0, "");
}

static gboolean on_look(gpointer userdata) {
        ChatRoster *self = userdata;

        self->look = 0;
        if (self->is_asking)
                self->is_stale = TRUE;
        else if (!chat_remote_get_away(CHAT_REMOTE(self->channel)) &&
                 g_str_equal(chat_channel_get_state(self->channel), "live"))
                begin(self);
        return G_SOURCE_REMOVE;
}

void chat_roster_refresh(ChatRoster *self) {
        if (self->look == 0)
                self->look = g_timeout_add(LOOK_MS, on_look, self);
}

static void chat_roster_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
        ChatRoster *self = CHAT_ROSTER(object);

        switch (id) {
        case PROP_LOADING:
                g_value_set_boolean(value, self->is_asking);
                return;
        case PROP_ERROR:
                g_value_set_string(value, self->error);
                return;
        case PROP_ONLINE:
                g_value_set_uint(value, self->online);
                return;
        }
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void chat_roster_dispose(GObject *object) {
        ChatRoster *self = CHAT_ROSTER(object);

        g_cancellable_cancel(self->cancellable);
        g_clear_handle_id(&self->look, g_source_remove);
        G_OBJECT_CLASS(chat_roster_parent_class)->dispose(object);
}

static void chat_roster_finalize(GObject *object) {
        ChatRoster *self = CHAT_ROSTER(object);

        g_object_unref(self->cancellable);
        g_ptr_array_unref(self->members);
        g_hash_table_unref(self->answer);
        g_object_unref(self->channel);
        g_free(self->error);
        G_OBJECT_CLASS(chat_roster_parent_class)->finalize(object);
}

static void chat_roster_init(ChatRoster *self) {
        self->cancellable = g_cancellable_new();
        self->members = g_ptr_array_new_with_free_func(g_object_unref);
        self->answer = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_object_unref);
        self->error = g_strdup("");
}

ChatRoster *chat_roster_new(ChatChannel *channel) {
        static const char *const heard[] = { "members-changed", "refreshed", "notify::state",
                                             "notify::role",    "notify::members-online" };
        ChatRoster *self = g_object_new(CHAT_TYPE_ROSTER, NULL);

        self->channel = g_object_ref(channel);
        for (gsize i = 0; i < G_N_ELEMENTS(heard); i++)
                g_signal_connect_object(channel, heard[i], G_CALLBACK(chat_roster_refresh), self,
                                        G_CONNECT_SWAPPED);
        chat_roster_refresh(self);
        return self;
}

static void chat_roster_class_init(ChatRosterClass *class) {
        GObjectClass *object_class = G_OBJECT_CLASS(class);
        const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

        object_class->get_property = chat_roster_get_property;
        object_class->dispose = chat_roster_dispose;
        object_class->finalize = chat_roster_finalize;
        specs[PROP_LOADING] = g_param_spec_boolean("loading", NULL, NULL, FALSE, flags);
        specs[PROP_ERROR] = g_param_spec_string("error", NULL, NULL, "", flags);
        specs[PROP_ONLINE] = g_param_spec_uint("online", NULL, NULL, 0, G_MAXUINT, 0, flags);
        g_object_class_install_properties(object_class, N_PROPERTIES, specs);
}
