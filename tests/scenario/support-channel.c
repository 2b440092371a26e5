/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how people are made to do something in channels, and what they see of them; leaves the
 * people to support.c and the story to the scenarios. */
#include "scenario/support-internal.h"

static void on_channel(const Failure *f, ChannelMember *c, void *userdata) {
        Result *q = userdata;

        result_finish(q, f);
        assert_true(!f == !!c);
        q->channel = c;
}

static void on_sent(const Failure *f, const char *id, uint64_t seq, void *userdata) {
        Result *q = userdata;

        result_finish(q, f);
        q->seq = seq;
}

/* ---- channels ---- */

ErrorCode person_try_host(Person *p, const char *channel, const HostOptions *options) {
        Result q = {};

        assert_int_equal(manager_host(p->manager, channel, options, on_channel, &q, NULL), 0);
        return result_wait(p, &q);
}

void person_host(Person *p, const char *channel) {
        HostOptions options = { .view = VIEW_INVALID, .send = SEND_INVALID };

        assert_int_equal(person_try_host(p, channel, &options), ERROR_NONE);
        assert_int_equal(channel_member_get_state(person_channel(p, channel)), MEMBER_LIVE);
}

ErrorCode person_try_join_with(Person *p, const char *channel, const JoinOptions *options) {
        Result q = {};

        assert_int_equal(manager_join(p->manager, channel, options, on_channel, &q, NULL), 0);
        return result_wait(p, &q);
}

ErrorCode person_try_join(Person *p, const char *channel, int64_t backlog) {
        return person_try_join_with(p, channel, &(JoinOptions){ .backlog = backlog });
}

ChannelMember *person_join(Person *p, const char *channel) {
        assert_int_equal(person_try_join(p, channel, -1), ERROR_NONE);
        return person_channel(p, channel);
}

static ChannelMember *must_channel(Person *p, const char *channel) {
        ChannelMember *c = person_channel(p, channel);

        assert_non_null(c);
        return c;
}

ErrorCode person_leave(Person *p, const char *channel, bool forget) {
        Result q = {};

        assert_int_equal(manager_leave(p->manager, must_channel(p, channel), forget, result_on_done,
                                       &q, NULL),
                         0);
        return result_wait(p, &q);
}

ErrorCode person_unhost(Person *p, const char *channel, bool forget) {
        Result q = {};

        assert_int_equal(manager_unhost(p->manager, must_channel(p, channel), forget,
                                        result_on_done, &q, NULL),
                         0);
        return result_wait(p, &q);
}

ErrorCode person_authorize(Person *p, const char *channel, const char *target, Role role) {
        Result q = {};

        assert_int_equal(channel_member_authorize(must_channel(p, channel), target, role, NULL,
                                                  result_on_done, &q, NULL),
                         0);
        return result_wait(p, &q);
}

static ErrorCode set_permissions(Person *p, const char *channel, Permissions permissions) {
        ChannelMember *c = must_channel(p, channel);
        Result q = {};

        assert_int_equal(channel_member_set_permissions(c, &permissions, result_on_done, &q, NULL),
                         0);
        return result_wait(p, &q);
}

ErrorCode person_set_view(Person *p, const char *channel, ViewPermission view,
                          SendPermission send) {
        return set_permissions(p, channel, (Permissions){ view, send, -1, -1, -1 });
}

ErrorCode person_set_rate(Person *p, const char *channel, int rate, int burst) {
        Permissions permissions = PERMISSIONS_UNSAID;

        permissions.message_rate = rate;
        permissions.message_burst = burst;
        return set_permissions(p, channel, permissions);
}

ErrorCode person_set_retention(Person *p, const char *channel, unsigned days) {
        return set_permissions(p, channel,
                               (Permissions){ VIEW_INVALID, SEND_INVALID, (int) days, -1, -1 });
}

ErrorCode person_set_topic(Person *p, const char *channel, const char *topic) {
        Result q = {};

        assert_int_equal(
                channel_member_set_topic(must_channel(p, channel), topic, result_on_done, &q, NULL),
                0);
        return result_wait(p, &q);
}

