/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how somebody at a terminal is asked for a password by polkit: by its own program, as long
 * as this one runs. */
#include "ctl/tracker/agent.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define AGENT "/usr/bin/pkttyagent"
#define READY_MSEC 5000 /* it connects to the bus; what comes later is asked all the same */

/* In the child. What is asked is for the person, not for what reads our output. */
static void run(int ready_fd, pid_t parent) {
        char number[16];
        int tty;

        if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
                _exit(EXIT_FAILED);
        tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
        if (tty < 0 || dup2(tty, STDOUT_FILENO) < 0 || dup2(tty, STDERR_FILENO) < 0 ||
            fcntl(ready_fd, F_SETFD, 0) < 0)
                _exit(EXIT_FAILED);
        snprintf(number, sizeof(number), "%d", ready_fd);
        execl(AGENT, AGENT, "--notify-fd", number, "--fallback", (char *) NULL);
        _exit(EXIT_FAILED);
}

void agent_open(Ctl *ctl) {
        pid_t pid, self = getpid();
        struct pollfd ready;
        int fds[2];

        if (ctl->agent > 0 || ctl->no_ask_password || geteuid() == 0 || isatty(STDIN_FILENO) <= 0 ||
            access(AGENT, X_OK) < 0 || pipe2(fds, O_CLOEXEC) < 0)
                return;
        pid = fork();
        if (pid == 0)
                run(fds[1], self);
        close(fds[1]);
        if (pid > 0) {
                /* It closes its end when it listens, or ends. */
                ready = (struct pollfd){ .fd = fds[0] };
                (void) poll(&ready, 1, READY_MSEC);
                ctl->agent = pid;
        }
        close(fds[0]);
}

void agent_close(Ctl *ctl) {
        if (ctl->agent <= 0)
                return;
        (void) kill(ctl->agent, SIGTERM);
        (void) kill(ctl->agent, SIGCONT);
        while (waitpid(ctl->agent, NULL, 0) < 0 && errno == EINTR)
                ;
        ctl->agent = 0;
}
