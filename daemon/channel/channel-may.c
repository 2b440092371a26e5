/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the rules of who may (protocol §5); leaves what the log adds up to to channel.c. */
#include "daemon/channel/channel-internal.h"

#define ENDS_SIZE 64

/* A guest's rank is none whatever the log says of a name like that, and so is that of who is
 * banned. */
static Role actor_role(const Channel *c, const Actor *a, uint64_t now) {
        if (a->user_type != USER_REGISTERED || channel_find_ban(c, a, now))
                return ROLE_NONE;
        return channel_get_role(c, a->username);
}

static void print_end(const ChannelBan *ban, char ret[static ENDS_SIZE]) {
        char minute[MINUTE_SIZE];

        ret[0] = '\0';
        if (ban->until == 0)
                return;
        print_minute(ban->until, minute);
        snprintf(ret, ENDS_SIZE, " until %s", minute);
}

static int refuse_banned(const ChannelBan *ban, Failure *f) {
        char ends[ENDS_SIZE];

        print_end(ban, ends);
        return failure_set(f, ERROR_BANNED, "%s has banned you from this channel%s%s%s", ban->by,
                           ends, ban->reason[0] ? ": " : ".", ban->reason);
}

int channel_may_view(const Channel *c, const Actor *a, uint64_t now, Failure *f) {
        const ChannelBan *ban = channel_find_ban(c, a, now);

        if (ban)
                return refuse_banned(ban, f);
        if (c->view == VIEW_RESTRICTED && actor_role(c, a, now) < ROLE_MEMBER)
                return failure_set(f, ERROR_RESTRICTED,
                                   "This channel is for its members; %sask %s to authorize you.",
                                   a->user_type == USER_REGISTERED ? "" : "sign up, then ",
                                   c->owner);
        return 0;
}

int channel_may_connect(const Channel *c, const Actor *a, uint64_t now, Failure *f) {
        const char *by;
        uint64_t usec;
        int r = channel_may_view(c, a, now, f);

        if (r < 0)
                return r;
        usec = standing_kicked_for(c, a, now, &by);
        if (usec == 0)
                return 0;
        r = failure_set(f, ERROR_RATE_LIMITED,
                        "%s has sent you out of this channel; come back in %" PRIu64 " s.", by,
                        DIV_ROUND_UP(usec, USEC_PER_SEC));
        f->retry_after_ms = DIV_ROUND_UP(usec, USEC_PER_MSEC);
        return r;
}

int channel_may_send(const Channel *c, const Actor *a, uint64_t now, Failure *f) {
        int r = channel_may_view(c, a, now, f);

        if (r < 0)
                return r;
        switch (c->send) {
        case SEND_EVERYONE:
                return 0;
        case SEND_REGISTERED:
                if (a->user_type == USER_REGISTERED)
                        return 0;
                return failure_set(f, ERROR_GUESTS_NOT_ALLOWED,
                                   "Guests may not send here; sign up to take part.");
        case SEND_MEMBERS:
                if (actor_role(c, a, now) >= ROLE_MEMBER)
                        return 0;
                return failure_set(f, ERROR_READ_ONLY,
                                   "Only members may send here; ask %s to authorize you.",
                                   c->owner);
        case SEND_MAX:
        case SEND_INVALID:
                break;
        }
        return failure_set(f, ERROR_INTERNAL, "The channel's permissions are damaged.");
}

/* Whose role would do, but for a ban, hears of the ban. */
static int refuse_rank(const Channel *c, const Actor *a, Role needed, uint64_t now, Failure *f) {
        const ChannelBan *ban = channel_find_ban(c, a, now);

        if (ban && a->user_type == USER_REGISTERED && channel_get_role(c, a->username) >= needed)
                return refuse_banned(ban, f);
        if (needed == ROLE_OWNER)
                return failure_set(f, ERROR_NOT_OWNER, "Only %s, the owner, may do this.",
                                   c->owner);
        return failure_set(f, ERROR_NOT_MODERATOR,
                           "Only moderators may do this; %s, the owner, makes them.", c->owner);
}

int channel_may_set_permissions(const Channel *c, const Actor *a, uint64_t now, Failure *f) {
        if (actor_role(c, a, now) < ROLE_OWNER)
                return refuse_rank(c, a, ROLE_OWNER, now, f);
        return 0;
}

int channel_may_set_topic(const Channel *c, const Actor *a, uint64_t now, Failure *f) {
        if (actor_role(c, a, now) < ROLE_MODERATOR)
                return refuse_rank(c, a, ROLE_MODERATOR, now, f);
        return 0;
}

