/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a directory of a test is made, copied and removed; leaves its use to the test. */
#include "support/scratch.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define N_OPEN_MAX 8 /* directories, while a tree is removed */

char *scratch_new(void) {
        char *directory = NULL;

        assert_true(asprintf(&directory, "%s/p2pchat-XXXXXX", getenv("TMPDIR") ?: "/tmp") > 0);
        assert_non_null(mkdtemp(directory));
        return directory;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

char *scratch_free(char *directory) {
        if (!directory)
                return NULL;
        assert_int_equal(nftw(directory, remove_one, N_OPEN_MAX, FTW_DEPTH | FTW_PHYS), 0);
        free(directory);
        return NULL;
}

void scratch_copy(const char *from, const char *to) {
        _cleanup_free_ char *command = NULL;

        assert_true(asprintf(&command, "rm -rf '%s' && cp -a '%s' '%s'", to, from, to) > 0);
        assert_int_equal(system(command), 0);
}
