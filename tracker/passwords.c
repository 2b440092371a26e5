/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how passwords become hashes (yescrypt, off the loop); leaves whose they are to accounts.
 */
#include "tracker/passwords.h"

#include <crypt.h>

typedef struct PasswordRequest {
        unsigned long cost;
        char *texts[2];
        char *expected; /* a hash to be met; NULL with `verify`: none is */
        bool verify, matches;
        char hashes[2][PASSWORD_HASH_SIZE];
        password_hashed_fn hashed;
        password_verified_fn verified;
        void *userdata; /* weak */
} PasswordRequest;

static_assert(CRYPT_OUTPUT_SIZE <= PASSWORD_HASH_SIZE, "a hash must fit");

static void erase(char *s) {
        if (s)
                explicit_bzero(s, strlen(s));
        free(s);
}

static void request_destroy(void *p) {
        PasswordRequest *q = p;

        erase(q->texts[0]);
        erase(q->texts[1]);
        free(q->expected);
        explicit_bzero(q, sizeof(*q));
        free(q);
}

static int hash_one(const char *text, const char *setting, char ret[static PASSWORD_HASH_SIZE]) {
        struct crypt_data *data;
        char *hash;
        int r = 0;

        /* 32 KiB: too much for a thread's stack, and it holds the password afterwards. */
        data = new0(struct crypt_data, 1);
        if (!data)
                return -ENOMEM;
        hash = crypt_rn(text, setting, data, sizeof(*data));
        if (hash && strlen(hash) < PASSWORD_HASH_SIZE)
                strcpy(ret, hash);
        else
                r = errno > 0 ? -errno : -EINVAL;
        explicit_bzero(data, sizeof(*data));
        free(data);
        return r;
}

static int make_setting(unsigned long cost, char ret[static CRYPT_GENSALT_OUTPUT_SIZE]) {
        if (!crypt_gensalt_rn("$y$", cost, NULL, 0, ret, CRYPT_GENSALT_OUTPUT_SIZE))
                return errno > 0 ? -errno : -EINVAL;
        return 0;
}

/* Its time depends on the lengths only, and those are public. */
static bool equal_in_constant_time(const char *a, const char *b) {
        size_t n = strlen(a);
        unsigned char difference = 0;

        if (strlen(b) != n)
                return false;
        for (size_t i = 0; i < n; i++)
                difference |= (unsigned char) (a[i] ^ b[i]);
        return difference == 0;
}

static int run(void *p) {
        PasswordRequest *q = p;
        char setting[CRYPT_GENSALT_OUTPUT_SIZE];
        int r;

        if (q->verify && q->expected) {
                r = hash_one(q->texts[0], q->expected, q->hashes[0]);
                if (r >= 0)
                        q->matches = equal_in_constant_time(q->hashes[0], q->expected);
                return r;
        }
        for (size_t i = 0; i < ELEMENTSOF(q->texts) && q->texts[i]; i++) {
                r = make_setting(q->cost, setting);
                if (r < 0)
                        return r;
                r = hash_one(q->texts[i], setting, q->hashes[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void on_done(int r, void *p, void *userdata) {
        PasswordRequest *q = p;

        if (q->verify)
                q->verified(r < 0 ? r : q->matches, q->userdata);
        else
                q->hashed(r, q->hashes[0], q->hashes[1], q->userdata);
}

static int request_new(unsigned long cost, const char *first, const char *second,
                       PasswordRequest **ret) {
        PasswordRequest *q = new0(PasswordRequest, 1);

        if (!q)
                return -ENOMEM;
        q->cost = cost;
        q->texts[0] = strdup(first);
        q->texts[1] = second ? strdup(second) : NULL;
        if (!q->texts[0] || (second && !q->texts[1])) {
                request_destroy(q);
                return -ENOMEM;
        }
        *ret = q;
        return 0;
}

int password_hash(Workers *w, unsigned long cost, const char *first, const char *second,
                  password_hashed_fn done, void *userdata, Job **ret_job) {
        PasswordRequest *q;
        int r;

        r = request_new(cost, first, second, &q);
        if (r < 0)
                return r;
        q->hashed = done;
        q->userdata = userdata;
        return workers_submit(w, run, q, request_destroy, on_done, NULL, ret_job);
}

int password_verify(Workers *w, unsigned long cost, const char *password, const char *hash,
                    password_verified_fn done, void *userdata, Job **ret_job) {
        PasswordRequest *q;
        int r;

        r = request_new(cost, password, NULL, &q);
        if (r < 0)
                return r;
        q->verify = true;
        q->verified = done;
        q->userdata = userdata;
        if (hash && !(q->expected = strdup(hash))) {
                request_destroy(q);
                return -ENOMEM;
        }
        return workers_submit(w, run, q, request_destroy, on_done, NULL, ret_job);
}
