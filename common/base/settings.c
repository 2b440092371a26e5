/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how settings files are found, layered and told about; leaves their syntax to inih and their
 * meaning to each program. */
#include "base/settings.h"

#include <dirent.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"

#define FILE_BYTES_MAX (1024 * 1024) /* of one file; all that can be said is in a few KiB */
#define TOLD_MAX 64                  /* of one reading and kind: others use the journal too */

typedef struct Reader {
        const Setting *table;
        void *settings; /* weak */
        settings_warn_fn warn;
        void *userdata; /* weak */
        const char *path;
        FILE *file;
        char *buffer;
        size_t n_buffer;
        unsigned line;
        unsigned n_told[2]; /* by whether it is fatal: none hides the other */
        bool has_failed;    /* any file so far */
} Reader;

_printf_(3, 4) static void tell(Reader *reader, bool fatal, const char *format, ...) {
        char message[512];
        va_list ap;

        reader->has_failed = reader->has_failed || fatal;
        if (!reader->warn || reader->n_told[fatal] > TOLD_MAX)
                return;
        if (reader->n_told[fatal]++ == TOLD_MAX) {
                reader->warn(reader->path, reader->line, "and more of this kind, not told", fatal,
                             reader->userdata);
                return;
        }
        va_start(ap, format);
        (void) vsnprintf(message, sizeof(message), format, ap);
        va_end(ap);
        reader->warn(reader->path, reader->line, message, fatal, reader->userdata);
}

/* A line as inih wants it. Indentation is taken off, since inih would take the line for more of the
 * value above; what does not fit would come to it in pieces. */
static char *read_line(char *ret, int size, void *stream) {
        Reader *reader = stream;
        const char *line;
        ssize_t n;

        n = getline(&reader->buffer, &reader->n_buffer, reader->file);
        if (n < 0)
                return NULL;
        reader->line++;
        line = reader->buffer + strspn(reader->buffer, " \t");
        if (strlen(reader->buffer) != (size_t) n || strlen(line) >= (size_t) size) {
                tell(reader, true, "line is longer than %d bytes or holds a NUL byte", size - 2);
                line = "\n";
        }
        return strcpy(ret, line);
}

static int on_assignment(void *userdata, const char *section, const char *key, const char *value) {
        Reader *reader = userdata;
        int r;

        for (const Setting *s = reader->table; s->parse; s++) {
                if (!streq(s->section, section) || !streq(s->key, key))
                        continue;
                r = s->parse(value, reader->settings);
                if (r < 0)
                        tell(reader, true, "bad value \"%s\" for %s= in [%s]: %s", value, key,
                             section, strerrordesc_np(-r) ?: "unknown error");
                return 1;
        }
        tell(reader, false, "unknown key %s= in [%s], ignored", key, section);
        return 1;
}

static bool is_null_device(const struct stat *st) {
        return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

/* Never waits, as it would for who writes into a pipe. A link to /dev/null is a file that was put
 * out of use. */
static int open_file(const char *path, FILE **ret) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        if (!S_ISREG(st.st_mode) && !is_null_device(&st))
                return -EINVAL;
        if (st.st_size > FILE_BYTES_MAX)
                return -EFBIG;
        *ret = fdopen(fd, "r");
        if (!*ret)
                return -errno;
        TAKE_FD(fd);
        return 0;
}

static int cannot_read(Reader *reader, int error) {
        reader->line = 0;
        tell(reader, true, "cannot be read: %s",
             error == -EINVAL ? "Not a regular file" : strerror(-error));
        return error;
}

static int load_file(Reader *reader, const char *path) {
        _cleanup_fclose_ FILE *f = NULL;
        int r;

        r = open_file(path, &f);
        if (r == -ENOENT || r == -ENOTDIR)
                return 0;
        reader->path = path;
        reader->file = f;
        reader->line = 0;
        if (r < 0)
                return cannot_read(reader, r);
        r = ini_parse_stream(read_line, reader, on_assignment, reader);
        if (ferror(f))
                return cannot_read(reader, -EIO);
        if (r < 0)
                return -ENOMEM;
        if (r > 0) {
                reader->line = (unsigned) r;
                tell(reader, true, "neither a [section] nor an assignment");
        }
        return 0;
}

static int is_drop_in(const struct dirent *entry) {
        size_t n = strlen(entry->d_name);

        return entry->d_name[0] != '.' && n > strlen(".conf") &&
               streq(entry->d_name + n - strlen(".conf"), ".conf");
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_drop_ins(Reader *reader, const char *dir) {
        struct dirent **entries = NULL;
        int n, r = 0;

        n = scandir(dir, &entries, is_drop_in, by_bytes);
        if (n < 0)
                return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
        for (int i = 0; i < n; i++) {
                _cleanup_free_ char *path = NULL;

                if (r >= 0 && asprintf(&path, "%s/%s", dir, entries[i]->d_name) < 0) {
                        path = NULL;
                        r = -ENOMEM;
                }
                if (r >= 0)
                        r = load_file(reader, path);
                free(entries[i]);
        }
        free(entries);
        return r;
}

static int load_dir(Reader *reader, const char *dir, const char *name) {
        _cleanup_free_ char *path = NULL;
        int r;

        if (asprintf(&path, "%s/%s.conf.d", dir, name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        path[strlen(path) - strlen(".d")] = '\0';
        r = load_file(reader, path);
        if (r < 0)
                return r;
        strcat(path, ".d");
        return load_drop_ins(reader, path);
}

int settings_load(const char *const *dirs, const char *name, const Setting *table, void *settings,
                  settings_warn_fn warn, void *userdata) {
        Reader reader = {
                .table = table,
                .settings = settings,
                .warn = warn,
                .userdata = userdata,
        };
        int r = 0;

        for (; *dirs && r >= 0; dirs++)
                r = load_dir(&reader, *dirs, name);
        free(reader.buffer);
        if (r < 0)
                return r;
        return reader.has_failed ? -EINVAL : 0;
}
