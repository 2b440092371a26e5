/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a state that needs a person's decision is put into words: what happened, what is kept,
 * what can be done. Changes nothing. */
#include <inttypes.h>

#include "daemon/member/channel-member-internal.h"

static void explain_diverged(const ChannelMember *c, char *ret) {
        const StoredChannel *s = &c->stored;
        char what[160];

        if (streq(c->reason, "shorter-log"))
                snprintf(what, sizeof(what),
                         "its log there ends at entry %" PRIu64 ", the copy here at %" PRIu64 ".",
                         s->last_seq, member_since(c));
        else if (streq(c->reason, "broken-log"))
                snprintf(what, sizeof(what),
                         "twice what came did not continue the copy here from entry %" PRIu64
                         " on.",
                         s->diverged_seq);
        else
                snprintf(what, sizeof(what), "entry %" PRIu64 " is another one there than here.",
                         s->diverged_seq);
        snprintf(ret, STATE_TEXT_SIZE,
                 "The host has another log than the one that was seen here: %s The copy here is "
                 "kept and nothing is sent. To ask the host again: p2pchatctl join %s. To take its "
                 "log in place of the copy, and send what waits: p2pchatctl join --new-copy %s "
                 "(p2pchatctl log --json %s saves what is here).",
                 what, s->name, s->name, s->name);
}

static void explain_new_log(const StoredChannel *s, bool is_mine, char *ret) {
        snprintf(ret, STATE_TEXT_SIZE,
                 "%s now has another channel under this name: %s. What is held here can still be "
                 "read by the id %s; what waits in its outbox is sent to nobody. To go on: "
                 "p2pchatctl join %s; to say there what waits here, send it there, and cancel it "
                 "here.",
                 is_mine ? "Your account" : s->owner, s->successor, s->channel_id, s->name);
}

static void explain_other_owner(const StoredChannel *s, char *ret) {
        snprintf(ret, STATE_TEXT_SIZE,
                 "The name now means another channel, of another owner: %s. What is held here can "
                 "still be read by the id %s; what waits in its outbox is sent to nobody. It comes "
                 "back by itself should the name mean it again; to end it: p2pchatctl leave %s.",
                 s->successor, s->channel_id, s->channel_id);
}

/* In the host's words, where it has said more than that. */
static void explain_end(const ChannelMember *c, char *ret, const char *otherwise,
                        const char *what_next) {
        const char *words = c->words && c->words[0] ? c->words : otherwise;

        snprintf(ret, STATE_TEXT_SIZE, "%s%s What is here is kept, and ends here. %s %s.", words,
                 strchr(".!?", words[strlen(words) - 1]) ? "" : ".", what_next, c->stored.name);
}

void member_explain(const ChannelMember *c, char ret[static STATE_TEXT_SIZE]) {
        const StoredChannel *s = &c->stored;

        ret[0] = '\0';
        if (c->state == MEMBER_DIVERGED)
                explain_diverged(c, ret);
        else if (channel_member_is_displaced(c) && streq(c->reason, "new-log"))
                explain_new_log(s, streq(s->owner, c->me.username), ret);
        else if (channel_member_is_displaced(c))
                explain_other_owner(s, ret);
        else if (s->closed && streq(c->reason, "restored"))
                snprintf(ret, STATE_TEXT_SIZE,
                         "This log comes from a backup and may lack what members have seen, so it "
                         "is not served again. To begin a new log that follows it: p2pchatctl "
                         "host %s. If another computer of yours hosts it: p2pchatctl join %s.",
                         s->name, s->name);
        else if (s->closed && streq(c->reason, "behind"))
                snprintf(ret, STATE_TEXT_SIZE,
                         "The log here ends at entry %" PRIu64 ", the tracker has seen %" PRIu64
                         ": members have what is missing here, so it is not served. To begin a "
                         "new log that follows it: p2pchatctl host --new-log %s. If another "
                         "computer of yours hosts it: p2pchatctl join %s.",
                         s->synced_seq, s->last_seq, s->name, s->name);
        else if (streq(c->reason, "moved") && streq(s->owner, c->me.username))
                snprintf(ret, STATE_TEXT_SIZE,
                         "Another device of yours has become the host. This one goes on as a "
                         "member when that one can be reached.");
        else if (c->state == MEMBER_CLOSED && streq(c->reason, "replaced"))
                snprintf(ret, STATE_TEXT_SIZE,
                         "The same identity is in use by another computer, which came later: leave "
                         "it to that one, or sign in anew here, which makes a key of its own: "
                         "p2pchatctl signin %s.",
                         c->me.username);
        else if (streq(c->reason, SEEN_THERE))
                snprintf(
                        ret, STATE_TEXT_SIZE,
                        "The host cannot let you be invisible, so it was left rather than that you "
                        "are seen there. What is here is kept, and it is asked again in an hour. "
                        "To be seen, there and everywhere: p2pchatctl invisible off.");
        else if (c->state == MEMBER_CLOSED && streq(c->reason, KICKED))
                explain_end(c, ret, "A moderator has sent you out.",
                            "To come back, after a minute: p2pchatctl connect");
        else if (c->state == MEMBER_DENIED && streq(c->reason, "banned"))
                explain_end(c, ret, "You are banned.",
                            "What you write fails. It goes on by itself once the ban ends; to ask "
                            "now: p2pchatctl connect");
        else if (c->state == MEMBER_DENIED && !streq(c->reason, "revoked"))
                explain_end(c, ret, "The host does not let you in.",
                            "It goes on by itself once you are let in; why you are not: "
                            "p2pchatctl access");
        else if (streq(c->reason, "revoked"))
                snprintf(ret, STATE_TEXT_SIZE,
                         "This sign-in was revoked. What is here is kept. To go on: p2pchatctl "
                         "signin %s.",
                         c->me.username);
}

int member_fail_closed(const ChannelMember *c, Failure *f) {
        const StoredChannel *s = &c->stored;

        if (c->state == MEMBER_DIVERGED)
                return failure_set(f, ERROR_CONFLICT,
                                   "The log of %s here is not its host's; p2pchatctl status %s "
                                   "says what can be done.",
                                   s->name, s->name);
        if (channel_member_is_displaced(c))
                return failure_set(f, ERROR_NO_SUCH_CHANNEL,
                                   "Another channel has the name %s now. Join that and send the "
                                   "text there; here it can be cancelled.",
                                   s->name);
        return failure_set(f, ERROR_NO_SUCH_CHANNEL, "This channel is closed here (%s).",
                           c->closed_reason ?: "left");
}
