/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a fuzz target runs over the files of directories once, where libFuzzer is not linked.
 */
#include <dirent.h>

#include "base/cleanup.h"
#include "fuzz/fuzz.h"

static int run_file(const char *directory, const char *name) {
        _cleanup_fclose_ FILE *f = NULL;
        _cleanup_free_ char *path = NULL;
        _cleanup_free_ uint8_t *data = NULL;
        long size;

        if (asprintf(&path, "%s/%s", directory, name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        f = fopen(path, "re");
        if (!f || fseek(f, 0, SEEK_END) < 0 || (size = ftell(f)) < 0 || fseek(f, 0, SEEK_SET) < 0)
                return -errno;
        /* Exactly as large as the input, so that a sanitizer sees a byte too far. */
        data = malloc(size > 0 ? (size_t) size : 1);
        if (!data)
                return -ENOMEM;
        if (fread(data, 1, (size_t) size, f) != (size_t) size)
                return -EIO;

        fprintf(stderr, "%s\n", name);
        (void) LLVMFuzzerTestOneInput(data, (size_t) size);
        return 0;
}

static int is_input(const struct dirent *entry) {
        return entry->d_name[0] != '.';
}

int main(int argc, char *argv[]) {
        size_t n_files = 0;

        for (int i = 1; i < argc; i++) {
                struct dirent **entries = NULL;
                int n = scandir(argv[i], &entries, is_input, alphasort), r = 0;

                for (int j = 0; j < n; j++) {
                        if (r >= 0)
                                r = run_file(argv[i], entries[j]->d_name);
                        free(entries[j]);
                        n_files++;
                }
                free(entries);
                if (n < 0 || r < 0) {
                        fprintf(stderr, "%s: %s\n", argv[i], strerror(n < 0 ? errno : -r));
                        return EXIT_FAILURE;
                }
        }
        if (n_files == 0) {
                fprintf(stderr, "There are no inputs.\n");
                return EXIT_FAILURE;
        }
        printf("%zu inputs\n", n_files);
        return EXIT_SUCCESS;
}
