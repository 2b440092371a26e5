/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows export: all of a channel's log that is here, to keep or to take along. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "ctl/client/client.h"
#include "ctl/verb/verbs.h"

/* The daemon opens a pipe anew, so as not to wait in it, and may not open somebody else's (sudo -u
 * gives such); and it takes nothing but files, pipes and stream sockets. */
static bool is_for_daemon(int fd) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return true; /* it says what is wrong */
        if (S_ISFIFO(st.st_mode))
                return st.st_uid == geteuid();
        return S_ISREG(st.st_mode) || S_ISSOCK(st.st_mode);
}

/* Until the daemon has closed the other end. → exit status */
static int copy(int from, int to) {
        char buffer[65536];
        ssize_t n;

        while ((n = read(from, buffer, sizeof(buffer))) != 0) {
                if (n < 0 && errno != EINTR)
                        return EXIT_FAILED;
                for (ssize_t k = 0; k < n;) {
                        ssize_t written = write(to, buffer + k, (size_t) (n - k));

                        if (written < 0 && errno != EINTR)
                                return EXIT_FAILED;
                        k += MAX(written, (ssize_t) 0);
                }
        }
        return EXIT_OK;
}

/* A process that gives on what comes into a pipe of ours. → its pid, or negative errno */
static pid_t start_copying(int *ret_fd) {
        _cleanup_close_ int ours = -EBADF, its = -EBADF;
        int ends[2];
        pid_t pid;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        its = ends[0];
        ours = ends[1];
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                close_fd(TAKE_FD(ours));
                _exit(copy(its, STDOUT_FILENO));
        }
        *ret_fd = TAKE_FD(ours);
        return pid;
}

static int export_to(Ctl *ctl, const char *path, const char *format, int fd) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        int r;

        r = client_new_call(ctl, FACE_CHANNEL, path, "Export", &m);
        if (r == EXIT_OK && sd_bus_message_append(m, "h", fd) < 0)
                r = client_fail(ctl, NULL, -ENOMEM);
        if (r == EXIT_OK)
                r = client_append_options(ctl, m, "format", "s", format, NULL);
        return r == EXIT_OK ? client_call_long(ctl, m, NULL, NULL, &reply) : r;
}

static int verb_export(Ctl *ctl, int argc, char **argv) {
        const char *arg_format = "json";
        const Option options[] = {
                { "format", 0, OPTION_STRING, &arg_format, "json|text", N_("in which form") },
                {},
        };
        _cleanup_(freep) char *path = NULL;
        int n_args, r, exit_status, fd = STDOUT_FILENO, status = 0;
        pid_t copier = 0;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        /* A text is nothing that a program reads as JSON. */
        if (streq(arg_format, "text") && ctl->json != JSON_OFF)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("--format=text is for people; without it, every line of "
                                        "the export is JSON: p2pchatctl export %s --json"),
                                      args[0]);
        if (ctl->tty)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("An export goes into a file or a pipe: p2pchatctl export "
                                        "%s > FILE; p2pchatctl log %s shows it here"),
                                      args[0], args[0]);
        r = client_find_channel(ctl, args[0], &path);
        if (r == EXIT_OK && !is_for_daemon(STDOUT_FILENO)) {
                copier = start_copying(&fd);
                if (copier < 0)
                        return client_fail(ctl, NULL, copier);
        }
        if (r == EXIT_OK)
                r = export_to(ctl, path, arg_format, fd);
        if (copier > 0) {
                close_fd(fd);
                while (waitpid(copier, &status, 0) < 0 && errno == EINTR)
                        ;
                if (r == EXIT_OK && status != 0)
                        r = client_fail_as(ctl, "Internal", EXIT_FAILED,
                                           _("The export could not be written; is the disk "
                                             "full, or has the reader gone?"));
        }
        return r;
}

const Verb verbs_export[] = {
        { "export", "CHANNEL", 1, 1, verb_export,
          N_("all that is here of the log, to standard output") },
        {},
};
