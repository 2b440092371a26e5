/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how passwords and codes are asked for, so that they are never arguments. */
#include "ctl/password.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <termios.h>

#include "ctl/client/client-call.h"

/* One line, at most PASSWORD_SIZE - 2 bytes without its LF. */
static int read_line(int fd, char ret[static PASSWORD_SIZE]) {
        size_t n = 0;

        for (;;) {
                char c;
                ssize_t k = read(fd, &c, 1);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (k == 0 || c == '\n')
                        break;
                if (c == 0 || n >= PASSWORD_SIZE - 1)
                        return -E2BIG;
                ret[n++] = c;
        }
        ret[n] = 0;
        return n > 0 ? 0 : -ENODATA;
}

/* What ends or stops the program waits until the terminal echoes again. */
static int block_signals(sigset_t *ret_before) {
        static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
        sigset_t wanted;
        int fd;

        sigemptyset(&wanted);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                sigaddset(&wanted, signals[i]);
        if (sigprocmask(SIG_BLOCK, &wanted, ret_before) < 0)
                return -errno;
        fd = signalfd(-1, &wanted, SFD_CLOEXEC);
        if (fd < 0) {
                int r = -errno;

                (void) sigprocmask(SIG_SETMASK, ret_before, NULL);
                return r;
        }
        return fd;
}

/* A line, or -EINTR when a signal is pending. In a terminal a line is there at once. */
static int read_line_or_signal(int tty, int signal_fd, char ret[static PASSWORD_SIZE]) {
        struct pollfd fds[] = { { .fd = tty, .events = POLLIN },
                                { .fd = signal_fd, .events = POLLIN } };

        while (poll(fds, ELEMENTSOF(fds), -1) < 0)
                if (errno != EINTR)
                        return -errno;
        return fds[1].revents ? -EINTR : read_line(tty, ret);
}

static int ask(int tty, bool echo, const char *prompt, char ret[static PASSWORD_SIZE]) {
        _cleanup_close_ int signal_fd = -EBADF;
        struct termios before, quiet;
        sigset_t signals;
        int r;

        if (tcgetattr(tty, &before) < 0)
                return -errno;
        signal_fd = block_signals(&signals);
        if (signal_fd < 0)
                return signal_fd;
        quiet = before;
        if (!echo)
                quiet.c_lflag &= ~(tcflag_t) ECHO;
        /* What was typed before it was asked for is dropped; so the question comes behind that. */
        r = tcsetattr(tty, TCSAFLUSH, &quiet) < 0 ? -errno : 0;
        if (r >= 0) {
                dprintf(tty, "%s", prompt);
                r = read_line_or_signal(tty, signal_fd, ret);
                (void) tcsetattr(tty, TCSAFLUSH, &before);
        }
        if (!echo)
                dprintf(tty, "\n");
        (void) sigprocmask(SIG_SETMASK, &signals, NULL); /* and here it ends us */
        return r;
}

static int open_terminal(Ctl *ctl, const char *what, int *ret) {
        *ret = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
        if (*ret >= 0)
                return EXIT_OK;
        return client_fail_as(
                ctl, "BadRequest", EXIT_USAGE,
                _("There is no terminal to ask for the %s; give it by --password-fd=N"), what);
}

static int get_line(Ctl *ctl, int fd, const char *what, char ret[static PASSWORD_SIZE]) {
        int r;

        r = read_line(fd, ret);
        if (r == -E2BIG)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("The %s is longer than 256 bytes"), what);
        if (r < 0)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("No %s could be read from descriptor %d: %s"), what, fd,
                                      strerror(-r));
        return EXIT_OK;
}

static int ask_twice(int tty, const char *prompt, char ret[static PASSWORD_SIZE]) {
        char again[PASSWORD_SIZE] = {};
        int r;

        r = ask(tty, false, prompt, ret);
        if (r < 0)
                return r;
        r = ask(tty, false, _("The same again: "), again);
        if (r >= 0 && !streq(ret, again))
                r = -EAGAIN;
        explicit_bzero(again, sizeof(again));
        return r;
}

int password_try(Ctl *ctl, const char *prompt, char ret[static PASSWORD_SIZE]) {
        _cleanup_close_ int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
        int r;

        r = tty < 0 ? -errno : ask_twice(tty, prompt, ret);
        if (r < 0)
                explicit_bzero(ret, PASSWORD_SIZE);
        return r;
}

static int get(Ctl *ctl, int fd, const char *what, bool confirm, char ret[static PASSWORD_SIZE]) {
        _cleanup_close_ int tty = -EBADF;
        char prompt[64];
        int r;

        if (fd >= 0)
                return get_line(ctl, fd, what, ret);
        r = open_terminal(ctl, what, &tty);
        if (r != EXIT_OK)
                return r;
        snprintf(prompt, sizeof(prompt), "%c%s: ", toupper((unsigned char) what[0]), what + 1);
        r = confirm ? ask_twice(tty, prompt, ret) : ask(tty, false, prompt, ret);
        if (r == -EAGAIN)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("The two passwords differ; nothing was done"));
        if (r < 0)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("No %s was given; nothing was done"), what);
        return EXIT_OK;
}

int password_get(Ctl *ctl, int fd, const char *what, bool confirm, char ret[static PASSWORD_SIZE]) {
        int r;

        r = get(ctl, fd, what, confirm, ret);
        if (r != EXIT_OK)
                explicit_bzero(ret, PASSWORD_SIZE);
        return r;
}

int terminal_ask(Ctl *ctl, const char *prompt, char ret[static PASSWORD_SIZE]) {
        _cleanup_close_ int tty = -EBADF;
        int r;

        r = open_terminal(ctl, _("password"), &tty);
        if (r != EXIT_OK)
                return r;
        if (ask(tty, true, prompt, ret) < 0)
                ret[0] = '\0';
        return EXIT_OK;
}

int password_parse_fd(Ctl *ctl, uint64_t option, int *ret_fd) {
        if (option != UINT64_MAX && option > INT_MAX)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("--password-fd takes a descriptor, not %" PRIu64), option);
        *ret_fd = option == UINT64_MAX ? -1 : (int) option;
        return EXIT_OK;
}
