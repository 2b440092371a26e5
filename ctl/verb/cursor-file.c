/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the file in which one who reads logs notes how far that is; leaves what is read to the
 * verbs. */
#include "ctl/verb/cursor-file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/names.h"
#include "base/random.h"
#include "ctl/client/client-call.h"

#define FIRST_LINE "p2pchat cursors 1\n"
#define CHANNELS_MAX 16384                         /* far beyond what a daemon has */
#define LINE_MAX_BYTES (UUID_STRING_SIZE + 20 + 1) /* id, space in place of its NUL, seq, LF */
#define FILE_MAX_BYTES (CHANNELS_MAX * LINE_MAX_BYTES)

typedef struct Cursor {
        char id[UUID_STRING_SIZE];
        uint64_t seq;
} Cursor;

struct CursorFile {
        const char *path; /* borrowed */
        Cursor *cursors;
        size_t n;
        bool is_changed;
};

CursorFile *cursor_file_free(CursorFile *c) {
        if (!c)
                return NULL;
        free(c->cursors);
        free(c);
        return NULL;
}

static Cursor *find(const CursorFile *c, const char *id) {
        for (size_t i = 0; i < c->n; i++)
                if (streq(c->cursors[i].id, id))
                        return c->cursors + i;
        return NULL;
}

bool cursor_file_is_empty(const CursorFile *c) {
        return c->n == 0;
}

bool cursor_file_get(const CursorFile *c, const char *channel_id, uint64_t *ret_seq) {
        const Cursor *cursor = find(c, channel_id);

        if (cursor)
                *ret_seq = cursor->seq;
        return cursor;
}

int cursor_file_set(CursorFile *c, const char *channel_id, uint64_t seq) {
        Cursor *cursor = find(c, channel_id), *grown;

        if (!cursor) {
                if (c->n == CHANNELS_MAX)
                        return -E2BIG;
                grown = reallocarray(c->cursors, c->n + 1, sizeof(Cursor));
                if (!grown)
                        return -ENOMEM;
                c->cursors = grown;
                cursor = grown + c->n++;
                snprintf(cursor->id, sizeof(cursor->id), "%s", channel_id);
                c->is_changed = true;
        } else if (cursor->seq == seq)
                return 0;
        cursor->seq = seq;
        c->is_changed = true;
        return 0;
}

/* "UUID SEQ", its LF already a NUL. */
static int parse_line(CursorFile *c, char *line) {
        char *seq = strchr(line, ' '), *end;
        uint64_t number;

        if (!seq)
                return -EBADMSG;
        *seq++ = 0;
        if (!uuid_is_valid(line) || find(c, line) || *seq < '0' || *seq > '9')
                return -EBADMSG;
        errno = 0;
        number = strtoull(seq, &end, 10);
        if (errno != 0 || *end || number > INT64_MAX)
                return -EBADMSG;
        return cursor_file_set(c, line, number);
}

static int parse(CursorFile *c, char *text) {
        char *line;
        int r;

        if (strncmp(text, FIRST_LINE, strlen(FIRST_LINE)) != 0)
                return -EBADMSG;
        for (line = text + strlen(FIRST_LINE); *line;) {
                char *end = strchr(line, '\n');

                if (!end)
                        return -EBADMSG;
                *end = 0;
                r = parse_line(c, line);
                if (r < 0)
                        return r;
                line = end + 1;
        }
        c->is_changed = false;
        return 0;
}

/* Empty where there is no such file. */
static int read_file(const char *path, char **ret) {
        _cleanup_free_ char *text = NULL;
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        size_t n = 0;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0 && errno == ENOENT) {
                *ret = strdup("");
                return *ret ? 0 : -ENOMEM;
        }
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX_BYTES)
                return -EBADMSG;
        text = new0(char, (size_t) st.st_size + 1);
        if (!text)
                return -ENOMEM;
        while (n < (size_t) st.st_size) {
                ssize_t k = read(fd, text + n, (size_t) st.st_size - n);

                if (k < 0)
                        return -errno;
                if (k == 0)
                        break;
                n += (size_t) k;
        }
        if (memchr(text, 0, n)) /* a file of something else, and not to be replaced */
                return -EBADMSG;
        *ret = TAKE_PTR(text);
        return 0;
}

static int write_all(const CursorFile *c, int fd) {
        if (dprintf(fd, FIRST_LINE) < 0)
                return -errno;
        for (size_t i = 0; i < c->n; i++)
                if (dprintf(fd, "%s %" PRIu64 "\n", c->cursors[i].id, c->cursors[i].seq) < 0)
                        return -errno;
        return fsync(fd) < 0 ? -errno : 0;
}

/* Opens what becomes the file, alone: two who note in the same one would write into each other's.
 */
static int open_beside(const char *beside, int *ret_fd) {
        _cleanup_close_ int fd = -EBADF;
        struct stat ours, there;

        do {
                fd = close_fd(fd);
                fd = open(beside,
                          O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK,
                          0600);
                if (fd < 0 || flock(fd, LOCK_EX) < 0 || fstat(fd, &ours) < 0)
                        return -errno;
                /* The one before us may have renamed it while we waited. */
        } while (stat(beside, &there) < 0 || there.st_ino != ours.st_ino ||
                 there.st_dev != ours.st_dev);
        if (ftruncate(fd, 0) < 0)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int replace(const CursorFile *c) {
        _cleanup_free_ char *beside = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (asprintf(&beside, "%s.new", c->path) < 0) {
                beside = NULL;
                return -ENOMEM;
        }
        r = open_beside(beside, &fd);
        if (r < 0)
                return r;
        r = write_all(c, fd);
        if (r >= 0 && rename(beside, c->path) < 0)
                r = -errno;
        if (r < 0)
                (void) unlink(beside);
        return r;
}

int cursor_file_write(Ctl *ctl, CursorFile *c) {
        int r;

        if (!c->is_changed)
                return EXIT_OK;
        r = replace(c);
        if (r < 0)
                return client_fail_as(ctl, "Internal", EXIT_FAILED,
                                      _("Cannot write the cursor file %s: %s"), c->path,
                                      strerror(-r));
        c->is_changed = false;
        return EXIT_OK;
}

int cursor_file_open(Ctl *ctl, const char *path, CursorFile **ret) {
        _cleanup_(cursor_file_freep) CursorFile *c = NULL;
        _cleanup_free_ char *text = NULL;
        int r;

        c = new0(CursorFile, 1);
        if (!c)
                return client_fail(ctl, NULL, -ENOMEM);
        c->path = path;
        r = read_file(path, &text);
        if (r >= 0 && *text)
                r = parse(c, text);
        if (r == -EBADMSG)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("%s is no cursor file; name another, or remove it to begin "
                                        "anew"),
                                      path);
        if (r < 0)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("Cannot read the cursor file %s: %s"), path, strerror(-r));
        c->is_changed = true;
        r = cursor_file_write(ctl, c);
        if (r == EXIT_OK)
                *ret = TAKE_PTR(c);
        return r;
}
