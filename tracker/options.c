/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how p2pchat-trackerd is called: command line, environment, directories; leaves running to
 * main. */
#include "tracker/options.h"

#include <dirent.h>
#include <fcntl.h>
#include <getopt.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "base/names.h"
#include "net/listener.h"
#include "tracker/message-ids.h"
#include "tracker/small-file.h"
#include "version.h"
#include "wire/limits.h"

#define SETTINGS_DIRECTORY "/etc/p2pchat"
#define DATABASE_PASSWORD_MAX 1000 /* bytes; libpq takes 1,024 */

static void print_help(void) {
        printf("p2pchat-trackerd [OPTION…]\n\n"
               "Accounts and the channel directory for p2pchat.\n\n"
               "     --listen=ADDRESS       Listen on ip:port or [ip6]:port, when no socket is "
               "passed in\n"
               "     --state-directory=DIR  Keep the key, the certificate and the database there\n"
               "                            (default: $STATE_DIRECTORY)\n"
               "     --settings=DIR         Read tracker.conf there (default: %s)\n"
               "     --print-pin            Print the pin that people compare, and exit\n"
               "  -h --help                 Show this help\n"
               "     --version              Show the version\n",
               SETTINGS_DIRECTORY);
}

static int parse_arguments(int argc, char *argv[], Options *o, const char **ret_state,
                           const char **ret_settings) {
        enum { ARG_LISTEN = 256, ARG_STATE, ARG_SETTINGS, ARG_PIN, ARG_VERSION };
        static const struct option table[] = {
                { "listen", required_argument, NULL, ARG_LISTEN },
                { "state-directory", required_argument, NULL, ARG_STATE },
                { "settings", required_argument, NULL, ARG_SETTINGS },
                { "print-pin", no_argument, NULL, ARG_PIN },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, ARG_VERSION },
                {},
        };
        int c;

        while ((c = getopt_long(argc, argv, "h", table, NULL)) >= 0)
                switch (c) {
                case ARG_LISTEN:
                        o->listen = optarg;
                        break;
                case ARG_STATE:
                        *ret_state = optarg;
                        break;
                case ARG_SETTINGS:
                        *ret_settings = optarg;
                        break;
                case ARG_PIN:
                        o->print_pin = true;
                        break;
                case 'h':
                        print_help();
                        return 0;
                case ARG_VERSION:
                        printf("p2pchat-trackerd %s\n", P2PCHAT_VERSION);
                        return 0;
                default:
                        return -EINVAL; /* getopt said why */
                }
        if (optind < argc) {
                log_error("No argument is expected, but there is \"%s\".", argv[optind]);
                return -EINVAL;
        }
        return 1;
}

static int check_owner(const char *path, uid_t owner) {
        if (owner == geteuid())
                return 0;
        log_error(
                "The state directory %s belongs to user %u, and the tracker runs as user %u. Start "
                "it as the one that has it (systemctl start p2pchat-tracker), or: chown -R %u %s",
                path, owner, geteuid(), geteuid(), path);
        return -EPERM;
}

/* A service manager gives the directory to whom it starts, but looks no further where that is so
 * already: a backup that root put back into it stays root's. */
static int check_files(const char *path, int dir_fd) {
        _cleanup_free_ char *name = NULL;
        const struct dirent *e;
        struct stat st;
        int fd, r = 0;
        DIR *dir;

        fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        dir = fd >= 0 ? fdopendir(fd) : NULL;
        if (!dir) {
                r = log_error_errno(-errno, "Cannot look into the state directory %s", path);
                if (fd >= 0)
                        (void) close(fd);
                return r;
        }
        while (r >= 0 && (e = readdir(dir)))
                if (fstatat(dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) >= 0 &&
                    S_ISREG(st.st_mode) &&
                    faccessat(dir_fd, e->d_name, R_OK | W_OK, AT_EACCESS) < 0 && errno == EACCES &&
                    st.st_uid != geteuid()) {
                        if (asprintf(&name, "%s/%s", path, e->d_name) < 0)
                                r = log_error_errno(-ENOMEM, "Out of memory.");
                        else {
                                log_error("The file %s belongs to another user, and the tracker "
                                          "runs as user %u. As root: chown -R %u %s",
                                          name, geteuid(), geteuid(), path);
                                r = -EPERM;
                        }
                }
        closedir(dir);
        return r;
}

/* Keys are in there: nobody else may look. */
static int open_state_directory(const char *path, bool only_looks) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        if (mkdir(path, 0700) < 0 && errno != EEXIST)
                return log_error_errno(-errno, "Cannot make the state directory %s", path);
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        /* root may look at what is there already; what it makes would be root's. */
        only_looks = only_looks && fd >= 0 && faccessat(fd, "ca.pem", R_OK, 0) == 0;
        if (fd >= 0 && fstat(fd, &st) >= 0 && !only_looks && check_owner(path, st.st_uid) < 0)
                return -EPERM;
        if (fd < 0 || fstat(fd, &st) < 0 || ((st.st_mode & 0077) != 0 && fchmod(fd, 0700) < 0))
                return log_error_errno(-errno, "Cannot use the state directory %s", path);
        return only_looks ? 0 : check_files(path, fd);
}

