/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the service manager of this process: what it is told, and the sockets that it keeps from
 * one process to the next. Leaves to the manager which of them are of use. */
#include "daemon/service.h"

#include <systemd/sd-daemon.h>

#include "base/log.h"

void service_init(Service *s) {
        int n;

        *s = (Service){};
        n = sd_listen_fds_with_names(true, &s->names);
        if (n < 0) {
                log_warning_errno(n, "Cannot take the sockets that were passed in");
                return;
        }
        for (int i = 0; i < n; i++) {
                int fd = SD_LISTEN_FDS_START + i;

                if (s->n_passed == ELEMENTSOF(s->passed)) {
                        close(fd);
                        continue;
                }
                s->passed[s->n_passed++] = (PassedSocket){ .fd = fd, .name = s->names[i] };
        }
}

void service_done(Service *s) {
        while (s->n_passed > 0)
                close_fd(s->passed[--s->n_passed].fd);
        for (char **name = s->names; name && *name; name++)
                free(*name);
        free(s->names);
        s->names = NULL;
}

void service_give_sockets(Service *s, ManagerSettings *settings) {
        settings->passed = s->passed;
        settings->n_passed = s->n_passed;
}

/* No colon may be in it. */
static void print_name(const Address *a, char ret[static STORED_NAME_SIZE]) {
        char address[ADDRESS_STRING_SIZE];

        address_print(a, address);
        for (char *c = address; *c; c++)
                if (*c == ':')
                        *c = '-';
        snprintf(ret, STORED_NAME_SIZE, "listen-%s", address);
}

/* The i-th that came; all of its name go. */
static void forget(const Service *s, size_t i) {
        const char *name = s->names[i];

        if (i > 0 && streq(name, s->names[i - 1]))
                return;
        (void) sd_notifyf(false, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

static bool is_in(const Service *s, const char *name) {
        for (size_t i = 0; i < s->n_stored; i++)
                if (streq(s->stored[i], name))
                        return true;
        return false;
}

static void forget_closed(const Service *before, const Service *now) {
        for (size_t i = 0; i < before->n_stored; i++)
                if (!is_in(now, before->stored[i]))
                        (void) sd_notifyf(false, "FDSTOREREMOVE=1\nFDNAME=%s", before->stored[i]);
}

/* What the process before left, and this one does not use: once. */
static void forget_passed(Service *s) {
        for (size_t i = 0; s->names && s->names[i]; i++) {
                if (i >= s->n_passed || !s->passed[i].is_used)
                        forget(s, i);
        }
        service_done(s);
}

void service_keep_sockets(Service *s, const Manager *m) {
        const Address *addresses;
        size_t n = manager_get_listen_addresses(m, &addresses);
        char state[STORED_NAME_SIZE + sizeof("FDSTORE=1\nFDNAME=")];
        const Service before = *s;

        s->n_stored = 0;
        for (size_t i = 0; i < n; i++)
                print_name(&addresses[i], s->stored[s->n_stored++]);
        forget_closed(&before, s);
        forget_passed(s);
        /* All of them, since one that is not used may have had the name of one that is. What is
         * stored already is not stored twice. */
        for (size_t i = 0; i < n; i++) {
                int fd = manager_get_listen_fd(m, i);

                snprintf(state, sizeof(state), "FDSTORE=1\nFDNAME=%s", s->stored[i]);
                (void) sd_pid_notify_with_fds(0, false, state, &fd, 1);
        }
}

void service_tell_reloading(const Clock *c) {
        (void) sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
                          clock_boottime(c) - clock_slept(c));
}

void service_tell_ready(void) {
        (void) sd_notify(false, "READY=1");
}

void service_tell_status(const char *status) {
        (void) sd_notifyf(false, "STATUS=%s", status);
}

void service_tell_stopping(void) {
        (void) sd_notify(false, "STOPPING=1\nSTATUS=Saying goodbye");
}
