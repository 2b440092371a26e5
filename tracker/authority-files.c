/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows where the CA's key and its chain are kept, and that they are whole or not there; leaves
 * using them to authority.c. */
#include "tracker/authority-files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/log.h"
#include "tracker/message-ids.h"
#include "tracker/small-file.h"

#define FILE_BYTES_MAX 16384 /* a key has 120 bytes, a chain CHAIN_BYTES_MAX */

static int read_file(int dir_fd, const char *name, char ret[static FILE_BYTES_MAX]) {
        ssize_t n = small_file_read(dir_fd, name, ret, FILE_BYTES_MAX);

        return n < 0 ? (int) n : 0;
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
                return "it is no Ed25519 key in PEM; put it back from a backup";
        case -EKEYREJECTED:
                return "the certificates in it are not those of its key; put it back from a backup";
        default:
                return strerror(-r);
        }
}

static int refuse_key(int r, const char *what, const char *directory, const char *name) {
        log_error("Cannot use %s%s%s: %s.", what, directory, name, describe_key(r));
        return r;
}

static const char *describe_certificate(int r, bool is_credential) {
        switch (r) {
        case -EKEYREJECTED:
                return is_credential ? "it is of another key than the credential ca.key; give the "
                                       "key before this one as the credential ca.previous.key, "
                                       "which then signs the new one"
                                     : "it is of another key than ca.key; put the one back that "
                                       "belongs to it";
        case -EBADMSG:
        case -EINVAL:
        case -E2BIG:
                return "it is no CA's certificate in PEM; put it back from a backup, or remove it "
                       "where the key was never rotated, and it is made anew";
        case -ENOSPC:
                return "the key was rotated as often as it can be";
        default:
                return strerror(-r);
        }
}

static bool is_first_of(const Key *key, const Chain *chain) {
        char id[KEY_ID_SIZE];

        key_get_id(key, id);
        return streq(chain_get_pin(chain) + strlen("sha256:"), id);
}

/* A key that was rotated has its chain behind it, so that one rename changes both. */
static int parse_key(const char *text, Key **ret_key, Chain **ret_chain) {
        _cleanup_(key_freep) Key *key = NULL;
        _cleanup_(chain_freep) Chain *chain = NULL;
        const char *certificates = strstr(text, "-----BEGIN CERTIFICATE-----");
        int r;

        r = key_from_pem(text, &key);
        if (r < 0)
                return r;
        if (certificates) {
                r = chain_from_pem(certificates, &chain);
                if (r < 0)
                        return r == -EBADMSG ? -EKEYREJECTED : r;
                if (!is_first_of(key, chain))
                        return -EKEYREJECTED;
        }
        *ret_key = TAKE_PTR(key);
        *ret_chain = TAKE_PTR(chain);
        return 0;
}

