/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how settings files are layered and what is said about their faults. */
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/settings.h"
#include "support/scratch.h"

typedef struct Fixture {
        char *root;
        char name[64], other[64];
        int n_assigned;
        char told[8192]; /* a line each: FILE:LINE!MESSAGE, ! only where fatal */
} Fixture;

static int parse_name(const char *value, void *settings) {
        Fixture *f = settings;

        if (!*value)
                return -EINVAL;
        f->n_assigned++;
        snprintf(f->name, sizeof(f->name), "%s", value);
        return 0;
}

static int parse_other(const char *value, void *settings) {
        Fixture *f = settings;

        snprintf(f->other, sizeof(f->other), "%s", value);
        return streq(value, "huge") ? -ERANGE : 0;
}

static const Setting table[] = {
        { "One", "Name", parse_name },
        { "One", "Other", parse_other },
        { "Two", "Name", parse_other },
        {},
};

static void on_fault(const char *file, unsigned line, const char *message, bool fatal,
                     void *userdata) {
        Fixture *f = userdata;
        size_t n = strlen(f->told);

        snprintf(f->told + n, sizeof(f->told) - n, "%s:%u%s%s\n", file + strlen(f->root) + 1, line,
                 fatal ? "!" : " ", message);
}

static int setup(void **state) {
        Fixture *f = new0(Fixture, 1);

        *state = f;
        if (!f)
                return -1;
        f->root = scratch_new();
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        scratch_free(f->root);
        free(f);
        return 0;
}

static void put(Fixture *f, const char *path, const char *text, size_t n) {
        _cleanup_free_ char *full = NULL;
        _cleanup_fclose_ FILE *file = NULL;

        assert_true(asprintf(&full, "%s/%s", f->root, path) > 0);
        for (char *slash = full + strlen(f->root) + 1; (slash = strchr(slash, '/')); slash++) {
                *slash = '\0';
                assert_true(mkdir(full, 0700) >= 0 || errno == EEXIST);
                *slash = '/';
        }
        file = fopen(full, "we");
        assert_non_null(file);
        assert_int_equal(fwrite(text, 1, n, file), n);
}

#define PUT(f, path, text) put((f), (path), (text), sizeof(text) - 1)

static int load(Fixture *f) {
        char a[PATH_MAX], b[PATH_MAX];

        snprintf(a, sizeof(a), "%s/a", f->root);
        snprintf(b, sizeof(b), "%s/b", f->root);
        return settings_load((const char *const[]){ a, b, NULL }, "p", table, f, on_fault, f);
}

static void later_layers_win(void **state) {
        Fixture *f = *state;

        assert_int_equal(load(f), 0); /* nothing there at all */
        PUT(f, "a/p.conf", "# comment\n; too\n\n[One]\n  Name = first \nOther=kept ; why\n");
        assert_int_equal(load(f), 0);
        assert_string_equal(f->name, "first");
        assert_string_equal(f->other, "kept");

        static const char *const layers[] = { "a/p.conf.d/10-x.conf", "a/p.conf.d/9-y.conf",
                                              "b/p.conf", "b/p.conf.d/a.conf" };
        for (size_t i = 0; i < ELEMENTSOF(layers); i++) {
                char text[64];

                put(f, layers[i], text,
                    (size_t) snprintf(text, sizeof(text), "[One]\nName=%s", layers[i]));
                assert_int_equal(load(f), 0);
                assert_string_equal(f->name, layers[i]);
        }
        PUT(f, "b/p.conf.d/z.conf~", "[One]\nName=editor\n");
        PUT(f, "b/p.conf.d/.z.conf", "[One]\nName=hidden\n");
        PUT(f, "b/q.conf", "[One]\nName=another program\n");
        f->n_assigned = 0;
        assert_int_equal(load(f), 0);
        assert_string_equal(f->name, "b/p.conf.d/a.conf");
        assert_int_equal(f->n_assigned, 5);
        assert_string_equal(f->other, "kept");
        assert_string_equal(f->told, "");
}

static void faults_are_told_by_line(void **state) {
        static const char text[] = "[One]\n"
                                   "Name=good\n"
                                   "    Name=indented is no more of the line above\n"
                                   "Nmae=typo\n"
                                   "Other=huge\n"
                                   "[Two]\n"
                                   "Other=wrong section\n"
                                   "[One]\n"
                                   "Name=\n"
                                   "Other=after\n";
        Fixture *f = *state;

        PUT(f, "a/p.conf", text);
        PUT(f, "b/p.conf", "[One]\nno assignment\n");
        assert_int_equal(load(f), -EINVAL);
        assert_string_equal(
                f->told,
                "a/p.conf:4 unknown key Nmae= in [One], ignored\n"
                "a/p.conf:5!bad value \"huge\" for Other= in [One]: Numerical result out of range\n"
                "a/p.conf:7 unknown key Other= in [Two], ignored\n"
                "a/p.conf:9!bad value \"\" for Name= in [One]: Invalid argument\n"
                "b/p.conf:2!neither a [section] nor an assignment\n");
        assert_string_equal(f->other, "after");
        assert_string_equal(f->name, "indented is no more of the line above");
}

