/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how signals of the daemon are waited for, and that it may come and go; leaves what they
 * mean to who waits. */
#include "ctl/client.h"

#include "dbus/names.h"

struct ClientWatch {
        Ctl *ctl; /* weak */
        client_event_fn fn;
        void *userdata; /* weak */
        sd_bus_slot *signals, *owner;
};

static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        ClientWatch *w = userdata;

        w->fn(w->ctl, sd_bus_message_get_path(m), sd_bus_message_get_member(m), w->userdata);
        return 0;
}

int client_watch(Ctl *ctl, client_event_fn fn, void *userdata, ClientWatch **ret) {
        _cleanup_(client_watch_freep) ClientWatch *w = NULL;
        int r;

        r = client_open(ctl);
        if (r != EXIT_OK)
                return r;
        w = new0(ClientWatch, 1);
        if (!w)
                return client_fail(ctl, NULL, -ENOMEM);
        *w = (ClientWatch){ .ctl = ctl, .fn = fn, .userdata = userdata };
        r = sd_bus_add_match(ctl->bus, &w->signals,
                             "type='signal',sender='" P2PCHAT_BUS_NAME
                             "',path_namespace='" P2PCHAT_PATH "'",
                             on_signal, w);
        if (r >= 0)
                r = sd_bus_add_match(
                        ctl->bus, &w->owner,
                        "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
                        "arg0='" P2PCHAT_BUS_NAME "'",
                        on_signal, w);
        if (r < 0)
                return client_fail(ctl, NULL, r);
        *ret = TAKE_PTR(w);
        return EXIT_OK;
}

ClientWatch *client_watch_free(ClientWatch *w) {
        if (!w)
                return NULL;
        sd_bus_slot_unref(w->signals);
        sd_bus_slot_unref(w->owner);
        free(w);
        return NULL;
}

int client_wait(Ctl *ctl) {
        int r;

        r = sd_bus_process(ctl->bus, NULL);
        if (r != 0)
                return r < 0 ? r : 0;
        r = sd_bus_wait(ctl->bus, UINT64_MAX);
        return r < 0 && r != -EINTR ? r : 0;
}
