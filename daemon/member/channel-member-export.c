/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what of a channel is exported, and for how long; leaves the writing to export.h. */
#include "daemon/member/channel-member-internal.h"

typedef struct ExportOp {
        MemberOp op;
        Export *export;
} ExportOp;

static void export_release(Operation *o) {
        ExportOp *x = (ExportOp *) o;

        x->export = export_free(x->export);
        member_op_release(o);
}

static const OperationType export_type = {
        .complete = member_done_complete,
        .release = export_release,
};

static void on_done(const Failure *f, void *userdata) {
        ExportOp *x = userdata;

        operation_complete(&x->op.base, f);
}

int channel_member_export(ChannelMember *c, int fd, ExportFormat format, member_done_fn done,
                          void *userdata, MemberOp **ret_op) {
        ExportOp *x = new0(ExportOp, 1);
        Failure f = {};

        if (!x)
                return -ENOMEM;
        member_op_init(&x->op, c, &export_type, userdata);
        x->op.fn.done = done;
        (void) export_new(c->exporter, c->store, c->stored.row, c->stored.synced_seq, fd, format,
                          on_done, x, &x->export, &f);
        return member_op_return(&x->op, ret_op, x->export ? NULL : &f);
}

void member_end_exports(ChannelMember *c) {
        Failure f;

        (void) failure_set(&f, ERROR_CANCELLED,
                           "Another log takes the place of this one; export that.");
        member_tell_all(c, &export_type, &f);
}
