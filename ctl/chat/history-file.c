/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows where lines that were typed are kept from one chat to the next, for their writer alone.
 * Leaves which lines those are to the chat. */
#include "ctl/chat/history-file.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#define LINE_BYTES_MAX 4096 /* longer ones are texts that nobody says twice */
#define WRITTEN_BYTES_MAX (2 * LINE_BYTES_MAX + 1)             /* every byte of it may be escaped */
#define FILE_BYTES_MAX (HISTORY_LINES_MAX * WRITTEN_BYTES_MAX) /* the rest is never looked at */

static int get_path(char **ret) {
        const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
        int n;

        if (state && *state == '/')
                n = asprintf(ret, "%s/p2pchat", state);
        else if (home && *home == '/')
                n = asprintf(ret, "%s/.local/state/p2pchat", home);
        else
                return -ENOENT;
        return n < 0 ? -ENOMEM : 0;
}

static int open_file(int flags) {
        _cleanup_free_ char *directory = NULL, *path = NULL;
        struct stat st;
        int fd;

        if (get_path(&directory) < 0 || asprintf(&path, "%s/chat-history", directory) < 0)
                return -ENOENT;
        if (flags & O_CREAT)
                for (char *slash = directory + 1; *directory;) {
                        slash = strchrnul(slash, '/');
                        const char was = *slash;
                        *slash = 0;
                        (void) mkdir(directory, 0700);
                        *slash = was;
                        if (!was)
                                break;
                        slash++;
                }
        fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
            ((st.st_mode & 077) && fchmod(fd, 0600) < 0)) {
                close(fd);
                return -EINVAL;
        }
        return fd;
}

/* One line of the file: LF is \n, and a backslash two of them. */
static void write_line(FILE *f, const char *line) {
        for (const char *p = line; *p; p++)
                if (*p == '\n')
                        fputs("\\n", f);
                else if (*p == '\\')
                        fputs("\\\\", f);
                else
                        fputc(*p, f);
        fputc('\n', f);
}

static void read_line(char *line) {
        char *to = line;

        for (const char *p = line; *p; p++)
                if (*p == '\\' && (p[1] == 'n' || p[1] == '\\'))
                        *to++ = *++p == 'n' ? '\n' : '\\';
                else
                        *to++ = *p;
        *to = 0;
}

static void lines_free(char **lines, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(lines[i]);
}

/* The newest lines alone are left when there are twice as many: whole, beside the file and in its
 * place then. Nobody writes meanwhile who would lose more than a line. */
static void shorten(char **lines, size_t n) {
        _cleanup_free_ char *directory = NULL, *path = NULL, *fresh = NULL;
        bool is_whole;
        FILE *f;
        int fd;

        if (get_path(&directory) < 0 || asprintf(&path, "%s/chat-history", directory) < 0 ||
            asprintf(&fresh, "%s.XXXXXX", path) < 0)
                return;
        fd = mkostemp(fresh, O_CLOEXEC); /* 0600 */
        if (fd < 0)
                return;
        f = fdopen(fd, "w");
        for (size_t i = 0; f && i < n; i++)
                write_line(f, lines[i]);
        if (!f)
                close(fd);
        is_whole = f && fflush(f) == 0 && fsync(fd) >= 0;
        if (f && fclose(f) != 0)
                is_whole = false;
        if (!is_whole || rename(fresh, path) < 0)
                (void) unlink(fresh);
}

/* Of a file that is larger than we let it grow the end alone is looked at. → whether it is one. */
static bool go_to_end(int fd) {
        return lseek(fd, -(off_t) FILE_BYTES_MAX, SEEK_END) > 0;
}

void history_file_read(history_line_fn fn) {
        char *lines[HISTORY_LINES_MAX] = {};
        _cleanup_close_ int fd = open_file(O_RDONLY);
        _cleanup_free_ char *line = NULL;
        size_t size = 0, n = 0;
        bool is_cut = fd >= 0 && go_to_end(fd);
        FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;

        if (!f)
                return;
        (void) TAKE_FD(fd);
        while (getline(&line, &size, f) > 0) {
                char **slot = lines + n % HISTORY_LINES_MAX, *kept;

                line[strcspn(line, "\n")] = 0;
                if (!*line || strlen(line) >= WRITTEN_BYTES_MAX)
                        continue;
                kept = strdup(line);
                if (!kept)
                        break;
                free(*slot);
                *slot = kept;
                n++;
        }
        fclose(f);
        char *ordered[HISTORY_LINES_MAX];
        size_t n_kept = MIN(n, (size_t) HISTORY_LINES_MAX);
        for (size_t i = 0; i < n_kept; i++) {
                ordered[i] = lines[(n - n_kept + i) % HISTORY_LINES_MAX];
                read_line(ordered[i]);
                fn(ordered[i]);
        }
        if (is_cut || n > 2 * HISTORY_LINES_MAX)
                shorten(ordered, n_kept);
        lines_free(ordered, n_kept);
}

void history_file_add(const char *line) {
        _cleanup_close_ int fd = -1;
        _cleanup_free_ char *text = NULL;
        size_t n;
        FILE *f;

        if (strlen(line) > LINE_BYTES_MAX)
                return;
        fd = open_file(O_WRONLY | O_APPEND | O_CREAT);
        f = fd >= 0 ? open_memstream(&text, &n) : NULL;
        if (!f)
                return;
        write_line(f, line);
        if (fclose(f) != 0 || write(fd, text, n) != (ssize_t) n)
                return;
}
