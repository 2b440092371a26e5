/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows where the CA's key and certificate are kept, and that they are whole or not there; leaves
 * using them to authority.c. */
#include "tracker/authority-files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/log.h"
#include "tracker/message-ids.h"

#define FILE_BYTES_MAX 16384 /* either is below 1 KiB */

/* The text is erased by the caller where it is a key. */
static int read_file(int dir_fd, const char *name, char ret[static FILE_BYTES_MAX]) {
        _cleanup_close_ int fd = -EBADF;
        size_t n = 0;

        fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;
        for (;;) {
                ssize_t k = read(fd, ret + n, FILE_BYTES_MAX - 1 - n);

                if (k < 0)
                        return -errno;
                n += (size_t) k;
                if (k == 0)
                        break;
                if (n == FILE_BYTES_MAX - 1)
                        return -E2BIG;
        }
        ret[n] = '\0';
        return 0;
}

/* Whole and on disk under its name, or not there. */
static int write_file(int dir_fd, const char *name, const char *text) {
        _cleanup_free_ char *temporary = NULL;
        _cleanup_close_ int fd = -EBADF;
        size_t n = strlen(text);
        int r = 0;

        if (asprintf(&temporary, ".%s.new", name) < 0)
                return -ENOMEM;
        (void) unlinkat(dir_fd, temporary, 0);
        fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        while (n > 0 && r >= 0) {
                ssize_t k = write(fd, text, n);

                if (k < 0)
                        r = -errno;
                else {
                        text += k;
                        n -= (size_t) k;
                }
        }
        if (r >= 0 &&
            (fsync(fd) < 0 || renameat(dir_fd, temporary, dir_fd, name) < 0 || fsync(dir_fd) < 0))
                r = -errno;
        if (r < 0)
                (void) unlinkat(dir_fd, temporary, 0);
        return r;
}

static int read_key(int dir_fd, Key **ret) {
        char text[FILE_BYTES_MAX];
        int r;

        r = read_file(dir_fd, "ca.key", text);
        if (r >= 0)
                r = key_from_pem(text, ret);
        explicit_bzero(text, sizeof(text));
        return r;
}

/* A backup that was put back may have let others in. */
static int keep_private(int dir_fd, const char *state_directory) {
        struct stat st;

        if (fstatat(dir_fd, "ca.key", &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (!S_ISREG(st.st_mode))
                return -ELOOP;
        if ((st.st_mode & 077) == 0)
                return 0;
        if (fchmodat(dir_fd, "ca.key", 0600, 0) < 0)
                return -errno;
        log_fields(LOG_WARNING, 0,
                   LOG_FIELDS("MESSAGE_ID", MESSAGE_TRACKER_AUTHORITY_EXPOSED, "CHAT_DIRECTORY",
                              state_directory),
                   "%s/ca.key was open to others (mode %04o) and is not any more. Whoever read it "
                   "can be this tracker.",
                   state_directory, (unsigned) (st.st_mode & 07777));
        return 0;
}

static const char *describe_key(int r) {
        switch (r) {
        case -ENOKEY:
                return "it is missing, but ca.pem is there";
        case -ELOOP:
                return "it is no file";
        case -EBADMSG:
        case -EINVAL:
        case -E2BIG:
        case -EKEYREJECTED:
                return "it is no Ed25519 key in PEM; put it back from a backup";
        default:
                return strerror(-r);
        }
}

static const char *describe_certificate(int r) {
        switch (r) {
        case -EKEYREJECTED:
                return "it is of another key than ca.key; put the one back that belongs to it";
        case -EBADMSG:
        case -EINVAL:
        case -E2BIG:
                return "it is no CA's certificate in PEM; remove it, and it is made anew";
        default:
                return strerror(-r);
        }
}

static int make_key(int dir_fd, const char *state_directory, Key **ret) {
        _cleanup_(key_freep) Key *key = NULL;
        char *text;
        int r;

        r = key_generate(&key);
        if (r < 0)
                return r;
        r = key_to_pem(key, &text);
        if (r < 0)
                return r;
        r = write_file(dir_fd, "ca.key", text);
        explicit_bzero(text, strlen(text));
        free(text);
        if (r < 0)
                return r;
        log_fields(LOG_NOTICE, 0,
                   LOG_FIELDS("MESSAGE_ID", MESSAGE_TRACKER_AUTHORITY_MADE, "CHAT_DIRECTORY",
                              state_directory),
                   "Made a new certificate authority in %s.", state_directory);
        *ret = TAKE_PTR(key);
        return 0;
}

static int open_key(int state_fd, const char *state_directory, const char *credentials_directory,
                    Key **ret) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (credentials_directory) {
                fd = open(credentials_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                r = fd < 0 ? -errno : read_key(fd, ret);
                if (r != -ENOENT)
                        return r;
        }
        r = read_key(state_fd, ret);
        if (r != -ENOENT)
                return r;
        /* A key that got lost is not replaced in silence: nobody would know the tracker again. */
        if (faccessat(state_fd, "ca.pem", F_OK, 0) == 0)
                return -ENOKEY;
        return make_key(state_fd, state_directory, ret);
}

static int make_certificate(int dir_fd, const Key *key, uint64_t now, Certificate **ret) {
        _cleanup_(certificate_freep) Certificate *ca = NULL;
        _cleanup_free_ char *text = NULL;
        int r;

        r = certificate_new_authority(key, now, &ca);
        if (r < 0)
                return r;
        r = certificate_to_pem(ca, &text);
        if (r < 0)
                return r;
        r = write_file(dir_fd, "ca.pem", text);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(ca);
        return 0;
}

/* tracker-id and pin hang on the key alone: a certificate that is lost is made again. */
static int check_pair(const Key *key, const Certificate *ca) {
        char key_id[KEY_ID_SIZE], tracker_id[TRACKER_ID_SIZE], pin[PIN_SIZE];
        int r;

        r = certificate_get_authority(ca, tracker_id, pin);
        if (r < 0)
                return r;
        key_get_id(key, key_id);
        return streq(pin + strlen("sha256:"), key_id) ? 0 : -EKEYREJECTED;
}

int authority_files_open(const char *state_directory, const char *credentials_directory,
                         uint64_t now_realtime, Key **ret_key, Certificate **ret_ca) {
        _cleanup_(certificate_freep) Certificate *ca = NULL;
        _cleanup_(key_freep) Key *key = NULL;
        _cleanup_close_ int dir_fd = -EBADF;
        char text[FILE_BYTES_MAX];
        int r;

        dir_fd = open(state_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir_fd < 0)
                return -errno;
        /* Two that start at once on an empty directory (the service, --print-pin) make one CA. */
        if (flock(dir_fd, LOCK_EX) < 0)
                return log_error_errno(-errno, "Cannot lock %s", state_directory);
        r = keep_private(dir_fd, state_directory);
        if (r >= 0)
                r = open_key(dir_fd, state_directory, credentials_directory, &key);
        if (r < 0)
                return log_error_errno(r, "Cannot use the CA's key %s/ca.key: %s.", state_directory,
                                       describe_key(r));
        r = read_file(dir_fd, "ca.pem", text);
        if (r == -ENOENT)
                r = make_certificate(dir_fd, key, now_realtime, &ca);
        else if (r >= 0)
                r = certificate_from_pem(text, &ca);
        if (r >= 0)
                r = check_pair(key, ca);
        if (r < 0)
                return log_error_errno(r, "Cannot use the CA's certificate %s/ca.pem: %s.",
                                       state_directory, describe_certificate(r));
        *ret_key = TAKE_PTR(key);
        *ret_ca = TAKE_PTR(ca);
        return 0;
}
