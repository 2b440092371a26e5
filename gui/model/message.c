/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows one row of a conversation: an entry of the log, or a text that waits to be one; leaves
 * where it comes from to history.h and outbox.h. */
#include "gui/model/message.h"

#include <string.h>

#include "base/mention.h"
#include "gui/model/error.h"
#include "gui/model/now.h"
#include "gui/model/text.h"
#include "gui/model/words.h"

/* All that "changed" tells of. */
typedef struct Shown {
        ChatMessageState state;
        char *id, *kind, *sender, *text, *reason;
        gint64 time;
        gboolean is_guest, is_own, is_removed, is_hidden, mentions_own;
        gboolean begins_day, begins_group, begins_unread;
} Shown;

struct _ChatMessage {
        GObject parent;
        guint64 seq;
        Shown shown;
};

enum { SIGNAL_CHANGED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(ChatMessage, chat_message, G_TYPE_OBJECT)

static void shown_done(Shown *s) {
        g_free(s->id);
        g_free(s->kind);
        g_free(s->sender);
        g_free(s->text);
        g_free(s->reason);
}

static gboolean shown_equal(const Shown *a, const Shown *b) {
        return a->state == b->state && a->time == b->time && a->is_guest == b->is_guest &&
               a->is_own == b->is_own && a->is_removed == b->is_removed &&
               a->is_hidden == b->is_hidden && a->mentions_own == b->mentions_own &&
               a->begins_day == b->begins_day && a->begins_group == b->begins_group &&
               a->begins_unread == b->begins_unread && g_strcmp0(a->id, b->id) == 0 &&
               g_strcmp0(a->kind, b->kind) == 0 && g_strcmp0(a->sender, b->sender) == 0 &&
               g_strcmp0(a->text, b->text) == 0 && g_strcmp0(a->reason, b->reason) == 0;
}

/* Takes what shown owns. */
static void take_shown(ChatMessage *self, Shown *shown) {
        Shown before = self->shown;

        self->shown = *shown;
        if (!shown_equal(&before, shown))
                g_signal_emit(self, signals[SIGNAL_CHANGED], 0);
        shown_done(&before);
}

/* What a row is grouped by. */
typedef struct Place {
        const char *kind, *sender, *user_type;
        gint64 time;
} Place;

static gint64 time_of(guint64 usec) {
        return (gint64) MIN(usec, (guint64) G_MAXINT64);
}

static void place_read(Place *p, GVariant *entry) {
        guint64 time;

        g_variant_get(entry, "(t&s&s&s&sta{sv})", NULL, NULL, &p->kind, &p->sender, &p->user_type,
                      &time, NULL);
        p->time = time_of(time);
}

static void stand_behind(Shown *shown, const Place *here, GVariant *before) {
        Place there;

        if (!before) {
                shown->begins_day = shown->begins_group = TRUE;
                return;
        }
        place_read(&there, before);
        shown->begins_day = !chat_is_same_day(here->time, there.time);
        shown->begins_group = shown->begins_day || !g_str_equal(here->kind, there.kind) ||
                              !g_str_equal(here->kind, "message") ||
                              !g_str_equal(here->sender, there.sender) ||
                              !g_str_equal(here->user_type, there.user_type) ||
                              here->time - there.time > CHAT_MESSAGE_GROUP_USEC;
}

static void read_removed(Shown *shown, GVariant *extra) {
        g_autoptr(GVariant) redacted =
                g_variant_lookup_value(extra, "redacted", G_VARIANT_TYPE_VARDICT);
        const char *by = "", *reason = "";
        guint64 days = 0;

        if (redacted) {
                g_variant_lookup(redacted, "by", "&s", &by);
                g_variant_lookup(redacted, "reason", "&s", &reason);
                g_variant_lookup(redacted, CHAT_MESSAGE_EXPIRED, "t", &days);
        }
        shown->is_removed = TRUE;
        shown->text = days > 0 ? chat_words_expired(days) : chat_words_removed(by, reason);
}

static void read_message(Shown *shown, GVariant *extra, const char *own) {
        gboolean is_hidden = FALSE;
        const char *text;

        if (g_variant_lookup(extra, "hidden", "b", &is_hidden) && is_hidden) {
                shown->is_hidden = TRUE;
                shown->text = g_strdup(chat_words_hidden());
        } else if (!g_variant_lookup(extra, "text", "&s", &text))
                read_removed(shown, extra);
        else {
                shown->text = chat_text(text);
                shown->mentions_own =
                        !shown->is_own && own && *own && mention_is_in(text, strlen(text), own);
        }
}

void chat_message_fill(ChatMessage *self, GVariant *entry, GVariant *before, const char *own) {
        Shown shown = {
                .state = CHAT_MESSAGE_STORED,
                .reason = g_strdup(""),
                .begins_unread = self->shown.begins_unread,
        };
        g_autoptr(GVariant) extra = g_variant_get_child_value(entry, 6);
        Place here;

        place_read(&here, entry);
        g_variant_get_child(entry, 1, "s", &shown.id);
        shown.kind = g_strdup(here.kind);
        shown.sender = g_strdup(here.sender);
        shown.time = here.time;
        shown.is_guest = g_str_equal(here.user_type, "guest");
        shown.is_own = own && *own && g_str_equal(here.sender, own);
        if (g_str_equal(here.kind, "message"))
                read_message(&shown, extra, own);
        else
                shown.text = chat_words_governance(entry);
        stand_behind(&shown, &here, before);
        take_shown(self, &shown);
}

void chat_message_remove(ChatMessage *self, const char *words) {
        if (self->shown.state != CHAT_MESSAGE_STORED || self->shown.is_removed ||
            chat_message_is_governance(self))
                return;
        g_free(self->shown.text);
        self->shown.text = g_strdup(words);
        self->shown.is_removed = TRUE;
        self->shown.is_hidden = self->shown.mentions_own = FALSE;
        g_signal_emit(self, signals[SIGNAL_CHANGED], 0);
}

void chat_message_take_row(ChatMessage *self, GVariant *row) {
        g_autoptr(GVariant) extra = g_variant_get_child_value(row, 5);
        const char *id, *text, *state, *error = "";
        guint64 queued;
        Shown shown;

        g_variant_get(row, "(&s&stu&sa{sv})", &id, &text, &queued, NULL, &state, NULL);
        g_variant_lookup(extra, "error", "&s", &error);
        shown = (Shown){
                .state = g_str_equal(state, "failed") ? CHAT_MESSAGE_FAILED : CHAT_MESSAGE_QUEUED,
                .id = g_strdup(id),
                .kind = g_strdup("message"),
                .sender = g_strdup(self->shown.sender),
                .text = chat_text(text),
                .reason = g_str_equal(state, "failed") ? chat_error_refusal(error) : g_strdup(""),
                .time = time_of(queued),
                .is_guest = g_str_has_prefix(self->shown.sender, "guest-"),
                .is_own = TRUE,
                .begins_group = self->shown.begins_group,
        };
        take_shown(self, &shown);
}

ChatMessageState chat_message_get_state(ChatMessage *self) {
        return self->shown.state;
}

guint64 chat_message_get_seq(ChatMessage *self) {
        return self->seq;
}

const char *chat_message_get_id(ChatMessage *self) {
        return self->shown.id;
}

const char *chat_message_get_kind(ChatMessage *self) {
        return self->shown.kind;
}

const char *chat_message_get_sender(ChatMessage *self) {
        return self->shown.sender;
}

gboolean chat_message_is_guest(ChatMessage *self) {
        return self->shown.is_guest;
}

gboolean chat_message_is_own(ChatMessage *self) {
        return self->shown.is_own;
}

gint64 chat_message_get_time(ChatMessage *self) {
        return self->shown.time;
}

const char *chat_message_get_text(ChatMessage *self) {
        return self->shown.text;
}

gboolean chat_message_is_governance(ChatMessage *self) {
        return self->shown.state == CHAT_MESSAGE_STORED &&
               !g_str_equal(self->shown.kind, "message");
}

gboolean chat_message_is_removed(ChatMessage *self) {
        return self->shown.is_removed;
}

gboolean chat_message_is_hidden(ChatMessage *self) {
        return self->shown.is_hidden;
}

gboolean chat_message_mentions_own(ChatMessage *self) {
        return self->shown.mentions_own;
}

const char *chat_message_get_reason(ChatMessage *self) {
        return self->shown.reason;
}

gboolean chat_message_begins_day(ChatMessage *self) {
        return self->shown.begins_day;
}

gboolean chat_message_begins_group(ChatMessage *self) {
        return self->shown.begins_group;
}

gboolean chat_message_begins_unread(ChatMessage *self) {
        return self->shown.begins_unread;
}

static void set_flag(ChatMessage *self, gboolean *flag, gboolean value) {
        if (*flag == value)
                return;
        *flag = value;
        g_signal_emit(self, signals[SIGNAL_CHANGED], 0);
}

void chat_message_set_begins_group(ChatMessage *self, gboolean begins) {
        set_flag(self, &self->shown.begins_group, begins);
}

void chat_message_set_begins_unread(ChatMessage *self, gboolean begins) {
        set_flag(self, &self->shown.begins_unread, begins);
}

static void chat_message_finalize(GObject *object) {
        shown_done(&CHAT_MESSAGE(object)->shown);
        G_OBJECT_CLASS(chat_message_parent_class)->finalize(object);
}

static void chat_message_init(ChatMessage *self) {
        char **strings[] = { &self->shown.id, &self->shown.kind, &self->shown.sender,
                             &self->shown.text, &self->shown.reason };

        for (gsize i = 0; i < G_N_ELEMENTS(strings); i++)
                *strings[i] = g_strdup("");
}

ChatMessage *chat_message_new(guint64 seq) {
        ChatMessage *self = g_object_new(CHAT_TYPE_MESSAGE, NULL);

        self->seq = seq;
        return self;
}

ChatMessage *chat_message_new_outbox(GVariant *row, const char *username) {
        ChatMessage *self = g_object_new(CHAT_TYPE_MESSAGE, NULL);

        g_free(self->shown.sender);
        self->shown.sender = g_strdup(username ?: "");
        chat_message_take_row(self, row);
        return self;
}

static void chat_message_class_init(ChatMessageClass *class) {
        G_OBJECT_CLASS(class)->finalize = chat_message_finalize;
        signals[SIGNAL_CHANGED] = g_signal_new("changed", CHAT_TYPE_MESSAGE, G_SIGNAL_RUN_LAST, 0,
                                               NULL, NULL, NULL, G_TYPE_NONE, 0);
}
