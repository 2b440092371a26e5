/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the rules of who may (protocol §5); leaves what the log adds up to to channel.c. */
#include "daemon/channel/channel-internal.h"

/* A guest's rank is none whatever the log says of a name like that. */
static Role actor_role(const Channel *c, const Actor *a) {
        return a->user_type == USER_REGISTERED ? channel_get_role(c, a->username) : ROLE_NONE;
}

int channel_may_view(const Channel *c, const Actor *a, Failure *f) {
        if (c->view == VIEW_RESTRICTED && actor_role(c, a) < ROLE_MEMBER)
                return failure_set(f, ERROR_RESTRICTED,
                                   "This channel is for its members; ask %s to authorize you.",
                                   c->owner);
        return 0;
}

int channel_may_send(const Channel *c, const Actor *a, Failure *f) {
        int r = channel_may_view(c, a, f);

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
                if (actor_role(c, a) >= ROLE_MEMBER)
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

int channel_may_set_permissions(const Channel *c, const Actor *a, Failure *f) {
        if (actor_role(c, a) < ROLE_OWNER)
                return failure_set(f, ERROR_NOT_OWNER, "Only %s, the owner, may do this.",
                                   c->owner);
        return 0;
}

int channel_may_set_topic(const Channel *c, const Actor *a, Failure *f) {
        if (actor_role(c, a) < ROLE_MODERATOR)
                return failure_set(f, ERROR_NOT_MODERATOR, "Only moderators may do this.");
        return 0;
}

int channel_may_authorize(const Channel *c, const Actor *a, const char *target, Role role,
                          Failure *f) {
        Role rank = actor_role(c, a);

        if (rank < ROLE_MODERATOR)
                return failure_set(f, ERROR_NOT_MODERATOR, "Only moderators may do this.");
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

/* A guest is the key: the name may be somebody else's tomorrow. */
static bool is_author(const Actor *a, const EntryAuthor *author) {
        if (a->user_type != author->user_type)
                return false;
        return a->user_type == USER_GUEST ? streq(a->key_id, author->sender)
                                          : streq(a->username, author->username);
}

int channel_may_redact(const Channel *c, const Actor *a, const EntryAuthor *author, Failure *f) {
        Role rank = actor_role(c, a), above = ROLE_NONE;
        int r;

        if (is_author(a, author))
                return 0;
        r = channel_may_view(c, a, f);
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

int channel_may_list_roles(const Channel *c, const Actor *a, Failure *f) {
        return channel_may_view(c, a, f);
}
