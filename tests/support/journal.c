/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a program under test tells the journal, field by field; leaves what should be told to
 * the tests. */
#include "support/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <cmocka.h>

#include "base/log.h"

#define LINES_MAX 50000
#define FIELDS_MAX 32

typedef struct Line {
        char *fields[FIELDS_MAX]; /* "NAME=value" */
        size_t sizes[FIELDS_MAX];
        size_t n;
} Line;

/* The linker gives no other way. */
static Line lines[LINES_MAX];
static size_t n_lines;
static char *catalog;

int __wrap_sd_journal_sendv(const struct iovec *iov, int n);

static const char *get(const Line *l, const char *name) {
        size_t size = strlen(name);

        for (size_t i = 0; i < l->n; i++)
                if (strncmp(l->fields[i], name, size) == 0 && l->fields[i][size] == '=')
                        return l->fields[i] + size + 1;
        return NULL;
}

/* The entry of the catalog, to the next one or the end. */
static char *find_entry(const char *id) {
        _cleanup_free_ char *head = NULL;
        const char *begin, *end;

        assert_true(asprintf(&head, "\n-- %s\n", id) > 0);
        begin = strstr(catalog, head);
        if (!begin)
                return NULL;
        end = strstr(begin + strlen(head), "\n-- ");
        return end ? strndup(begin, (size_t) (end - begin)) : strdup(begin);
}

static void hold_to_catalog(const Line *l) {
        const char *id = get(l, "MESSAGE_ID");
        _cleanup_free_ char *entry = id ? find_entry(id) : NULL;
        char *at, *end;

        if (!id)
                return;
        if (!entry)
                fail_msg("%s (%s) has no entry in the catalog", id, get(l, "MESSAGE"));
        for (at = strchr(entry, '@'); at; at = strchr(end + 1, '@')) {
                end = strchr(at + 1, '@');
                assert_non_null(end);
                *end = '\0';
                if (!get(l, at + 1) || !get(l, at + 1)[0])
                        fail_msg("\"%s\" does not say %s", get(l, "MESSAGE"), at + 1);
        }
}

int __wrap_sd_journal_sendv(const struct iovec *iov, int n) {
        Line *l = &lines[n_lines];

        assert_true(n_lines < LINES_MAX && n > 0 && n <= FIELDS_MAX);
        *l = (Line){ .n = (size_t) n };
        for (size_t i = 0; i < l->n; i++) {
                l->sizes[i] = iov[i].iov_len;
                l->fields[i] = strndup(iov[i].iov_base, iov[i].iov_len);
                assert_non_null(l->fields[i]);
                assert_int_equal(strlen(l->fields[i]), l->sizes[i]);
        }
        n_lines++;
        hold_to_catalog(l);
        return 0;
}

static void forget(void) {
        for (size_t i = 0; i < n_lines; i++)
                for (size_t k = 0; k < lines[i].n; k++)
                        free(lines[i].fields[k]);
        n_lines = 0;
        free(catalog);
        catalog = NULL;
}

void journal_begin(void) {
        _cleanup_fclose_ FILE *f = fopen(P2PCHAT_CATALOG, "re");
        char stream[64];
        struct stat st;
        size_t size = 0;

        forget();
        assert_non_null(f);
        assert_true(getdelim(&catalog, &size, '\0', f) > 0);
        assert_int_equal(fstat(STDERR_FILENO, &st), 0);
        snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t) st.st_dev, (uintmax_t) st.st_ino);
        setenv("JOURNAL_STREAM", stream, 1);
        log_set_max_level(LOG_DEBUG);
}

void journal_end(void) {
        unsetenv("JOURNAL_STREAM");
        log_set_max_level(LOG_INFO);
        forget();
}

size_t journal_count(void) {
        return n_lines;
}

static bool has(const Line *l, const char *field) {
        for (size_t i = 0; i < l->n; i++)
                if (streq(l->fields[i], field))
                        return true;
        return false;
}

size_t journal_find(size_t after, const char *message_id, const char *field) {
        for (size_t i = after; i < n_lines; i++)
                if (streq_ptr(get(&lines[i], "MESSAGE_ID"), message_id) &&
                    (!field || has(&lines[i], field)))
                        return i;
        return SIZE_MAX;
}

size_t journal_expect(const char *message_id, const char *field) {
        size_t i = journal_find(0, message_id, field);

        if (i == SIZE_MAX) {
                for (size_t k = 0; k < n_lines; k++)
                        if (get(&lines[k], "MESSAGE_ID"))
                                print_error("%s %s\n", get(&lines[k], "MESSAGE_ID"),
                                            get(&lines[k], "MESSAGE"));
                fail_msg("nothing was said of %s with %s", message_id, field ?: "whatever");
        }
        return i;
}

const char *journal_get(size_t line, const char *name) {
        return get(&lines[line], name) ?: "";
}

uint64_t journal_sum(const char *message_id, size_t *ret_lines) {
        uint64_t sum = 0;

        *ret_lines = 0;
        for (size_t i = 0; i < n_lines; i++) {
                const char *count = get(&lines[i], "CHAT_COUNT");

                if (!streq_ptr(get(&lines[i], "MESSAGE_ID"), message_id))
                        continue;
                (*ret_lines)++;
                sum += count ? strtoull(count, NULL, 10) : 1;
        }
        return sum;
}

void journal_assert_never(const char *text, size_t size) {
        assert_true(size > 0);
        for (size_t i = 0; i < n_lines; i++)
                for (size_t k = 0; k < lines[i].n; k++)
                        if (memmem(lines[i].fields[k], lines[i].sizes[k], text, size))
                                fail_msg("the journal was told: %s", lines[i].fields[k]);
}

char *journal_story(const char *field) {
        char *story = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&story, &size);

        assert_non_null(f);
        for (size_t i = 0; i < n_lines; i++)
                if (has(&lines[i], field) && get(&lines[i], "MESSAGE_ID"))
                        fprintf(f, "%s\n", get(&lines[i], "MESSAGE"));
        assert_int_equal(fclose(f), 0);
        return story;
}
