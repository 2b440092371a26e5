/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows backup and restore: taking everything along to another computer. */
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "ctl/client/client.h"
#include "ctl/show/print.h"
#include "ctl/verb/verbs.h"

/* ---- what came of it ---- */

typedef struct Result {
        uint64_t bytes, channels, hosted, entries, outbox;
        char *set_aside; /* NULL: nothing was */
        char *tracker, *pin;
        Writer users; /* a JSON array */
        char *user;   /* the first */
        size_t n_users;
} Result;

static void result_done(Result *s) {
        free(s->set_aside);
        free(s->tracker);
        free(s->pin);
        free(s->user);
        writer_done(&s->users);
}

static int read_users(sd_bus_message *m, Result *s) {
        const char *user;
        int r;

        r = sd_bus_message_enter_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read_basic(m, 's', &user)) > 0) {
                writer_string(&s->users, NULL, user);
                if (s->n_users++ == 0)
                        r = free_and_strdup(&s->user, user);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? r : 1;
}

static int read_pair(sd_bus_message *m, const char *key, void *userdata) {
        Result *s = userdata;
        const struct {
                const char *key;
                uint64_t *target;
        } numbers[] = {
                { "bytes", &s->bytes },     { "channels", &s->channels }, { "hosted", &s->hosted },
                { "entries", &s->entries }, { "outbox", &s->outbox },
        };
        const struct {
                const char *key;
                char **target;
        } texts[] = {
                { "set_aside", &s->set_aside },
                { "tracker", &s->tracker },
                { "tracker_pin", &s->pin },
        };
        const char *text;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                if (streq(key, numbers[i].key)) {
                        r = sd_bus_message_read(m, "v", "t", numbers[i].target);
                        return r < 0 ? r : 1;
                }
        if (streq(key, "users"))
                return read_users(m, s);
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (streq(key, texts[i].key)) {
                        r = sd_bus_message_read(m, "v", "s", &text);
                        if (r >= 0)
                                r = free_and_strdup(texts[i].target, text);
                        return r < 0 ? r : 1;
                }
        return 0;
}

static int read_result(Ctl *ctl, sd_bus_message *reply, Result *s) {
        int r;

        writer_begin_array(&s->users, NULL);
        r = client_read_pairs(reply, read_pair, s);
        writer_end_array(&s->users);
        return r < 0 ? client_fail(ctl, NULL, r) : EXIT_OK;
}

static int show_json(Ctl *ctl, Result *s) {
        _cleanup_(writer_done) Writer w = {};
        _cleanup_free_ char *users = NULL;
        size_t n;
        int r;

        r = writer_take(&s->users, &users, &n);
        if (r < 0)
                return client_fail(ctl, NULL, r);
        writer_begin_object(&w, NULL);
        writer_uint(&w, "bytes", s->bytes);
        writer_uint(&w, "channels", s->channels);
        writer_uint(&w, "hosted", s->hosted);
        writer_uint(&w, "entries", s->entries);
        writer_uint(&w, "outbox", s->outbox);
        writer_raw(&w, "users", users, n);
        writer_string(&w, "tracker", s->tracker ?: "");
        writer_string(&w, "tracker_pin", s->pin ?: "");
        if (s->set_aside)
                writer_string(&w, "set_aside", s->set_aside);
        writer_end_object(&w);
        return print_json(ctl, &w);
}

static void print_size(FILE *f, uint64_t n) {
        static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
        double size = (double) n;
        size_t i = 0;

        for (; size >= 1024 && i + 1 < ELEMENTSOF(units); i++)
                size /= 1024;
        fprintf(f, "%.*f %s", i ? 1 : 0, size, units[i]);
}

/* One line that is written over, for people only. */
static void on_progress(const char *step, uint64_t n_done, uint64_t n_total, void *userdata) {
        bool *shown = userdata;

        *shown = true;
        fputs("\r\033[K", stderr);
        print_escaped(stderr, step, false);
        if (n_total > 0) {
                fputs(" ", stderr);
                print_size(stderr, n_done);
                fputs(_(" of "), stderr);
                print_size(stderr, n_total);
        } else
                fputs("…", stderr);
        fflush(stderr);
}

