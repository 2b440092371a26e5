/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a program's words look like on stderr, and when they go to the journal instead. */
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/log.h"

typedef struct Fixture {
        int saved_stderr;
        int read_fd;
        char text[8192];
} Fixture;

static int setup(void **state) {
        Fixture *f = new0(Fixture, 1);
        int fds[2];

        *state = f;
        if (!f || pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return -1;
        f->saved_stderr = dup(STDERR_FILENO);
        f->read_fd = fds[0];
        if (dup2(fds[1], STDERR_FILENO) < 0)
                return -1;
        close(fds[1]);
        unsetenv("JOURNAL_STREAM");
        log_set_max_level(LOG_INFO);
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        dup2(f->saved_stderr, STDERR_FILENO);
        close(f->saved_stderr);
        close(f->read_fd);
        free(f);
        return 0;
}

static const char *heard(Fixture *f) {
        ssize_t n = read(f->read_fd, f->text, sizeof(f->text) - 1);

        f->text[MAX(n, (ssize_t) 0)] = '\0';
        return f->text;
}

static void lines_carry_their_level(void **state) {
        Fixture *f = *state;

        errno = EBADF;
        assert_int_equal(log_info("hello %d", 7), 0);
        assert_int_equal(errno, EBADF);
        assert_string_equal(heard(f), "<6>hello 7\n");
        log_error("%s", "two\nlines\x1b[31m");
        assert_string_equal(heard(f), "<3>two lines [31m\n");
        log_fields(LOG_NOTICE, 0, LOG_FIELDS("CHAT_USER", "alice", "CHAT_PEER", NULL), "x");
        assert_string_equal(heard(f), "<5>x\n");
}

static void errors_are_spelt_out_and_returned(void **state) {
        Fixture *f = *state;

        assert_int_equal(log_error_errno(-ENOENT, "cannot open %s", "x"), -ENOENT);
        assert_string_equal(heard(f), "<3>cannot open x: No such file or directory\n");
        assert_int_equal(log_warning_errno(ENOENT, "no %%m, %m here"), -ENOENT);
        assert_string_equal(heard(f), "<4>no %m, No such file or directory here\n");
        assert_int_equal(log_error_errno(-99999, "odd"), -99999);
        assert_string_equal(heard(f), "<3>odd: unknown error\n");
}

static void talk_stops_at_the_level(void **state) {
        Fixture *f = *state;

        assert_int_equal(log_get_max_level(), LOG_INFO);
        log_debug("quiet");
        assert_string_equal(heard(f), "");
        log_set_max_level(LOG_DEBUG);
        log_debug("loud");
        assert_string_equal(heard(f), "<7>loud\n");
        log_set_max_level(LOG_ERR);
        assert_int_equal(log_warning_errno(-EIO, "quiet"), -EIO);
        assert_string_equal(heard(f), "");
}

static void long_messages_are_cut(void **state) {
        char long_text[5000] = "";
        Fixture *f = *state;

        memset(long_text, 'x', sizeof(long_text) - 1);
        assert_int_equal(log_error_errno(-EIO, "%s", long_text), -EIO);
        assert_in_range(strlen(heard(f)), 2000, 2100);
        assert_int_equal(f->text[strlen(f->text) - 1], '\n');
}

/* The journal's own files are the system tests' business; here only that stderr is left alone. */
static void the_journal_is_used_where_stderr_is_its_stream(void **state) {
        Fixture *f = *state;
        char stream[64];
        struct stat st;

        assert_int_equal(fstat(STDERR_FILENO, &st), 0);
        snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t) st.st_dev,
                 (uintmax_t) st.st_ino + 1);
        setenv("JOURNAL_STREAM", stream, 1); /* inherited, but stderr is another one by now */
        log_info("here");
        assert_string_equal(heard(f), "<6>here\n");
        setenv("JOURNAL_STREAM", "nonsense", 1);
        log_info("here");
        assert_string_equal(heard(f), "<6>here\n");
        snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t) st.st_dev, (uintmax_t) st.st_ino);
        setenv("JOURNAL_STREAM", stream, 1);
        log_info("there");
        assert_string_equal(heard(f), "");
        unsetenv("JOURNAL_STREAM");
}

static void levels_have_names(void **state) {
        assert_int_equal(log_level_from_string("emerg"), LOG_EMERG);
        assert_int_equal(log_level_from_string("info"), LOG_INFO);
        assert_int_equal(log_level_from_string("debug"), LOG_DEBUG);
        assert_int_equal(log_level_from_string("7"), -EINVAL);
        assert_int_equal(log_level_from_string(""), -EINVAL);
        for (int level = LOG_EMERG; level <= LOG_DEBUG; level++)
                assert_int_equal(log_level_from_string(log_level_to_string(level)), level);
        assert_null(log_level_to_string(LOG_DEBUG + 1));
        assert_null(log_level_to_string(-1));
}

static void targets_have_names(void **state) {
        for (LogTarget t = 0; t < LOG_TARGET_MAX; t++)
                assert_int_equal(log_target_from_string(log_target_to_string(t)), t);
        assert_int_equal(log_target_from_string("kmsg"), LOG_TARGET_INVALID);
        assert_null(log_target_to_string(LOG_TARGET_MAX));
}

static void the_target_is_said_at_last(void **state) {
        Fixture *f = *state;
        char stream[64];
        struct stat st;

        assert_int_equal(log_get_target(), LOG_TARGET_AUTO);
        assert_return_code(fstat(STDERR_FILENO, &st), errno);
        snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t) st.st_dev, (uintmax_t) st.st_ino);
        setenv("JOURNAL_STREAM", stream, 1);
        log_set_target(LOG_TARGET_CONSOLE);
        log_info("here");
        assert_string_equal(heard(f), "<6>here\n");
        log_set_target(LOG_TARGET_JOURNAL);
        unsetenv("JOURNAL_STREAM");
        log_info("there");
        assert_string_equal(heard(f), "");
        log_set_target(LOG_TARGET_AUTO);
        log_info("here");
        assert_string_equal(heard(f), "<6>here\n");
}

#define heard_by_pipe(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(levels_have_names),
                cmocka_unit_test(targets_have_names),
                heard_by_pipe(lines_carry_their_level),
                heard_by_pipe(errors_are_spelt_out_and_returned),
                heard_by_pipe(talk_stops_at_the_level),
                heard_by_pipe(long_messages_are_cut),
                heard_by_pipe(the_journal_is_used_where_stderr_is_its_stream),
                heard_by_pipe(the_target_is_said_at_last),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