/* One line. It is of no use to a database that is a file, and no reason not to start. */
static int read_database_password(TrackerSettings *settings) {
        _cleanup_close_ int dir_fd = -EBADF;
        char text[DATABASE_PASSWORD_MAX + 2]; /* with its line's end, and NUL */
        ssize_t n;
        int r = 0;

        if (!settings->credentials_directory)
                return 0;
        dir_fd = open(settings->credentials_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        n = dir_fd < 0 ? -errno : small_file_read(dir_fd, "database.password", text, sizeof(text));
        if (n == -ENOENT && dir_fd >= 0)
                return 0;
        if (n > 0 && text[n - 1] == '\n')
                text[--n] = '\0';
        if (n < 0 && n != -E2BIG)
                r = log_error_errno((int) n, "Cannot read the credential database.password");
        else if (n <= 0 || n > DATABASE_PASSWORD_MAX || strlen(text) != (size_t) n ||
                 strchr(text, '\n')) {
                log_error("The credential database.password is no password: one line of 1 to %d "
                          "bytes is expected.",
                          DATABASE_PASSWORD_MAX);
                r = -EINVAL;
        } else if (!(settings->database_password = strdup(text)))
                r = log_error_errno(-ENOMEM, "Out of memory.");
        explicit_bzero(text, sizeof(text));
        if (r >= 0)
                log_warning("There is a credential database.password, but the database is a file, "
                            "which takes none: it is not used.");
        return r;
}

int options_parse(int argc, char *argv[], TrackerSettings *settings, Options *ret) {
        const char *state = getenv("STATE_DIRECTORY");
        Options o = { .settings_directory = SETTINGS_DIRECTORY };
        int r;

        r = parse_arguments(argc, argv, &o, &state, &o.settings_directory);
        if (r <= 0)
                return r;
        if (!state || !*state) {
                log_error("No state directory: say --state-directory=DIR, or start the tracker by "
                          "systemd, which sets $STATE_DIRECTORY.");
                return -EINVAL;
        }
        r = open_state_directory(state, o.print_pin);
        if (r < 0)
                return r;
        r = tracker_settings_load(settings, (const char *const[]){ o.settings_directory, NULL });
        if (r < 0)
                return log_error_errno(r, "Cannot use the settings in %s; see p2pchat-tracker.conf(5)",
                                       o.settings_directory);
        if (free_and_strdup(&settings->state_directory, state) < 0 ||
            free_and_strdup(&settings->credentials_directory, getenv("CREDENTIALS_DIRECTORY")) < 0)
                return log_error_errno(-ENOMEM, "Out of memory.");
        r = read_database_password(settings);
        if (r < 0)
                return r;
        *ret = o;
        return 1;
}

int options_reload(const Options *o, TrackerSettings *settings) {
        int r;

        r = tracker_settings_reload(settings, (const char *const[]){ o->settings_directory, NULL });
        if (r < 0)
                return log_fields(LOG_ERR, r,
                                  LOG_FIELDS("MESSAGE_ID", MESSAGE_TRACKER_RELOAD_REFUSED),
                                  "Cannot use the settings in %s, those from before hold; see "
                                  "p2pchat-tracker.conf(5)",
                                  o->settings_directory);
        return 0;
}

static int open_passed_socket(int n, const Options *o, int *ret_fd) {
        int fd = SD_LISTEN_FDS_START;

        if (n > 1) {
                log_error("%d sockets were passed in, but a tracker serves exactly one.", n);
                return -EINVAL;
        }
        if (o->listen) {
                log_error("A socket was passed in: --listen= cannot be given with it.");
                return -EINVAL;
        }
        if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0) {
                log_error("What was passed in is no listening stream socket; the socket unit needs "
                          "ListenStream= and Accept=no.");
                return -EINVAL;
        }
        *ret_fd = fd;
        return 0;
}

int options_open_socket(const Options *o, const TrackerSettings *settings, int *ret_fd,
                        bool *ret_is_passed) {
        const char *text = o->listen ?: settings->listen;
        Address address;
        int n, r;

        n = sd_listen_fds(true);
        if (n < 0)
                return log_error_errno(n, "Cannot take the passed sockets");
        *ret_is_passed = n > 0;
        if (n > 0)
                return open_passed_socket(n, o, ret_fd);
        if (!text) {
                log_error("There is no socket: start p2pchat-tracker.socket, or say "
                          "--listen=[::]:%d.",
                          TRACKER_PORT);
                return -EINVAL;
        }
        r = address_parse(text, true, &address);
        if (r < 0)
                return log_error_errno(r, "\"%s\" is no ip:port or [ip6]:port.", text);
        r = listener_bind(&address, ret_fd);
        if (r < 0)
                return log_error_errno(r, "Cannot listen on %s", text);
        return 0;
}
