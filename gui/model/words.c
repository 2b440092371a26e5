/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what happens in a channel as sentences and short words in the person's language; leaves
 * where they stand to the view. */
#include "gui/model/words.h"

#include <inttypes.h>

#include "gui/i18n.h"
#include "gui/model/now.h"
#include "gui/model/text.h"

/* What an entry says beside its sender; strings are "" where it does not say them. */
typedef struct Said {
        char *who, *target, *reason, *topic;
        const char *role, *view, *send;
        guint64 target_seq, until, days, rate, burst;
        gboolean has_days, has_rate, has_burst;
} Said;

static const char *lookup_string(GVariant *extra, const char *key) {
        const char *s;

        return g_variant_lookup(extra, key, "&s", &s) ? s : "";
}

static void said_read(Said *said, const char *sender, GVariant *extra) {
        *said = (Said){
                .who = chat_isolate(sender),
                .target = chat_isolate(lookup_string(extra, "target")),
                .reason = chat_isolate(lookup_string(extra, "reason")),
                .topic = chat_isolate(lookup_string(extra, "topic")),
                .role = lookup_string(extra, "role"),
                .view = lookup_string(extra, "view_permission"),
                .send = lookup_string(extra, "send_permission"),
        };
        g_variant_lookup(extra, "target_seq", "t", &said->target_seq);
        g_variant_lookup(extra, "until", "t", &said->until);
        said->has_days = g_variant_lookup(extra, "retention_days", "t", &said->days);
        said->has_rate = g_variant_lookup(extra, "message_rate", "t", &said->rate);
        said->has_burst = g_variant_lookup(extra, "message_burst", "t", &said->burst);
        if (!*said->target) {
                g_free(said->target);
                said->target = g_strdup(_("somebody"));
        }
}

static void said_done(Said *said) {
        g_free(said->who);
        g_free(said->target);
        g_free(said->reason);
        g_free(said->topic);
}

static void take_part(GPtrArray *parts, char *part) {
        g_ptr_array_insert(parts, (int) parts->len - 1, part);
}

/* One that is not known is its host's own word. */
static char *rule(const char *permission, const char *(*say)(const char *permission)) {
        const char *said = say(permission);

        return said == permission ? chat_isolate(permission) : g_strdup(said);
}

static char *tell_rules(const Said *said) {
        g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);
        g_autofree char *all = NULL;

        g_ptr_array_add(parts, NULL);
        if (*said->view)
                take_part(parts, rule(said->view, chat_words_view_permission));
        if (*said->send)
                take_part(parts, rule(said->send, chat_words_send_permission));
        if (said->has_days && said->days == 0)
                take_part(parts, g_strdup(_("messages are kept for ever")));
        else if (said->has_days)
                take_part(parts, g_strdup_printf(ngettext("messages are kept for %" PRIu64 " day",
                                                          "messages are kept for %" PRIu64 " days",
                                                          said->days),
                                                 said->days));
        if (said->has_rate && said->rate == 0)
                take_part(parts, g_strdup(_("messages may follow each other at any speed")));
        else if (said->has_rate)
                take_part(parts, g_strdup_printf(ngettext("%" PRIu64 " message a second from each",
                                                          "%" PRIu64 " messages a second from each",
                                                          said->rate),
                                                 said->rate));
        if (said->has_burst)
                take_part(parts,
                          g_strdup_printf(ngettext("%" PRIu64 " message at once",
                                                   "%" PRIu64 " messages at once", said->burst),
                                          said->burst));
        if (parts->len == 1)
                return g_strdup_printf(_("%s changed the rules"), said->who);
        /* What stands between the rules of a channel that were changed together. */
        all = g_strjoinv(_("; "), (char **) parts->pdata);
        return g_strdup_printf(_("%s changed the rules: %s"), said->who, all);
}

static char *tell_unknown(const Said *said, const char *kind) {
        g_autofree char *isolated = chat_isolate(kind);

        return g_strdup_printf(_("%s did what only a later version knows: %s"), said->who,
                               isolated);
}

static char *tell_role(const Said *said) {
        if (g_str_equal(said->role, "moderator"))
                return g_strdup_printf(_("%s made %s a moderator"), said->who, said->target);
        if (g_str_equal(said->role, "member"))
                return g_strdup_printf(_("%s made %s a member"), said->who, said->target);
        if (g_str_equal(said->role, "owner"))
                return g_strdup_printf(_("%s made %s the owner"), said->who, said->target);
        if (g_str_equal(said->role, "none"))
                return g_strdup_printf(_("%s took the role from %s"), said->who, said->target);
        return tell_unknown(said, "role");
}

static char *tell_create(const Said *said) {
        return g_strdup_printf(_("%s created the channel"), said->who);
}

static char *tell_host(const Said *said) {
        return g_strdup_printf(_("%s hosts the channel now"), said->who);
}

static char *tell_topic(const Said *said) {
        if (!*said->topic)
                return g_strdup_printf(_("%s removed the topic"), said->who);
        return g_strdup_printf(_("%s set the topic: %s"), said->who, said->topic);
}

static char *tell_kick(const Said *said) {
        return g_strdup_printf(_("%s sent %s out"), said->who, said->target);
}

