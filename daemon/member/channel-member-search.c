/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how what is held of a log is searched for a person, and what is wrong with a query; leaves
 * finding to store.h. */
#include "daemon/member/channel-member-internal.h"

static void search_complete(Operation *o, const Failure *f) {
        MemberOp *op = (MemberOp *) o;

        op->fn.found(f, NULL, 0, false, 0, op->userdata);
}

static const OperationType search_type = {
        .complete = search_complete,
        .release = member_op_release,
};

static void search_fail(const ChannelMember *c, Failure *f, int r) {
        if (r == -ENOMSG)
                (void) failure_set(f, ERROR_BAD_REQUEST,
                                   "There is nothing to look for: give a letter, a digit or a "
                                   "picture at least.");
        else if (r == -E2BIG)
                (void) failure_set(f, ERROR_TOO_LARGE,
                                   "A query has at most %d words in %d bytes; look for fewer.",
                                   SEARCH_WORDS_MAX, SEARCH_BYTES_MAX);
        else
                member_fail_store(c, f, r, "Cannot search the log");
}

static void on_found(int r, const Entry *entries, size_t n, bool more, uint64_t next_anchor,
                     void *userdata) {
        MemberOp *op = userdata;
        member_found_fn done = op->fn.found;
        void *whose = op->userdata;
        Failure f;

        op->job = NULL;
        if (r < 0) {
                search_fail(op->member, &f, r);
                operation_complete(&op->base, &f);
                return;
        }
        operation_drop(&op->base);
        done(NULL, entries, n, more, next_anchor, whose);
}

int channel_member_search(ChannelMember *c, const SearchQuery *q, member_found_fn done,
                          void *userdata, MemberOp **ret_op) {
        MemberOp *op = member_op_new(c, &search_type, userdata);
        Failure f;
        int r;

        if (!op)
                return -ENOMEM;
        op->fn.found = done;
        r = store_search(c->store, c->stored.row, q, on_found, op, &op->job);
        if (r == -E2BIG)
                search_fail(op->member, &f, r);
        else if (r < 0) {
                member_op_free(op);
                return r;
        }
        return member_op_return(op, ret_op, r < 0 ? &f : NULL);
}
