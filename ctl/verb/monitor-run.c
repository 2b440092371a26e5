/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a command is run for a line, and that nothing of the line becomes a part of it; leaves
 * which command and which line to monitor-line.c. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "ctl/verb/monitor.h"

/* A command need not read it, and one that does not holds nobody up. */
static int open_input(const char *json) {
        _cleanup_close_ int fd = memfd_create("line", MFD_CLOEXEC);

        if (fd < 0 || dprintf(fd, "%s\n", json) < 0 || lseek(fd, 0, SEEK_SET) < 0)
                return -errno;
        return TAKE_FD(fd);
}

__attribute__((noreturn)) static void run_child(const char *command, int input,
                                                char *const *environment, pid_t parent) {
        (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() == parent && dup2(input, STDIN_FILENO) >= 0) {
                for (char *const *e = environment; *e; e++)
                        (void) putenv(*e);
                execl("/bin/sh", "sh", "-c", command, (char *) NULL);
        }
        _exit(126);
}

int monitor_run(Ctl *ctl, const char *command, const char *json, char *const *environment,
                int *ret_status) {
        _cleanup_close_ int input = -EBADF, child = -EBADF;
        pid_t pid, parent = getpid();
        int status, r = 0;

        input = open_input(json);
        if (input < 0)
                return input;
        fflush(NULL);
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                run_child(command, input, environment, parent);
        child = pidfd_open(pid, 0);
        /* A bus that nobody reads from cuts us off. What goes wrong there is told when the command
         * has ended. */
        while (child >= 0 && r == 0)
                r = client_wait_with(ctl, child, UINT64_MAX);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return 0;
}
