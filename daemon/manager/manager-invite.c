/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what an invitation is worth: whether its tracker is ours, or may become it, and whether it
 * leads there from elsewhere, too. Leaves its form to wire/invite.h, accepting a tracker to
 * manager-tracker.c and joining to manager-join.c. */
#include "daemon/manager/manager-internal.h"

static const char *const invite_tracker_table[INVITE_TRACKER_MAX] = {
        [INVITE_TRACKER_SAME] = "same",
        [INVITE_TRACKER_UNSET] = "unset",
        [INVITE_TRACKER_OTHER] = "other",
};

const char *invite_tracker_to_string(InviteTracker t) {
        return t >= 0 && t < INVITE_TRACKER_MAX ? invite_tracker_table[t] : NULL;
}

static int check_ready(const Manager *m, Failure *f) {
        if (m->load_job || !m->store || manager_is_replacing(m))
                return failure_set(f, ERROR_BUSY,
                                   "What is kept here is still being read; try again.");
        if (m->tracker_flow || m->invite_set)
                return failure_set(f, ERROR_BUSY, "A tracker is being set; try again.");
        return manager_check_store(m, f);
}

static bool is_tracker(const char *address, const Invite *i) {
        char written[INVITE_TRACKER_SIZE];

        return invite_write_tracker(address, written) == 0 && streq(written, i->tracker);
}

/* Nothing is accepted yet: what the settings say is not overruled by a link. */
static bool settings_allow(const Manager *m, const Invite *i) {
        return (!m->tracker_address || is_tracker(m->tracker_address, i)) &&
               (!m->tracker_pin || streq(m->tracker_pin, i->pin));
}

static InviteTracker judge(const Manager *m, const Invite *i) {
        if (m->account && *account_get_pin(m->account))
                return account_has_pin(m->account, i->pin) ? INVITE_TRACKER_SAME
                                                           : INVITE_TRACKER_OTHER;
        return settings_allow(m, i) ? INVITE_TRACKER_UNSET : INVITE_TRACKER_OTHER;
}

int manager_judge_invite(const Manager *m, const Invite *i, InviteTracker *ret, Failure *f) {
        int r;

        r = check_ready(m, f);
        if (r < 0)
                return r;
        *ret = judge(m, i);
        return 0;
}

bool manager_invite_is_only_here(const Invite *i) {
        size_t n = strcspn(i->tracker, ":");
        Address a;

        if (address_parse(i->tracker, false, &a) >= 0)
                return address_is_loopback(&a) || address_is_unusable(&a);
        return (n == strlen("localhost") && strncmp(i->tracker, "localhost", n) == 0) ||
               (n > strlen(".localhost") && strncmp(i->tracker + n - strlen(".localhost"),
                                                    ".localhost", strlen(".localhost")) == 0);
}

int manager_make_invite(const Manager *m, const ChannelMember *c, char ret[static INVITE_SIZE],
                        Failure *f) {
        const Account *a = m->account;

        if (!a || !*account_get_pin(a))
                return failure_set(f, ERROR_NOT_SIGNED_IN,
                                   "Sign in first (p2pchatctl signin NAME).");
        if (channel_member_get_stored(c)->closed)
                return failure_set(f, ERROR_CONFLICT,
                                   "%s is closed: an invitation would lead nowhere. p2pchatctl "
                                   "status %s says what became of it.",
                                   channel_member_get_name(c), channel_member_get_name(c));
        if (invite_format(account_get_tracker_address(a), account_get_pin(a),
                          channel_member_get_name(c), channel_member_get_id(c), ret) < 0)
                return failure_set(f, ERROR_INTERNAL, "The tracker's address fits in no link.");
        return 0;
}

static int fail_other(const Manager *m, const Invite *i, Failure *f) {
        const char *ours = m->account ? account_get_tracker_address(m->account)
                                      : m->tracker_address ?: "that of the settings";

        return failure_set(f, ERROR_CONFLICT,
                           "The invitation is to a channel at another tracker, %.80s, than the one "
                           "set here, %.80s. One is used at a time, and nothing was changed. To "
                           "go over to it (what is here of the other is kept): p2pchatctl tracker "
                           "%.80s --pin=%s, then join again.",
                           i->tracker, ours, i->tracker, i->pin);
}

static int fail_nobody(const Invite *i, bool is_new, Failure *f) {
        return failure_set(f, ERROR_NOT_SIGNED_IN,
                           "%s%s%sSign up first (p2pchatctl signup NAME; with an account: "
                           "p2pchatctl signin NAME), then join again by the same link.",
                           is_new ? "The tracker is set to " : "", is_new ? i->tracker : "",
                           is_new ? ". " : "");
}

static void on_tracker_set(const Failure *f, Account *a, void *userdata) {
        Manager *m = userdata;
        Operation *op = operation_take(&m->invite_op);
        Invite i = m->invite;
        Failure failure;

        m->invite_set = NULL;
        if (f && f->code == ERROR_PIN_MISMATCH)
                failure_set(&failure, ERROR_PIN_MISMATCH,
                            "The tracker at %.80s does not have the pin of the invitation, %s: "
                            "somebody else answers there, or the invitation is wrong. Nothing was "
                            "set; ask who invited you for a new one.",
                            i.tracker, i.pin);
        else if (f)
                failure = *f;
        else
                fail_nobody(&i, true, &failure);
        manager_complete_channel(op, &failure, NULL);
}

/* Nobody is signed in at a tracker that was set just now: so this ends with what to do next. */
static int set_tracker(Manager *m, const Invite *i, ManagerOp *op) {
        int r;

        m->invite = *i;
        r = manager_set_tracker(m, i->tracker, i->pin, false, on_tracker_set, m, &m->invite_set);
        if (r >= 0)
                operation_hold(&op->base, &m->invite_op);
        return r;
}

int manager_join_invite(Manager *m, const Invite *i, const JoinOptions *options,
                        manager_channel_fn done, void *userdata, ManagerOp **ret_op) {
        JoinOptions exact = *options;
        ManagerOp *op;
        Failure f;
        int r;

        exact.channel_id = i->id;
        r = check_ready(m, &f);
        if (r >= 0 && judge(m, i) == INVITE_TRACKER_OTHER)
                r = fail_other(m, i, &f);
        else if (r >= 0 && judge(m, i) == INVITE_TRACKER_SAME) {
                if (m->me.username[0])
                        return manager_join(m, i->channel, &exact, done, userdata, ret_op);
                r = fail_nobody(i, false, &f);
        }
        op = manager_op_new(m, &manager_channel_type, userdata);
        if (!op)
                return -ENOMEM;
        op->fn.channel = done;
        if (r < 0)
                return manager_op_return(op, ret_op, &f);
        r = set_tracker(m, i, op);
        if (r < 0) {
                manager_op_free(op);
                return r;
        }
        return manager_op_return(op, ret_op, NULL);
}