static char *tell_ban(const Said *said) {
        g_autofree char *until =
                chat_date_and_time((gint64) MIN(said->until, (guint64) G_MAXINT64));

        if (said->until == 0 || !*until)
                return g_strdup_printf(_("%s banned %s"), said->who, said->target);
        return g_strdup_printf(_("%s banned %s until %s"), said->who, said->target, until);
}

static char *tell_unban(const Said *said) {
        return g_strdup_printf(_("%s lifted the ban of %s"), said->who, said->target);
}

static char *tell_redact(const Said *said) {
        return g_strdup_printf(_("%s removed a message"), said->who);
}

static const struct {
        const char *kind;
        char *(*tell)(const Said *said);
} kinds[] = {
        { "create", tell_create }, { "host", tell_host },   { "topic", tell_topic },
        { "view", tell_rules },    { "role", tell_role },   { "kick", tell_kick },
        { "ban", tell_ban },       { "unban", tell_unban }, { "redact", tell_redact },
};

static char *tell(const char *kind, const Said *said) {
        for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
                if (g_str_equal(kinds[i].kind, kind))
                        return kinds[i].tell(said);
        return tell_unknown(said, kind);
}

char *chat_words_governance(GVariant *entry) {
        g_autoptr(GVariant) extra = NULL;
        g_autofree char *sentence = NULL;
        const char *kind, *sender;
        char *told;
        Said said;

        g_variant_get(entry, "(t&s&s&s&st@a{sv})", NULL, NULL, &kind, &sender, NULL, NULL, &extra);
        said_read(&said, sender, extra);
        sentence = tell(kind, &said);
        /* What was done, and in parentheses why. */
        told = *said.reason ? g_strdup_printf(_("%s (%s)"), sentence, said.reason)
                            : g_steal_pointer(&sentence);
        said_done(&said);
        return told;
}

char *chat_words_removed(const char *by, const char *reason) {
        g_autofree char *who = chat_isolate(by), *why = chat_isolate(reason);

        if (*who && *why)
                return g_strdup_printf(_("Removed by %s: %s"), who, why);
        if (*who)
                return g_strdup_printf(_("Removed by %s"), who);
        return *why ? g_strdup_printf(_("Removed: %s"), why) : g_strdup(_("Removed"));
}

char *chat_words_expired(guint64 days) {
        return g_strdup_printf(ngettext("Removed: messages are kept for %" PRIu64 " day here",
                                        "Removed: messages are kept for %" PRIu64 " days here",
                                        days),
                               days);
}

const char *chat_words_hidden(void) {
        return _("A message of somebody you ignore");
}

typedef struct Word {
        const char *word, *said;
} Word;

static const char *translate(const Word *words, gsize n, const char *word) {
        for (gsize i = 0; i < n; i++)
                if (g_str_equal(words[i].word, word))
                        return _(words[i].said);
        return word;
}

const char *chat_words_state(const char *state) {
        static const Word words[] = {
                { "offline", N_("Offline") },     { "connecting", N_("Connecting") },
                { "syncing", N_("Catching up") }, { "live", N_("Online") },
                { "denied", N_("No access") },    { "diverged", N_("Not the same log") },
                { "closed", N_("Closed") },
        };

        return translate(words, G_N_ELEMENTS(words), state);
}

const char *chat_words_reason(const char *reason) {
        static const Word words[] = {
                { "host-offline", N_("its host is offline") },
                { "moved", N_("it is hosted elsewhere now") },
                { "unhosted", N_("it is not hosted now") },
                { "disconnected", N_("you disconnected it") },
                { "hosted-elsewhere", N_("another device of yours hosts it") },
                { "seen-there", N_("its host cannot keep you invisible") },
                { "another-channel", N_("its name means another channel now") },
                { "new-log", N_("its name means a new log of the same owner now") },
                { "restored", N_("it comes from a backup") },
                { "behind", N_("what is here lacks what members have seen") },
                { "left", N_("you left it") },
                { "kicked", N_("you were sent out") },
                { "replaced", N_("another connection of yours took its place") },
                { "banned", N_("you are banned") },
                { "restricted", N_("it is restricted") },
                { "shorter-log", N_("the host’s log is shorter than the one here") },
                { "other-entry", N_("the host’s log has other entries than the one here") },
                { "broken-log", N_("the host’s log has a hole") },
                { "delisted", N_("it was taken out of the directory") },
        };

        return translate(words, G_N_ELEMENTS(words), reason);
}

const char *chat_words_role(const char *role) {
        static const Word words[] = {
                { "none", N_("No role") },
                { "member", N_("Member") },
                { "moderator", N_("Moderator") },
                { "owner", N_("Owner") },
        };

        return translate(words, G_N_ELEMENTS(words), role);
}

const char *chat_words_view_permission(const char *permission) {
        static const Word words[] = {
                { "public", N_("everybody may read") },
                { "restricted", N_("members may read") },
        };

        return translate(words, G_N_ELEMENTS(words), permission);
}

const char *chat_words_send_permission(const char *permission) {
        static const Word words[] = {
                { "everyone", N_("everybody may write") },
                { "registered", N_("registered users may write") },
                { "members", N_("members may write") },
        };

        return translate(words, G_N_ELEMENTS(words), permission);
}