static int call(Ctl *ctl, const char *method, int fd, bool set_aside, Result *ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        bool shown = false;
        int r;

        r = client_new_call(ctl, FACE_MANAGER, NULL, method, &m);
        if (r != EXIT_OK)
                return r;
        r = sd_bus_message_append_basic(m, 'h', &fd);
        if (r < 0)
                return client_fail(ctl, NULL, r);
        r = set_aside ? client_append_options(ctl, m, "set_aside", "b", 1, NULL)
                      : client_append_options(ctl, m, NULL);
        if (r != EXIT_OK)
                return r;
        r = client_call_long(ctl, m, isatty(STDERR_FILENO) > 0 ? on_progress : NULL, &shown,
                             &reply);
        if (shown)
                fputs("\r\033[K", stderr);
        return r == EXIT_OK ? read_result(ctl, reply, ret) : r;
}

/* ---- backup ---- */

/* A file that gets its name when it is whole. */
typedef struct Draft {
        const char *name; /* weak */
        char *folder;
        char *temporary; /* NULL: it has no name yet */
        int fd;
} Draft;

static void draft_done(Draft *d) {
        if (d->temporary)
                (void) unlink(d->temporary);
        free(d->temporary);
        free(d->folder);
        close_fd(d->fd);
}

static int draft_open(const char *name, Draft *d) {
        const char *slash = strrchr(name, '/');

        d->name = name;
        d->folder = slash ? strndup(name, (size_t) (slash - name) + 1) : strdup(".");
        if (!d->folder)
                return -ENOMEM;
        d->fd = open(d->folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
        if (d->fd >= 0)
                return 0;
        if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)
                return -errno;
        if (asprintf(&d->temporary, "%s.XXXXXX", name) < 0) {
                d->temporary = NULL;
                return -ENOMEM;
        }
        d->fd = mkostemp(d->temporary, O_CLOEXEC); /* 0600 */
        if (d->fd < 0) {
                free(TAKE_PTR(d->temporary));
                return -errno;
        }
        return 0;
}

/* Any free name: what is there already is not ours to take away. */
static int draft_name(Draft *d) {
        char self[64];

        snprintf(self, sizeof(self), "/proc/self/fd/%d", d->fd);
        for (unsigned i = 0; i < 100; i++) {
                if (asprintf(&d->temporary, "%s.%u.part", d->name, i) < 0) {
                        d->temporary = NULL;
                        return -ENOMEM;
                }
                if (linkat(AT_FDCWD, self, AT_FDCWD, d->temporary, AT_SYMLINK_FOLLOW) >= 0)
                        return 0;
                free(TAKE_PTR(d->temporary));
                if (errno != EEXIST)
                        return -errno;
        }
        return -EEXIST;
}

