# SPDX-License-Identifier: LGPL-2.1-or-later
"""What test-message.c must find."""
MESSAGE = "gui/model/message.c"

FAULTS = [
    (MESSAGE, "if («!shown_equal(&before, shown)»)\n", {
        "message-same-is-change": ("TRUE", "test_changed"),
        "message-change-unsaid": ("FALSE", "test_changed"),
    }),
    (MESSAGE, "return «(gint64) MIN(usec, (guint64) G_MAXINT64)»;", {
        "message-time-below-0": ("(gint64) usec", "test_end_of_time"),
    }),
    (MESSAGE, "if (!before) {\n                «shown->begins_day = shown->begins_group = TRUE;»", {
        "message-first-without-day": ("shown->begins_group = TRUE;", "test_message"),
        "message-first-without-sender": ("shown->begins_day = TRUE;", "test_message"),
    }),
    (MESSAGE, "shown->begins_day = «!chat_is_same_day(here->time, there.time)»;", {
        "message-day-untold": ("FALSE", "test_groups"),
        "message-day-by-a-day": ("ABS(here->time - there.time) >= G_GINT64_CONSTANT(86400000000)", "test_midnight"),
    }),
    (MESSAGE, "shown->begins_group = «shown->begins_day» ||", {"message-group-across-days": ("FALSE", "test_midnight")}),
    (MESSAGE, "«!g_str_equal(here->kind, there.kind)» ||", {"message-group-behind-topic": ("FALSE", "test_groups")}),
    (MESSAGE, "«!g_str_equal(here->kind, \"message\")» ||", {"message-topics-grouped": ("FALSE", "test_groups")}),
    (MESSAGE, "«!g_str_equal(here->sender, there.sender)» ||", {"message-senders-grouped": ("FALSE", "test_groups")}),
    (MESSAGE, "«!g_str_equal(here->user_type, there.user_type)» ||", {
        "message-guest-grouped": ("FALSE", "test_groups"),
    }),
    (MESSAGE, "«here->time - there.time > CHAT_MESSAGE_GROUP_USEC»;", {
        "message-group-without-end": ("FALSE", "test_groups"),
        "message-group-too-short": ("here->time - there.time >= CHAT_MESSAGE_GROUP_USEC", "test_groups"),
        "message-clock-back-is-far": ("ABS(here->time - there.time) > CHAT_MESSAGE_GROUP_USEC || "
                                      "here->time < there.time", "test_groups"),
    }),
    (MESSAGE, "shown->text = «days > 0» ?", {
        "message-age-unsaid": ("FALSE", "test_fields"),
        "message-age-of-no-days": ("TRUE", "test_fields"),
    }),
    (MESSAGE, "g_variant_lookup(extra, \"hidden\", \"b\", &is_hidden) && «is_hidden»)", {
        "message-not-hidden-is-hidden": ("TRUE", "test_fields"),
    }),
    (MESSAGE, "if («g_variant_lookup(extra, \"hidden\", \"b\", &is_hidden)» && is_hidden)", {
        "message-hidden-of-any-type": ("g_variant_lookup(extra, \"hidden\", \"*\", NULL) && (is_hidden = TRUE)",
                                       "test_fields"),
        "message-hidden-is-shown": ("FALSE", "test_fields"),
    }),
    (MESSAGE, "shown->text = «chat_text(text)»;", {"message-text-as-it-is": ("g_strdup(text)", "test_message")}),
    (MESSAGE, "«!shown->is_own» && own && *own && mention_is_in", {"message-mentions-oneself": ("TRUE", "test_own")}),
    (MESSAGE, "own && *own && «mention_is_in(text, strlen(text), own)»", {
        "message-mention-in-word": ("strstr(text, own) != NULL", "test_own"),
    }),
    (MESSAGE, ".begins_unread = «self->shown.begins_unread»", {"message-unread-line-lost": ("FALSE", "test_changed")}),
    (MESSAGE, "shown.is_guest = «g_str_equal(here.user_type, \"guest\")»;", {
        "message-guest-untold": ("FALSE", "test_end_of_time"),
        "message-all-guests": ("TRUE", "test_message"),
    }),
    (MESSAGE, "shown.is_own = own && «*own» && g_str_equal", {"message-nobodys-is-own": ("TRUE", "test_own")}),
    (MESSAGE, "&& «g_str_equal(here.sender, own)»;", {
        "message-own-of-any-case": ("g_ascii_strcasecmp(here.sender, own) == 0", "test_own"),
    }),
    (MESSAGE, "if («self->shown.state != CHAT_MESSAGE_STORED» || self->shown.is_removed ||", {
        "message-waiting-removed": ("FALSE", "test_outbox"),
        "message-unknown-removed": ("self->shown.state > CHAT_MESSAGE_STORED", "test_placeholder"),
    }),
    (MESSAGE, "|| «self->shown.is_removed» ||\n            chat", {"message-removed-twice": ("FALSE", "test_changed")}),
    (MESSAGE, "||\n            «chat_message_is_governance(self)»)", {
        "message-governance-removed": ("FALSE", "test_governance"),
    }),
    (MESSAGE, "«self->shown.is_hidden = self->shown.mentions_own = FALSE;»", {
        "message-removed-is-hidden": ("self->shown.mentions_own = FALSE;", "test_removed_hidden"),
        "message-removed-mentions": ("self->shown.is_hidden = FALSE;", "test_changed"),
    }),
    (MESSAGE, ".state = «g_str_equal(state, \"failed\")» ?", {"message-failed-waits": ("FALSE", "test_outbox")}),
    (MESSAGE, ".reason = «g_str_equal(state, \"failed\")» ?", {"message-waits-for-reason": ("TRUE", "test_outbox")}),
    (MESSAGE, "? «chat_error_refusal(error)» :", {"message-reason-as-it-is": ("g_strdup(error)", "test_refused")}),
    (MESSAGE, ".is_guest = «g_str_has_prefix(self->shown.sender, \"guest-\")»", {
        "message-own-guest-untold": ("FALSE", "test_outbox"),
    }),
    (MESSAGE, ".begins_group = «self->shown.begins_group»", {"message-row-without-group": ("FALSE", "test_outbox")}),
    (MESSAGE, "return «self->shown.state == CHAT_MESSAGE_STORED &&\n"
              "               !g_str_equal(self->shown.kind, \"message\")»;", {
        "message-of-no-kind-is-message": ("*self->shown.kind && !g_str_equal(self->shown.kind, \"message\")",
                                          "test_governance"),
        "message-placeholder-is-governance": ("!g_str_equal(self->shown.kind, \"message\")", "test_placeholder"),
    }),
    (MESSAGE, "if («*flag == value»)\n", {"message-flag-same-is-change": ("FALSE", "test_changed")}),
]
