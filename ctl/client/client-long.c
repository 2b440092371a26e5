/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows calls that take as long as they take, and what is told of them meanwhile; leaves showing it
 * to the verbs. */
#include "ctl/client/client.h"
#include "dbus/names.h"

typedef struct LongCall {
        client_progress_fn progress;
        void *userdata; /* weak */
        sd_bus_message *reply;
} LongCall;

static int on_progress(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        LongCall *c = userdata;
        uint64_t n_done, n_total;
        const char *step;

        if (sd_bus_message_read(m, "stt", &step, &n_done, &n_total) >= 0)
                c->progress(step, n_done, n_total, c->userdata);
        return 0;
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        LongCall *c = userdata;

        c->reply = sd_bus_message_ref(m);
        return 1;
}

int client_call_long(Ctl *ctl, sd_bus_message *m, client_progress_fn progress, void *userdata,
                     sd_bus_message **ret_reply) {
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *match = NULL, *call = NULL;
        LongCall c = { .progress = progress, .userdata = userdata };
        int r = 0;

        if (progress)
                r = sd_bus_match_signal(ctl->bus, &match, P2PCHAT_BUS_NAME, P2PCHAT_PATH,
                                        P2PCHAT_INTERFACE_MANAGER, "BackupProgress", on_progress,
                                        &c);
        if (r >= 0)
                r = sd_bus_call_async(ctl->bus, &call, m, on_reply, &c, UINT64_MAX);
        while (r >= 0 && !c.reply)
                r = client_wait(ctl);
        if (r >= 0 && sd_bus_message_is_method_error(c.reply, NULL)) {
                r = client_fail(ctl, sd_bus_message_get_error(c.reply), 0);
                sd_bus_message_unref(c.reply);
                return r;
        }
        if (r < 0) {
                sd_bus_message_unref(c.reply);
                return client_fail(ctl, NULL, r);
        }
        *ret_reply = c.reply;
        return EXIT_OK;
}