static int draft_finish(Draft *d, bool force) {
        _cleanup_close_ int folder = -EBADF;
        int r = 0;

        if (fsync(d->fd) < 0)
                return -errno;
        if (!d->temporary)
                r = draft_name(d);
        if (r < 0)
                return r;
        if (force) {
                if (rename(d->temporary, d->name) < 0)
                        return -errno;
                free(TAKE_PTR(d->temporary));
        } else if (link(d->temporary, d->name) < 0)
                return -errno;
        folder = open(d->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return folder < 0 || fsync(folder) < 0 ? -errno : 0;
}

static int fail_file(Ctl *ctl, const char *name, int r) {
        if (r == -EEXIST)
                return client_fail_as(ctl, "Conflict", EXIT_REFUSED,
                                      _("%s is there already; --force replaces it"), name);
        return client_fail_as(ctl, "Internal", EXIT_FAILED, "%s: %s", name, strerror(-r));
}

static int backup_file(Ctl *ctl, const char *name, bool force, Result *s) {
        _cleanup_(draft_done) Draft d = { .fd = -EBADF };
        struct stat st;
        int r;

        if (stat(name, &st) >= 0) {
                if (!S_ISREG(st.st_mode))
                        return client_fail_as(ctl, "BadRequest", EXIT_REFUSED,
                                              _("%s is no file; give a file, or - for a pipe"),
                                              name);
                if (!force)
                        return fail_file(ctl, name, -EEXIST);
        }
        r = draft_open(name, &d);
        if (r < 0)
                return fail_file(ctl, name, r);
        r = call(ctl, "Backup", d.fd, false, s);
        if (r != EXIT_OK)
                return r;
        r = draft_finish(&d, force);
        return r < 0 ? fail_file(ctl, name, r) : EXIT_OK;
}

static void print_counts(const Result *s) {
        fprintf(stderr, ngettext("%" PRIu64 " channel, ", "%" PRIu64 " channels, ", s->channels),
                s->channels);
        fprintf(stderr, ngettext("%" PRIu64 " entry", "%" PRIu64 " entries", s->entries),
                s->entries);
}

static int verb_backup(Ctl *ctl, int argc, char **argv) {
        bool arg_force = false, to_stdout;
        const Option options[] = { { "force", 0, OPTION_FLAG, &arg_force, NULL,
                                     N_("replace a file that is there already") },
                                   {} };
        _cleanup_(result_done) Result s = {};
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        to_stdout = streq(args[0], "-");
        if (to_stdout && ctl->tty)
                return client_fail_as(
                        ctl, "BadRequest", EXIT_USAGE,
                        _("A backup is nothing for a terminal; give a file or a pipe"));
        r = to_stdout ? call(ctl, "Backup", STDOUT_FILENO, false, &s)
                      : backup_file(ctl, args[0], arg_force, &s);
        if (r != EXIT_OK || to_stdout)
                return r;
        if (ctl->json != JSON_OFF)
                return show_json(ctl, &s);
        print_counts(&s);
        fputs(", ", stderr);
        print_size(stderr, s.bytes);
        fputs(_(". No key is in it: on the other computer, restore it and sign in.\n"), stderr);
        if (s.hosted > 0)
                fprintf(stderr,
                        ngettext("%" PRIu64 " of them is hosted here: when restored, it is "
                                 "closed, and host NAME begins anew.\n",
                                 "%" PRIu64 " of them are hosted here: when restored, they are "
                                 "closed, and host NAME begins anew.\n",
                                 s.hosted),
                        s.hosted);
        return EXIT_OK;
}

/* ---- restore ---- */

/* The pin in a file is one that nobody here has accepted yet. */
static void print_next(const Result *s) {
        if (s->tracker && *s->tracker) {
                fputs(_("Tracker "), stderr);
                print_escaped(stderr, s->tracker, false);
                fputs(_(", pin "), stderr);
                print_escaped(stderr, s->pin ?: "", false);
                fputs(_(": compare the pin before you sign in.\n"), stderr);
        }
        fputs(_("Next: p2pchatctl signin "), stderr);
        if (s->n_users == 1)
                print_escaped(stderr, s->user, false);
        else
                fputs(_("NAME"), stderr);
        fputc('\n', stderr);
}

static int verb_restore(Ctl *ctl, int argc, char **argv) {
        bool arg_set_aside = false;
        const Option options[] = { { "set-aside", 0, OPTION_FLAG, &arg_set_aside, NULL,
                                     N_("keep what is here under another name, out of the way") },
                                   {} };
        _cleanup_(result_done) Result s = {};
        _cleanup_close_ int file = -EBADF;
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        if (!streq(args[0], "-")) {
                file = open(args[0], O_RDONLY | O_CLOEXEC | O_NOCTTY);
                if (file < 0)
                        return errno == ENOENT ? client_fail_as(ctl, "NoSuchFile", EXIT_NO_SUCH,
                                                                _("There is no file %s"), args[0])
                                               : fail_file(ctl, args[0], -errno);
        }
        r = call(ctl, "Restore", file < 0 ? STDIN_FILENO : file, arg_set_aside, &s);
        if (r != EXIT_OK)
                return r;
        if (ctl->json != JSON_OFF)
                return show_json(ctl, &s);
        fputs(_("Here now: "), stderr);
        print_counts(&s);
        fputc('\n', stderr);
        if (s.set_aside)
                fprintf(stderr, _("What was here before is in %s\n"), s.set_aside);
        if (s.hosted > 0)
                fprintf(stderr,
                        ngettext("%" PRIu64 " that the backup's computer hosted is closed; host "
                                 "NAME begins a new log.\n",
                                 "%" PRIu64 " that the backup's computer hosted are closed; host "
                                 "NAME begins a new log.\n",
                                 s.hosted),
                        s.hosted);
        print_next(&s);
        return EXIT_OK;
}

const Verb verbs_backup[] = {
        { "backup", "FILE", 1, 1, verb_backup,
          N_("write everything but the key into a file; - is standard output") },
        { "restore", "FILE", 1, 1, verb_restore,
          N_("make a backup what is here; - is standard input") },
        {},
};
