/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how long texts are given to a pager, where people read them at a terminal; leaves the texts
 * to who shows them. */
#include "ctl/show/pager.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "ctl/show/terminal.h"

/* One screen needs no pager, colours are let through, ^C ends it, the text stays on the screen. */
#define LESS_OPTIONS "FRXMK"
#define WORDS_MAX 16

/* Who has left the pager wants no more, and nothing went wrong. */
static void on_broken_pipe(int signal) {
        _exit(EXIT_OK);
}

static void set_environment(void) {
        (void) setenv("LESS", LESS_OPTIONS, false);
        (void) setenv("LESSCHARSET", "utf-8", false);
        /* What an administrator reads gives nobody a shell of theirs. */
        if (geteuid() == 0 || geteuid() != getuid())
                (void) setenv("LESSSECURE", "1", false);
}

/* In the child; status_fd is told why it could not begin. */
static void run(char **words, int input_fd, int status_fd, pid_t parent) {
        int error;

        if (dup2(input_fd, STDIN_FILENO) >= 0 && prctl(PR_SET_PDEATHSIG, SIGTERM) >= 0 &&
            getppid() == parent) {
                set_environment();
                execvp(words[0], words);
        }
        error = errno;
        (void) !write(status_fd, &error, sizeof(error));
        _exit(EXIT_FAILED);
}

static int start(Ctl *ctl, char **words) {
        _cleanup_close_ int input = -EBADF, output = -EBADF, told = -EBADF, tell = -EBADF;
        pid_t pid, self = getpid();
        int pair[2], error;

        if (pipe2(pair, O_CLOEXEC) < 0)
                return -errno;
        input = pair[0];
        output = pair[1];
        if (pipe2(pair, O_CLOEXEC) < 0)
                return -errno;
        told = pair[0];
        tell = pair[1];
        (void) fflush(NULL);
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                run(words, input, tell, self);
        tell = close_fd(tell);
        if (read(told, &error, sizeof(error)) == sizeof(error)) {
                while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                        ;
                return -error;
        }
        (void) signal(SIGPIPE, on_broken_pipe);
        (void) signal(SIGINT, SIG_IGN); /* that is for the pager */
        (void) dup2(output, STDOUT_FILENO);
        ctl->has_stderr = isatty(STDERR_FILENO) > 0 && dup2(output, STDERR_FILENO) >= 0;
        ctl->pager = pid;
        return 1;
}

/* As a shell reads it, where it needs one. */
static int start_line(Ctl *ctl, const char *line) {
        char *shell[] = { (char *) "/bin/sh", (char *) "-c", (char *) line, NULL };
        _cleanup_free_ char *copy = NULL;
        char *words[WORDS_MAX + 1] = {}, *rest, *word;
        size_t n = 0;

        if (strpbrk(line, "|&;<>()$`\\\"'*?[]#~=%{}"))
                return start(ctl, shell);
        copy = strdup(line);
        if (!copy)
                return -ENOMEM;
        for (word = strtok_r(copy, " \t\n", &rest); word && n < WORDS_MAX;
             word = strtok_r(NULL, " \t\n", &rest))
                words[n++] = word;
        if (n == 0 || streq(words[0], "cat"))
                return 0;
        return start(ctl, words);
}

int pager_open(Ctl *ctl) {
        const char *line = getenv("P2PCHAT_PAGER") ?: getenv("PAGER");
        int r;

        if (ctl->pager > 0)
                return 1;
        if (!ctl->tty || ctl->no_pager || ctl->json == JSON_SHORT || terminal_is_dumb())
                return 0;
        r = line ? start_line(ctl, line) : -ENOENT;
        if (r < 0)
                r = start_line(ctl, "less");
        return r > 0;
}

void pager_close(Ctl *ctl) {
        if (ctl->pager <= 0)
                return;
        (void) fflush(NULL);
        /* It reads to the end; what comes after it has nowhere to go. */
        _cleanup_close_ int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (null < 0 || dup2(null, STDOUT_FILENO) < 0)
                (void) close(STDOUT_FILENO);
        if (ctl->has_stderr && (null < 0 || dup2(null, STDERR_FILENO) < 0))
                (void) close(STDERR_FILENO);
        while (waitpid(ctl->pager, NULL, 0) < 0 && errno == EINTR)
                ;
        ctl->pager = 0;
}
