/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what of a folder is durable and what is not, and when what fails; leaves who asks to
 * fault-vfs.c and fault-calls.c. */
#include "support/fault-disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include <cmocka.h>

#define SECTOR_BYTES 512

typedef struct Image {
        uint8_t *bytes;
        size_t size;
} Image;

typedef struct Change {
        struct Change *prev, *next;
        uint64_t number; /* in the order of all files */
        bool is_truncate;
        uint64_t offset; /* of a truncation: the size */
        size_t size;
        uint8_t data[];
} Change;

struct FaultNode {
        FaultNode *next;
        dev_t device;
        ino_t inode;
        int fd;        /* O_PATH: so that the inode's number is not given again */
        bool is_plain; /* written past us */
        Image durable;
        Change *changes; /* since, in order */
};

typedef struct Name {
        struct Name *next;
        char *name;
        FaultNode *node; /* weak */
} Name;

struct FaultDisk {
        FaultDisk *next;
        char *directory;
        FaultNode *nodes;
        Name *durable_names;
        Name *names_at_end; /* when the power went */
        FaultPlan plan;
        uint64_t count, n_changes;
        unsigned n_open;
        bool has_struck, is_off, is_lying;
        char struck[128];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static FaultDisk *disks;

/* ---- images ---- */

static void image_resize(Image *i, size_t size) {
        i->bytes = realloc(i->bytes, MAX(size, (size_t) 1));
        assert_non_null(i->bytes);
        if (size > i->size)
                memset(i->bytes + i->size, 0, size - i->size);
        i->size = size;
}

static void image_write(Image *i, uint64_t offset, const uint8_t *data, size_t size) {
        if (offset + size > i->size)
                image_resize(i, offset + size);
        memcpy(i->bytes + offset, data, size);
}

static void image_apply(Image *i, const Change *c) {
        if (c->is_truncate)
                image_resize(i, c->offset);
        else
                image_write(i, c->offset, c->data, c->size);
}

static void image_read(Image *i, const char *path) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        struct stat st;

        assert_true(fd >= 0 && fstat(fd, &st) == 0);
        image_resize(i, (size_t) st.st_size);
        assert_int_equal(pread(fd, i->bytes, i->size, 0), st.st_size);
}

/* ---- files ---- */

static void drop_changes(FaultNode *n) {
        Change *c, *next;

        DL_FOREACH_SAFE(n->changes, c, next)
                free(c);
        n->changes = NULL;
}

static void node_free(FaultNode *n) {
        drop_changes(n);
        close(n->fd);
        free(n->durable.bytes);
        free(n);
}

static Change *add_change(FaultDisk *d, FaultNode *n, bool is_truncate, uint64_t offset,
                          const void *data, size_t size) {
        Change *c = calloc(1, sizeof(Change) + size);

        assert_non_null(c);
        *c = (Change){
                .number = d->n_changes++,
                .is_truncate = is_truncate,
                .offset = offset,
                .size = size,
        };
        if (size > 0)
                memcpy(c->data, data, size);
        DL_APPEND(n->changes, c);
        return c;
}

static FaultNode *find_node(FaultDisk *d, const char *path) {
        struct stat st;
        FaultNode *n;

        assert_int_equal(lstat(path, &st), 0);
        LL_FOREACH(d->nodes, n)
                if (n->device == st.st_dev && n->inode == st.st_ino)
                        return n;
        n = new0(FaultNode, 1);
        assert_non_null(n);
        *n = (FaultNode){
                .device = st.st_dev,
                .inode = st.st_ino,
                .fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW),
        };
        assert_true(n->fd >= 0);
        n->is_plain = st.st_size > 0;
        LL_PREPEND(d->nodes, n);
        return n;
}

/* What was written past us since, if it was. */
static void notice(FaultDisk *d, FaultNode *n, const char *path) {
        _cleanup_free_ uint8_t *bytes = NULL;
        Image i = {};

        if (!n->is_plain)
                return;
        image_read(&i, path);
        bytes = i.bytes;
        if (i.size == n->durable.size && memcmp(i.bytes, n->durable.bytes, i.size) == 0)
                return;
        drop_changes(n);
        add_change(d, n, false, 0, bytes, i.size);
        if (i.size < n->durable.size)
                add_change(d, n, true, i.size, NULL, 0);
}

static void sync_node(FaultNode *n) {
        Change *c;

        DL_FOREACH(n->changes, c)
                image_apply(&n->durable, c);
        drop_changes(n);
}

/* ---- names ---- */

static void drop_names(Name **names) {
        Name *n;

        while ((n = *names)) {
                *names = n->next;
                free(n->name);
                free(n);
        }
}

static void path_of(const FaultDisk *d, const char *name, char ret[static PATH_MAX]) {
        assert_true(snprintf(ret, PATH_MAX, "%s/%s", d->directory, name) < PATH_MAX);
}