int channel_may_authorize(const Channel *c, const Actor *a, const char *target, Role role,
                          uint64_t now, Failure *f) {
        Role rank = actor_role(c, a, now);

        if (rank < ROLE_MODERATOR)
                return refuse_rank(c, a, ROLE_MODERATOR, now, f);
        if (role < ROLE_NONE || role > ROLE_MODERATOR) {
                int r = failure_set(f, ERROR_BAD_REQUEST,
                                    "The role is one of moderator, member, none.");

                strcpy(f->field, "role");
                return r;
        }
        if (rank == ROLE_MODERATOR &&
            (role > ROLE_MEMBER || channel_get_role(c, target) > ROLE_MEMBER))
                return failure_set(f, ERROR_NOT_MODERATOR,
                                   "Only %s, the owner, may make or change moderators.", c->owner);
        if (streq(target, c->owner)) {
                int r = failure_set(f, ERROR_BAD_REQUEST, "The owner's own role stays.");

                strcpy(f->field, "target");
                return r;
        }
        if (name_is_guest(target))
                return failure_set(f, ERROR_GUESTS_NOT_ALLOWED,
                                   "A guest cannot have a role; %s must sign up first.", target);
        return 0;
}

int channel_may_moderate(const Channel *c, const Actor *a, const char *target, uint64_t now,
                         Failure *f) {
        Role rank = actor_role(c, a, now);

        if (rank < ROLE_MODERATOR)
                return refuse_rank(c, a, ROLE_MODERATOR, now, f);
        if (streq(target, a->username)) {
                int r = failure_set(f, ERROR_BAD_REQUEST,
                                    "That is you; to go, leave the channel instead.");

                strcpy(f->field, "target");
                return r;
        }
        if (rank <= channel_get_role(c, target))
                return failure_set(f, ERROR_NOT_MODERATOR,
                                   "Moderators and the owner are above this; only %s, the owner, "
                                   "may do it to a moderator.",
                                   c->owner);
        return 0;
}

/* A guest is the key: the name may be somebody else's tomorrow. */
static bool is_author(const Actor *a, const EntryAuthor *author) {
        if (a->user_type != author->user_type)
                return false;
        return a->user_type == USER_GUEST ? streq(a->key_id, author->sender)
                                          : streq(a->username, author->username);
}

int channel_may_redact(const Channel *c, const Actor *a, const EntryAuthor *author, uint64_t now,
                       Failure *f) {
        Role rank = actor_role(c, a, now), above = ROLE_NONE;
        int r;

        if (is_author(a, author))
                return 0;
        r = channel_may_view(c, a, now, f);
        if (r < 0)
                return r;
        if (rank < ROLE_MODERATOR)
                return failure_set(f, ERROR_NOT_MODERATOR,
                                   "Only moderators may remove what others said.");
        if (author->user_type == USER_REGISTERED)
                above = channel_get_role(c, author->username);
        if (rank <= above)
                return failure_set(f, ERROR_NOT_MODERATOR,
                                   "What moderators and the owner said only %s, the owner, may "
                                   "remove, or they themselves.",
                                   c->owner);
        return 0;
}

int channel_may_list_roles(const Channel *c, const Actor *a, uint64_t now, Failure *f) {
        return channel_may_view(c, a, now, f);
}

int channel_may_list_bans(const Channel *c, const Actor *a, uint64_t now, Failure *f) {
        if (actor_role(c, a, now) < ROLE_MODERATOR)
                return failure_set(f, ERROR_NOT_MODERATOR,
                                   "Only moderators may see who is banned.");
        return 0;
}

bool channel_may_see_keys(const Channel *c, const Actor *a, uint64_t now) {
        return actor_role(c, a, now) >= ROLE_MODERATOR;
}

int channel_may_see_access(const Channel *c, const Actor *a, const char *of, uint64_t now,
                           Failure *f) {
        if (streq(of, a->username) || actor_role(c, a, now) >= ROLE_MODERATOR)
                return 0;
        return refuse_rank(c, a, ROLE_MODERATOR, now, f);
}

int channel_may_debug(const Channel *c, const Actor *a, uint64_t now, Failure *f) {
        return channel_may_set_permissions(c, a, now, f);
}

void channel_get_access(const Channel *c, const Actor *a, uint64_t now, Access *ret) {
        Failure f;

        *ret = (Access){
                .role = a->user_type == USER_REGISTERED ? channel_get_role(c, a->username)
                                                        : ROLE_NONE,
                .can_view = channel_may_view(c, a, now, &f) >= 0,
                .can_send = channel_may_send(c, a, now, &f) >= 0,
                .can_moderate = actor_role(c, a, now) >= ROLE_MODERATOR,
        };
}