static int read_key(int dir_fd, const char *name, Key **ret_key, Chain **ret_chain) {
        char text[FILE_BYTES_MAX];
        int r;

        r = read_file(dir_fd, name, text);
        if (r >= 0)
                r = parse_key(text, ret_key, ret_chain);
        explicit_bzero(text, sizeof(text));
        return r;
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

static int open_state_key(int state_fd, const char *state_directory, Key **ret_key,
                          Chain **ret_chain) {
        int r;

        r = read_key(state_fd, "ca.key", ret_key, ret_chain);
        if (r != -ENOENT)
                return r;
        /* A key that got lost is not replaced in silence: nobody would know the tracker again. */
        if (faccessat(state_fd, "ca.pem", F_OK, 0) == 0)
                return -ENOKEY;
        return make_key(state_fd, state_directory, ret_key);
}

static int save_chain(int dir_fd, const Chain *chain) {
        _cleanup_free_ char *text = NULL;
        char now[FILE_BYTES_MAX];
        int r;

        r = chain_to_pem(chain, &text);
        if (r < 0)
                return r;
        if (read_file(dir_fd, "ca.pem", now) >= 0 && streq(now, text))
                return 0;
        return write_file(dir_fd, "ca.pem", text);
}

static int new_first(const Key *key, uint64_t now, Chain **ret) {
        _cleanup_(certificate_freep) Certificate *ca = NULL;
        int r;

        r = certificate_new_authority(key, now, &ca);
        if (r < 0)
                return r;
        return chain_new((const Certificate *const *) &ca, 1, ret);
}

static int read_chain(int dir_fd, Chain **ret) {
        char text[FILE_BYTES_MAX];
        int r;

        r = read_file(dir_fd, "ca.pem", text);
        return r < 0 ? r : chain_from_pem(text, ret);
}

/* 1: previous has signed. tracker-id and pin hang on the keys alone: a certificate that is lost is
 * made again, and so is one that no other could follow. previous: who signs key where it is new
 * here; may be NULL. */
static int open_chain(int state_fd, const Key *key, const Key *previous,
                      const Chain *previous_chain, uint64_t now, Chain **ret) {
        _cleanup_(chain_freep) Chain *chain = NULL;
        const Key *signer = key;
        int r;

        r = read_chain(state_fd, &chain);
        if (r == -ENOENT)
                chain = chain_ref(previous_chain);
        else if (r < 0)
                return r;
        if (chain ? !is_first_of(key, chain) : previous != NULL)
                signer = previous;
        if (!signer || (chain && !is_first_of(signer, chain)))
                return -EKEYREJECTED;
        if (!chain || (chain_get_n(chain) == 1 && !chain_may_extend(chain))) {
                chain = chain_free(chain);
                r = new_first(signer, now, &chain);
                if (r < 0)
                        return r;
        }
        if (signer != key) {
                r = chain_extend(chain, signer, key, now, ret);
                return r < 0 ? r : 1;
        }
        *ret = TAKE_PTR(chain);
        return 0;
}

/* As a credential, then in the state directory. */
static int open_key(int state_fd, const char *state_directory, const char *credentials_directory,
                    AuthorityFiles *f, Key **ret_previous, Chain **ret_previous_chain) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (credentials_directory) {
                fd = open(credentials_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                r = fd < 0 ? -errno : read_key(fd, "ca.key", &f->key, &f->chain);
                if (r < 0 && r != -ENOENT)
                        return refuse_key(r, "the credential ", "", "ca.key");
                f->is_credential = r >= 0;
        }
        if (!f->is_credential) {
                r = keep_private(state_fd, state_directory);
                if (r >= 0)
                        r = open_state_key(state_fd, state_directory, &f->key, &f->chain);
                if (r < 0)
                        return refuse_key(r, "the CA's key ", state_directory, "/ca.key");
                return 0;
        }
        r = read_key(fd, "ca.previous.key", ret_previous, ret_previous_chain);
        if (r < 0 && r != -ENOENT)
                return refuse_key(r, "the credential ", "", "ca.previous.key");
        return 0;
}

void authority_files_done(AuthorityFiles *f) {
        f->key = key_free(f->key);
        f->chain = chain_free(f->chain);
}

static int open_files(int dir_fd, const char *state_directory, const char *credentials_directory,
                      uint64_t now, AuthorityFiles *f) {
        _cleanup_(chain_freep) Chain *previous_chain = NULL;
        _cleanup_(key_freep) Key *previous = NULL;
        bool is_rotated;
        int r = 0;

        /* Two that start at once on an empty directory (the service, --print-pin) make one CA. */
        if (flock(dir_fd, LOCK_EX) < 0)
                return log_error_errno(-errno, "Cannot lock %s", state_directory);
        r = open_key(dir_fd, state_directory, credentials_directory, f, &previous, &previous_chain);
        if (r < 0)
                return r;
        if (!f->chain)
                r = open_chain(dir_fd, f->key, previous, previous_chain, now, &f->chain);
        is_rotated = r > 0;
        if (r >= 0)
                r = save_chain(dir_fd, f->chain);
        if (r < 0) {
                log_error("Cannot use the CA's certificate %s/ca.pem: %s.", state_directory,
                          describe_certificate(r, f->is_credential));
                return r;
        }
        if (is_rotated)
                log_fields(LOG_NOTICE, 0,
                           LOG_FIELDS("MESSAGE_ID", MESSAGE_TRACKER_AUTHORITY_ROTATED, "CHAT_PIN",
                                      chain_get_pin(f->chain), "CHAT_DIRECTORY", state_directory),
                           "The credential ca.key is new, and signed by the one before: the pin is "
                           "%s.",
                           chain_get_pin(f->chain));
        return 0;
}

int authority_files_open(const char *state_directory, const char *credentials_directory,
                         uint64_t now_realtime, AuthorityFiles *ret) {
        _cleanup_(authority_files_done) AuthorityFiles f = {};
        _cleanup_close_ int dir_fd = -EBADF;
        int r;

        dir_fd = open(state_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir_fd < 0)
                return -errno;
        r = open_files(dir_fd, state_directory, credentials_directory, now_realtime, &f);
        if (r < 0)
                return r;
        *ret = f;
        f = (AuthorityFiles){};
        return 0;
}

/* Which of the two is there after all. */
static bool holds(int dir_fd, const char *text) {
        char now[FILE_BYTES_MAX];
        bool is;

        is = read_file(dir_fd, "ca.key", now) >= 0 && streq(now, text);
        explicit_bzero(now, sizeof(now));
        return is;
}

static int replace_key(int dir_fd, const char *old_key_id, const char *text,
                       char old[static FILE_BYTES_MAX]) {
        _cleanup_(chain_freep) Chain *chain = NULL;
        _cleanup_(key_freep) Key *key = NULL;
        char id[KEY_ID_SIZE];
        int r;

        r = read_file(dir_fd, "ca.key", old);
        if (r >= 0)
                r = parse_key(old, &key, &chain);
        if (r < 0)
                return r;
        key_get_id(key, id);
        if (!streq(id, old_key_id))
                return -ESTALE;
        r = write_file(dir_fd, "ca.key", text);
        /* Named, but whether for good nobody knows: the old one again, while both are known. */
        if (r < 0 && holds(dir_fd, text))
                (void) write_file(dir_fd, "ca.key", old);
        return r;
}

int authority_files_replace(const char *state_directory, const char *old_key_id, const char *key,
                            const char *chain) {
        _cleanup_close_ int dir_fd = -EBADF;
        char old[FILE_BYTES_MAX];
        int r;

        dir_fd = open(state_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir_fd < 0 || flock(dir_fd, LOCK_EX) < 0)
                return -errno;
        r = replace_key(dir_fd, old_key_id, key, old);
        explicit_bzero(old, sizeof(old));
        if (r < 0)
                return r;
        /* A copy: where it cannot be written now, the next start does. */
        (void) write_file(dir_fd, "ca.pem", chain);
        return 0;
}