ErrorCode person_redact(Person *p, const char *channel, uint64_t seq) {
        Result q = {};

        assert_int_equal(channel_member_redact(must_channel(p, channel), seq, NULL, result_on_done,
                                               &q, NULL),
                         0);
        return result_wait(p, &q);
}

void person_set_invisible(Person *p, bool invisible) {
        Result q = {};

        assert_int_equal(manager_set_invisible(p->manager, invisible, result_on_done, &q, NULL), 0);
        assert_int_equal(result_wait(p, &q), ERROR_NONE);
        assert_true(manager_is_invisible(p->manager) == invisible);
}

typedef struct Search {
        const char *name;
        ChannelMember *found;
} Search;

static int match_channel(ChannelMember *c, void *userdata) {
        Search *s = userdata;

        if (streq(channel_member_get_id(c), s->name) ||
            (streq(channel_member_get_name(c), s->name) &&
             (!s->found || channel_member_get_state(c) != MEMBER_CLOSED)))
                s->found = c;
        return 0;
}

ChannelMember *person_channel(Person *p, const char *channel) {
        Search s = { .name = channel };

        manager_each_channel(p->manager, match_channel, &s);
        return s.found;
}

static void on_directory(const Failure *f, const DirectoryEntry *entries, size_t n,
                         const char *next, uint64_t generation, void *userdata) {
        Result *q = userdata;

        result_finish(q, f);
        for (size_t i = 0; i < n; i++)
                if (streq(entries[i].channel_name, q->name))
                        q->online = entries[i].online;
}

int person_sees(Person *p, const char *channel) {
        Result q = { .online = -1, .name = channel };

        assert_int_equal(account_list(manager_get_account(p->manager),
                                      &(DirectoryQuery){ .query = channel }, on_directory, &q,
                                      NULL),
                         0);
        assert_int_equal(result_wait(p, &q), ERROR_NONE);
        return q.online;
}

/* ---- messages ---- */

uint64_t person_send_id(Person *p, const char *channel, const char *id, const char *text,
                        uint64_t wait_usec, ErrorCode *ret_error) {
        Result q = {};
        ErrorCode error;

        assert_int_equal(channel_member_send(must_channel(p, channel), id, text, NULL, wait_usec,
                                             on_sent, &q, NULL),
                         0);
        error = result_wait(p, &q);
        if (ret_error)
                *ret_error = error;
        else
                assert_int_equal(error, ERROR_NONE);
        return q.seq;
}

uint64_t person_send(Person *p, const char *channel, const char *text) {
        return person_send_id(p, channel, NULL, text, 0, NULL);
}

typedef struct Wait {
        Person *person;
        const char *channel;
        MemberState state;
        uint64_t seq;
} Wait;

static bool has_state(void *userdata) {
        const Wait *w = userdata;
        ChannelMember *c = person_channel(w->person, w->channel);

        return c && channel_member_get_state(c) == w->state;
}

void person_until_state(Person *p, const char *channel, MemberState state) {
        world_until(p->world, has_state,
                    &(Wait){ .person = p, .channel = channel, .state = state });
}

static bool has_seq(void *userdata) {
        const Wait *w = userdata;
        ChannelMember *c = person_channel(w->person, w->channel);

        return c && channel_member_get_synced_seq(c) >= w->seq;
}

void person_until_seq(Person *p, const char *channel, uint64_t seq) {
        world_until(p->world, has_seq, &(Wait){ .person = p, .channel = channel, .seq = seq });
}

static bool has_sent(void *userdata) {
        const Wait *w = userdata;
        ChannelMember *c = person_channel(w->person, w->channel);

        return c && channel_member_get_n_outbox(c) == 0;
}

void person_until_sent(Person *p, const char *channel) {
        world_until(p->world, has_sent, &(Wait){ .person = p, .channel = channel });
}
