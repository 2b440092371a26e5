/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the person is shown in all channels, and that a wish is on disk before it is answered.
 * Leaves telling hosts to the channels. */
#include <utlist.h>

#include "base/log.h"
#include "daemon/manager/manager-internal.h"

/* It happens whether somebody waits for it or not. */
struct Wish {
        Manager *manager; /* weak */
        Wish *prev, *next;
        Job *job;
        bool invisible;
        Operation *op; /* weak; NULL: nobody waits */
};

static Wish *wish_free(Wish *p) {
        if (!p)
                return NULL;
        DL_DELETE(p->manager->wishes, p);
        job_free(p->job);
        if (p->op)
                manager_cancel(operation_take(&p->op));
        free(p);
        return NULL;
}
DEFINE_CLEANUP(Wish *, wish_free);

void manager_presence_done(Manager *m) {
        while (m->wishes)
                wish_free(m->wishes);
        m->presence.invisible = false;
}

int manager_show_presence(ManagedChannel *x) {
        const MemberPresence *p = &x->manager->presence;
        ChannelHost *host = x->hosting ? hosting_get_host(x->hosting) : NULL;

        return host ? channel_host_set_presence(host, p->invisible, p->is_away) : 0;
}

/* Who cannot be shown for want of memory is not seen, until the next change. */
static void show(Manager *m, const MemberPresence *p) {
        ManagedChannel *x;

        m->presence = *p;
        DL_FOREACH(m->channels, x) {
                channel_member_set_presence(x->member, &m->presence);
                if (manager_show_presence(x) < 0)
                        log_fields(LOG_ERR, -ENOMEM,
                                   LOG_FIELDS("CHAT_CHANNEL", channel_member_get_name(x->member)),
                                   "Channel %s cannot show its owner",
                                   channel_member_get_name(x->member));
        }
        manager_changed(m);
}

void manager_presence_loaded(Manager *m, int r, bool invisible) {
        MemberPresence p = m->presence;

        /* What cannot be read may be the wish not to be seen. */
        p.invisible = m->me.user_type == USER_REGISTERED && (r < 0 || invisible);
        show(m, &p);
}

void manager_set_away(Manager *m, bool is_away) {
        MemberPresence p = m->presence;

        p.is_away = is_away;
        show(m, &p);
}

void manager_set_lingers(Manager *m, int lingers) {
        if (m->lingers == lingers)
                return;
        m->lingers = lingers;
        manager_changed(m);
}

const char *manager_get_lingering(const Manager *m) {
        return m->lingers < 0 ? "unknown" : m->lingers ? "yes" : "no";
}

bool manager_is_invisible(const Manager *m) {
        return m->presence.invisible;
}

static void on_stored(int r, void *userdata) {
        Wish *p = userdata;
        Manager *m = p->manager;
        Operation *op = operation_take(&p->op);
        MemberPresence presence = m->presence;
        Failure f;

        p->job = NULL;
        presence.invisible = p->invisible;
        wish_free(p);
        if (r < 0)
                (void) store_fail(m->store, &f, r, "Cannot keep what you wish");
        else
                show(m, &presence);
        operation_complete(op, r < 0 ? &f : NULL);
}

static int wish_new(Manager *m, bool invisible, Wish **ret) {
        _cleanup_(wish_freep) Wish *p = new0(Wish, 1);
        int r;

        if (!p)
                return -ENOMEM;
        *p = (Wish){ .manager = m, .invisible = invisible };
        DL_APPEND(m->wishes, p);
        r = store_set_invisible(m->store, account_get_identity(m->account), invisible, on_stored, p,
                                &p->job);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

int manager_set_invisible(Manager *m, bool invisible, manager_done_fn done, void *userdata,
                          ManagerOp **ret_op) {
        ManagerOp *op = manager_op_new(m, &manager_done_type, userdata);
        Wish *p;
        Failure f;
        int r;

        if (!op)
                return -ENOMEM;
        op->fn.done = done;
        if (manager_check_identity(m, true, &f) < 0)
                return manager_op_return(op, ret_op, &f);
        r = wish_new(m, invisible, &p);
        if (r < 0) {
                (void) store_fail(m->store, &f, r, "Cannot keep what you wish");
                return manager_op_return(op, ret_op, &f);
        }
        operation_hold(&op->base, &p->op);
        return manager_op_return(op, ret_op, NULL);
}