static void unknown_keys_are_not_fatal(void **state) {
        Fixture *f = *state;

        PUT(f, "a/p.conf", "[One]\nNew=x\n");
        assert_int_equal(load(f), 0);
        assert_string_equal(f->told, "a/p.conf:2 unknown key New= in [One], ignored\n");
}

static void odd_lines_are_refused(void **state) {
        char text[1024] = "[One]\nName=";
        Fixture *f = *state;

        memset(text + strlen(text), 'x', 600);
        strcat(text, "\nOther=next\n");
        put(f, "a/p.conf", text, strlen(text));
        PUT(f, "b/p.conf", "[One]\nName=a\0b\n");
        assert_int_equal(load(f), -EINVAL);
        assert_string_equal(f->name, "");
        assert_string_equal(f->other, "next");
        assert_non_null(strstr(f->told, "a/p.conf:2!line is longer than"));
        assert_non_null(strstr(f->told, "b/p.conf:2!line is longer than"));
}

static void what_exists_must_be_readable(void **state) {
        char path[PATH_MAX];
        Fixture *f = *state;

        PUT(f, "a/p.conf/x", ""); /* a directory in its place: nobody can read that */
        assert_int_equal(load(f), -EISDIR);
        assert_string_equal(f->told, "a/p.conf:0!cannot be read: Is a directory\n");
        snprintf(path, sizeof(path), "%s/a/p.conf.d", f->root);
        assert_int_equal(symlink("p.conf.d", path), 0);
        assert_true(load(f) < 0);
}

static void path_of(const Fixture *f, const char *name, char ret[static PATH_MAX]) {
        snprintf(ret, PATH_MAX, "%s/%s", f->root, name);
}

static void what_would_be_waited_for_is_refused(void **state) {
        char path[PATH_MAX];
        Fixture *f = *state;

        PUT(f, "a/p.conf.d/1.conf", "[One]\nOther=x\n");
        path_of(f, "a/p.conf", path);
        assert_int_equal(mkfifo(path, 0600), 0);
        assert_true(load(f) < 0); /* and nobody writes */
        assert_string_equal(f->told, "a/p.conf:0!cannot be read: Not a regular file\n");
}

static void what_never_ends_is_refused(void **state) {
        char path[PATH_MAX];
        Fixture *f = *state;

        PUT(f, "a/p.conf", "[One]\nOther=x\n");
        path_of(f, "a/p.conf", path);
        assert_int_equal(truncate(path, 100 * 1024 * 1024), 0);
        assert_int_equal(load(f), -EFBIG);
        assert_string_equal(f->other, "");
        assert_int_equal(unlink(path), 0);
        assert_int_equal(symlink("/dev/zero", path), 0);
        assert_true(load(f) < 0);
}

static void a_file_put_out_of_use_is_empty(void **state) {
        char path[PATH_MAX];
        Fixture *f = *state;

        PUT(f, "a/p.conf.d/1.conf", "[One]\nOther=x\n");
        path_of(f, "a/p.conf", path);
        assert_int_equal(symlink("/dev/null", path), 0);
        assert_int_equal(load(f), 0);
        assert_string_equal(f->told, "");
        assert_string_equal(f->other, "x");
}

static unsigned n_lines(const char *s) {
        unsigned n = 0;

        for (; *s; s++)
                n += *s == '\n';
        return n;
}

static void what_is_told_ends_and_the_reason_is_in_it(void **state) {
        char text[8192] = "[One]\n";
        Fixture *f = *state;

        for (unsigned i = 0; i < 500; i++)
                strcat(text, "K=1\n");
        strcat(text, "Other=huge\n");
        put(f, "a/p.conf", text, strlen(text));
        assert_int_equal(load(f), -EINVAL);
        assert_int_equal(n_lines(f->told), 64 + 1 + 1);
        assert_non_null(strstr(f->told, "a/p.conf:66 and more of this kind, not told\n"));
        assert_non_null(strstr(f->told, "a/p.conf:502!bad value \"huge\""));
}

#define in_dir(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                in_dir(later_layers_win),
                in_dir(faults_are_told_by_line),
                in_dir(unknown_keys_are_not_fatal),
                in_dir(odd_lines_are_refused),
                in_dir(what_exists_must_be_readable),
                in_dir(what_would_be_waited_for_is_refused),
                in_dir(what_never_ends_is_refused),
                in_dir(a_file_put_out_of_use_is_empty),
                in_dir(what_is_told_ends_and_the_reason_is_in_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
