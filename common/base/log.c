/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how an entry reaches the journal or stderr; leaves the words to the caller. */
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "base/log.h"

#define FIELDS_MAX 24

static atomic_int max_level = LOG_INFO;
static atomic_int log_target = LOG_TARGET_AUTO;

static const char *const level_table[] = {
        [LOG_EMERG] = "emerg", [LOG_ALERT] = "alert",     [LOG_CRIT] = "crit",
        [LOG_ERR] = "err",     [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
        [LOG_INFO] = "info",   [LOG_DEBUG] = "debug",
};

void log_set_max_level(int level) {
        max_level = level;
}

int log_get_max_level(void) {
        return max_level;
}

int log_level_from_string(const char *s) {
        for (size_t i = 0; i < ELEMENTSOF(level_table); i++)
                if (streq(s, level_table[i]))
                        return (int) i;
        return -EINVAL;
}

const char *log_level_to_string(int level) {
        return level >= 0 && level < (int) ELEMENTSOF(level_table) ? level_table[level] : NULL;
}

static const char *const target_table[LOG_TARGET_MAX] = {
        [LOG_TARGET_AUTO] = "auto",
        [LOG_TARGET_JOURNAL] = "journal",
        [LOG_TARGET_CONSOLE] = "console",
};

void log_set_target(LogTarget target) {
        log_target = (int) target;
}

LogTarget log_get_target(void) {
        return (LogTarget) (int) log_target;
}

const char *log_target_to_string(LogTarget target) {
        return target >= 0 && target < LOG_TARGET_MAX ? target_table[target] : NULL;
}

LogTarget log_target_from_string(const char *s) {
        for (LogTarget t = 0; t < LOG_TARGET_MAX; t++)
                if (streq(s, target_table[t]))
                        return t;
        return LOG_TARGET_INVALID;
}

/* systemd.exec(5): the variable alone proves nothing, it is inherited past redirections. */
static bool stderr_is_journal(void) {
        const char *stream = getenv("JOURNAL_STREAM");
        uintmax_t dev, ino;
        struct stat st;

        return stream && sscanf(stream, "%ju:%ju", &dev, &ino) == 2 &&
               fstat(STDERR_FILENO, &st) >= 0 && st.st_dev == dev && st.st_ino == ino;
}

_printf_(4, 5) static void add_field(struct iovec *iov, size_t *n, size_t max, const char *format,
                                     ...) {
        va_list ap;
        char *s;
        int k;

        if (*n >= max)
                return;
        va_start(ap, format);
        k = vasprintf(&s, format, ap);
        va_end(ap);
        if (k >= 0)
                iov[(*n)++] = (struct iovec){ .iov_base = s, .iov_len = (size_t) k };
}

static bool wants_journal(void) {
        switch (log_get_target()) {
        case LOG_TARGET_JOURNAL:
                return true;
        case LOG_TARGET_CONSOLE:
                return false;
        case LOG_TARGET_AUTO:
        case LOG_TARGET_MAX:
        case LOG_TARGET_INVALID:
                break;
        }
        return stderr_is_journal();
}

static int log_to_journal(int level, int error, const char *const *fields, const char *file,
                          int line, const char *func, const char *message) {
        struct iovec iov[FIELDS_MAX];
        size_t n = 0;
        int r;

        add_field(iov, &n, FIELDS_MAX, "MESSAGE=%s", message);
        add_field(iov, &n, FIELDS_MAX, "PRIORITY=%d", level);
        add_field(iov, &n, FIELDS_MAX, "CODE_FILE=%s", file);
        add_field(iov, &n, FIELDS_MAX, "CODE_LINE=%d", line);
        add_field(iov, &n, FIELDS_MAX, "CODE_FUNC=%s", func);
        if (error != 0)
                add_field(iov, &n, FIELDS_MAX, "ERRNO=%d", error);
        for (; fields && fields[0]; fields += 2)
                if (fields[1])
                        add_field(iov, &n, FIELDS_MAX, "%s=%s", fields[0], fields[1]);
        r = sd_journal_sendv(iov, (int) n);
        for (size_t i = 0; i < n; i++)
                free(iov[i].iov_base);
        return r;
}

/* One write, so that the lines of threads and processes do not mix. What a stranger chose cannot
 * begin a line of its own. */
static void log_to_stderr(int level, const char *message) {
        char line[LINE_MAX + 8];
        int n = 0;

        if (!isatty(STDERR_FILENO))
                n = snprintf(line, sizeof(line), "<%d>", level);
        for (const char *p = message; *p && n < (int) sizeof(line) - 1; p++)
                line[n++] = (unsigned char) *p < 0x20 || *p == 0x7f ? ' ' : *p;
        line[n++] = '\n';
        while (write(STDERR_FILENO, line, (size_t) n) < 0 && errno == EINTR)
                ;
}

int log_full(int level, int error, const char *const *fields, const char *file, int line,
             const char *func, const char *format, ...) {
        int saved_errno = errno, number = abs(error);
        char message[LINE_MAX];
        va_list ap;
        size_t n;

        assert(format);
        if (level > max_level)
                return -number;

        errno = number; /* %m */
        va_start(ap, format);
        (void) vsnprintf(message, sizeof(message), format, ap);
        va_end(ap);
        n = strlen(message);
        if (number != 0 && !strstr(format, "%m"))
                (void) snprintf(message + n, sizeof(message) - n, ": %s",
                                strerrordesc_np(number) ?: "unknown error");

        if (!wants_journal() ||
            log_to_journal(level, number, fields, file, line, func, message) < 0)
                log_to_stderr(level, message);
        errno = saved_errno;
        return -number;
}