static void read_names(FaultDisk *d, Name **ret) {
        DIR *dir = opendir(d->directory);
        struct dirent *e;

        drop_names(ret);
        assert_non_null(dir);
        while ((e = readdir(dir))) {
                char path[PATH_MAX];
                struct stat st;
                Name *n;

                path_of(d, e->d_name, path);
                if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
                        continue;
                n = new0(Name, 1);
                assert_non_null(n);
                n->name = strdup(e->d_name);
                n->node = find_node(d, path);
                assert_non_null(n->name);
                LL_PREPEND(*ret, n);
        }
        closedir(dir);
}

/* ---- the disk ---- */

static void notice_all(FaultDisk *d, const Name *names) {
        const Name *x;

        LL_FOREACH(names, x) {
                char path[PATH_MAX];

                path_of(d, x->name, path);
                notice(d, x->node, path);
        }
}

static void all_is_durable(FaultDisk *d) {
        FaultNode *n;

        read_names(d, &d->durable_names);
        notice_all(d, d->durable_names);
        LL_FOREACH(d->nodes, n)
                sync_node(n);
}

FaultDisk *fault_disk_new(const char *directory) {
        FaultDisk *d = new0(FaultDisk, 1);

        assert_non_null(d);
        assert_null(fault_disk_of_folder(directory));
        d->directory = strdup(directory);
        assert_non_null(d->directory);
        all_is_durable(d);
        pthread_mutex_lock(&lock);
        LL_PREPEND(disks, d);
        pthread_mutex_unlock(&lock);
        return d;
}

static void forget(FaultDisk *d) {
        FaultNode *n;

        drop_names(&d->durable_names);
        drop_names(&d->names_at_end);
        while ((n = d->nodes)) {
                d->nodes = n->next;
                node_free(n);
        }
}

FaultDisk *fault_disk_free(FaultDisk *d) {
        if (!d)
                return NULL;
        assert_int_equal(d->n_open, 0);
        pthread_mutex_lock(&lock);
        LL_DELETE(disks, d);
        pthread_mutex_unlock(&lock);
        forget(d);
        free(d->directory);
        free(d);
        return NULL;
}

FaultDisk *fault_disk_of_folder(const char *directory) {
        FaultDisk *d;

        pthread_mutex_lock(&lock);
        LL_FOREACH(disks, d)
                if (streq(d->directory, directory))
                        break;
        pthread_mutex_unlock(&lock);
        return d;
}

FaultDisk *fault_disk_of(const char *path) {
        const char *slash = path ? strrchr(path, '/') : NULL;
        char directory[PATH_MAX];

        if (!slash || (size_t) (slash - path) >= sizeof(directory))
                return NULL;
        memcpy(directory, path, (size_t) (slash - path));
        directory[slash - path] = '\0';
        return fault_disk_of_folder(directory);
}

void fault_disk_plan(FaultDisk *d, const FaultPlan *plan) {
        pthread_mutex_lock(&lock);
        d->plan = *plan;
        d->count = 0;
        d->has_struck = false;
        d->struck[0] = '\0';
        pthread_mutex_unlock(&lock);
}

void fault_disk_heal(FaultDisk *d) {
        pthread_mutex_lock(&lock);
        d->plan = (FaultPlan){};
        pthread_mutex_unlock(&lock);
}

uint64_t fault_disk_get_count(const FaultDisk *d) {
        return d->count;
}

bool fault_disk_has_struck(const FaultDisk *d) {
        return d->has_struck;
}

bool fault_disk_is_off(const FaultDisk *d) {
        return d->is_off;
}

const char *fault_disk_get_struck(const FaultDisk *d) {
        return d->struck;
}

void fault_disk_set_lying(FaultDisk *d, bool is_lying) {
        d->is_lying = is_lying;
}

static int strike(FaultDisk *d, FaultOps op, const char *name) {
        static const char *const names[] = { "write",  "sync", "truncate", "open",
                                             "delete", "shm",  "rename",   "read" };
        unsigned bit = 0;

        if (d->is_off)
                return EIO;
        if (!(d->plan.ops & op))
                return 0;
        d->count++;
        if (d->plan.at == 0 || d->count < d->plan.at || (d->count > d->plan.at && !d->plan.lasts))
                return 0;
        while (!(op & 1u << bit))
                bit++;
        if (!d->has_struck) {
                const char *slash = strrchr(name, '/');

                snprintf(d->struck, sizeof(d->struck), "%s %s", names[bit],
                         slash ? slash + 1 : name);
        }
        d->has_struck = true;
        if (d->plan.error != FAULT_POWER)
                return d->plan.error;
        read_names(d, &d->names_at_end);
        d->is_off = true;
        return EIO;
}

int fault_disk_strike(FaultDisk *d, FaultOps op, const char *name) {
        int r;

        if (!d)
                return 0;
        pthread_mutex_lock(&lock);
        r = strike(d, op, name);
        pthread_mutex_unlock(&lock);
        return r;
}

void fault_disk_sync_names(FaultDisk *d) {
        pthread_mutex_lock(&lock);
        if (!d->is_lying && !d->is_off)
                read_names(d, &d->durable_names);
        pthread_mutex_unlock(&lock);
}

