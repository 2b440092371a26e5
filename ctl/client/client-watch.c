/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how signals of the daemon are waited for, and that it may come and go; leaves what they
 * mean to who waits. */
#include <poll.h>

#include "ctl/client/client.h"

#include "dbus/names.h"

struct ClientWatch {
        Ctl *ctl; /* weak */
        client_event_fn fn;
        client_added_fn added; /* NULL: nobody asks */
        void *userdata;        /* weak */
        sd_bus_slot *signals, *owner;
};

static int read_last_seq(sd_bus_message *m, const char *key, void *userdata) {
        int r;

        if (!streq(key, "LastSeq"))
                return 0;
        r = sd_bus_message_read(m, "v", "t", userdata);
        return r < 0 ? r : 1;
}

/* oa{sa{sv}} */
static int read_added(ClientWatch *w, sd_bus_message *m) {
        const char *path, *interface;
        uint64_t last_seq = 0;
        bool is_channel = false;
        int r;

        r = sd_bus_message_read(m, "o", &path);
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "{sa{sv}}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sa{sv}")) > 0) {
                r = sd_bus_message_read(m, "s", &interface);
                if (r < 0)
                        return r;
                if (streq(interface, P2PCHAT_INTERFACE_CHANNEL)) {
                        is_channel = true;
                        r = client_read_pairs(m, read_last_seq, &last_seq);
                } else
                        r = sd_bus_message_skip(m, "a{sv}");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r >= 0 && is_channel)
                w->added(path, last_seq, w->userdata);
        return r;
}

static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        ClientWatch *w = userdata;

        if (w->added && streq_ptr(sd_bus_message_get_member(m), "InterfacesAdded"))
                (void) read_added(w, m);
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

void client_watch_set_added(ClientWatch *w, client_added_fn fn) {
        w->added = fn;
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

int client_wait_with(Ctl *ctl, int fd, uint64_t timeout_usec) {
        const struct timespec timeout = {
                .tv_sec = (time_t) (timeout_usec / USEC_PER_SEC),
                .tv_nsec = (long) (timeout_usec % USEC_PER_SEC * 1000),
        };
        struct pollfd fds[] = {
                { .fd = -1 },
                { .fd = STDOUT_FILENO }, /* tells of its end alone */
                { .fd = fd, .events = POLLIN },
        };
        int r;

        r = sd_bus_process(ctl->bus, NULL);
        if (r != 0)
                return r < 0 ? r : 0;
        r = sd_bus_get_events(ctl->bus);
        if (r < 0)
                return r;
        fds[0] = (struct pollfd){ .fd = sd_bus_get_fd(ctl->bus), .events = (short) r };
        r = ppoll(fds, ELEMENTSOF(fds), timeout_usec == UINT64_MAX ? NULL : &timeout, NULL);
        if (r < 0)
                return errno == EINTR ? 0 : -errno;
        if (r == 0)
                return -ETIMEDOUT;
        if (fds[1].revents & (POLLERR | POLLHUP))
                return -EPIPE;
        return fds[2].revents != 0;
}

bool client_is_away(const sd_bus_error *error) {
        return sd_bus_error_has_names(error, SD_BUS_ERROR_SERVICE_UNKNOWN,
                                      SD_BUS_ERROR_NAME_HAS_NO_OWNER);
}

int client_check_bus(Ctl *ctl) {
        if (sd_bus_is_open(ctl->bus) > 0)
                return EXIT_OK;
        return client_fail_as(ctl, "NoBus", EXIT_NO_DAEMON,
                              _("The session bus has gone, and all that is on it; once it is back, "
                                "start this again"));
}
