/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows changes that were begun and happen whether somebody waits for them or not; leaves what they
 * are to who makes them. */
#include "daemon/member/channel-member-internal.h"

#include <utlist.h>

int member_change_new(ChannelMember *c, const char *id, MemberOp *op, MemberChange **ret) {
        MemberChange *x = new0(MemberChange, 1);

        if (!x)
                return -ENOMEM;
        x->member = c;
        if (id)
                snprintf(x->id, sizeof(x->id), "%s", id);
        DL_APPEND(c->changes, x);
        operation_hold(&op->base, &x->op);
        *ret = x;
        return 0;
}

MemberChange *member_change_free(MemberChange *x) {
        if (!x)
                return NULL;
        DL_DELETE(x->member->changes, x);
        (void) operation_take(&x->op);
        job_free(x->job);
        member_names_free(x->names, x->n_names);
        free(x);
        return NULL;
}

int member_change_begun(MemberChange *x, int r, MemberOp *op, MemberOp **ret_op) {
        if (r < 0)
                member_change_free(x);
        return member_op_begun(op, r, ret_op);
}

void member_change_end(MemberChange *x, const Failure *f) {
        Operation *op = x->op;

        member_change_free(x);
        operation_complete(op, f);
}

void member_changes_done(ChannelMember *c) {
        while (c->changes)
                member_change_free(c->changes);
}