FaultNode *fault_disk_open(FaultDisk *d, const char *path) {
        FaultNode *n;

        pthread_mutex_lock(&lock);
        n = find_node(d, path);
        notice(d, n, path);
        n->is_plain = false; /* from now on it is told */
        d->n_open++;
        pthread_mutex_unlock(&lock);
        return n;
}

void fault_disk_close(FaultDisk *d) {
        pthread_mutex_lock(&lock);
        d->n_open--;
        pthread_mutex_unlock(&lock);
}

void fault_node_write(FaultDisk *d, FaultNode *n, uint64_t offset, const void *data, size_t size) {
        pthread_mutex_lock(&lock);
        add_change(d, n, false, offset, data, size);
        pthread_mutex_unlock(&lock);
}

void fault_node_truncate(FaultDisk *d, FaultNode *n, uint64_t size) {
        pthread_mutex_lock(&lock);
        add_change(d, n, true, size, NULL, 0);
        pthread_mutex_unlock(&lock);
}

void fault_node_sync(FaultDisk *d, FaultNode *n) {
        pthread_mutex_lock(&lock);
        if (!d->is_lying)
                sync_node(n);
        pthread_mutex_unlock(&lock);
}

void fault_node_sync_all(FaultDisk *d, const char *path) {
        FaultNode *n;

        pthread_mutex_lock(&lock);
        n = find_node(d, path);
        n->is_plain = true;
        if (!d->is_lying) {
                drop_changes(n);
                image_read(&n->durable, path);
        }
        pthread_mutex_unlock(&lock);
}

void fault_node_lose(FaultDisk *d, FaultNode *n) {
        pthread_mutex_lock(&lock);
        if (!d->is_off) /* with the power off, they may be there */
                drop_changes(n);
        pthread_mutex_unlock(&lock);
}

/* ---- the power comes back ---- */

static uint64_t next_chance(uint64_t *seed) {
        uint64_t x = (*seed += UINT64_C(0x9e3779b97f4a7c15));

        x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
        return x ^ (x >> 31);
}

typedef struct Luck {
        uint64_t seed; /* 0: none */
        uint64_t upto; /* changes before this one are durable … */
        unsigned of;   /* … and one of so many others; 0: none */
} Luck;

static void survive(FaultNode *n, Luck *l) {
        Change *c;

        DL_FOREACH(n->changes, c) {
                if (c->number < l->upto) {
                        image_apply(&n->durable, c);
                        continue;
                }
                if (c->is_truncate) {
                        if (l->of > 0 && next_chance(&l->seed) % l->of == 0)
                                image_apply(&n->durable, c);
                        continue;
                }
                for (size_t i = 0; i < c->size;) {
                        size_t k = MIN(SECTOR_BYTES - (c->offset + i) % SECTOR_BYTES, c->size - i);

                        if (l->of > 0 && next_chance(&l->seed) % l->of == 0)
                                image_write(&n->durable, c->offset + i, c->data + i, k);
                        i += k;
                }
        }
}

static void put_back(FaultDisk *d, const Name *names) {
        const Name *x, *y;

        LL_FOREACH(names, x) {
                char path[PATH_MAX], other[PATH_MAX];
                int fd;

                path_of(d, x->name, path);
                for (y = names; y != x && y->node != x->node;)
                        y = y->next;
                if (y != x) {
                        path_of(d, y->name, other);
                        assert_int_equal(link(other, path), 0);
                        continue;
                }
                fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
                assert_true(fd >= 0);
                if (x->node->durable.size > 0)
                        assert_int_equal(write(fd, x->node->durable.bytes, x->node->durable.size),
                                         x->node->durable.size);
                close(fd);
        }
}

void fault_disk_reboot(FaultDisk *d, uint64_t seed) {
        Name *present = NULL, *x, *names = d->durable_names;
        Luck luck = { .seed = seed };
        FaultNode *n;

        assert_int_equal(d->n_open, 0);
        read_names(d, &present);
        notice_all(d, present);
        if (!d->is_off)
                read_names(d, &d->names_at_end);
        if (seed > 0) {
                uint64_t chance = next_chance(&luck.seed);

                /* All up to some moment; or this and that; or most of it. */
                if (chance % 3 == 0 && d->n_changes > 0)
                        luck.upto = next_chance(&luck.seed) % (d->n_changes + 1);
                else
                        luck.of = chance % 3 == 1 ? 2 : 1;
                if (next_chance(&luck.seed) % 2)
                        names = d->names_at_end;
        }
        LL_FOREACH(d->nodes, n)
                survive(n, &luck);
        d->is_off = false; /* our own calls come by here, too */
        d->plan = (FaultPlan){};
        LL_FOREACH(present, x) {
                char path[PATH_MAX];

                path_of(d, x->name, path);
                assert_int_equal(unlink(path), 0);
        }
        drop_names(&present);
        put_back(d, names);
        forget(d);
        d->n_changes = 0;
        all_is_durable(d);
}
