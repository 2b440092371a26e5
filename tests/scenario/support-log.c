/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the logs that people hold are read and compared; leaves all else to support.c. */
#include <stdlib.h>

#include "scenario/support.h"

typedef struct Log {
        Entry *entries;
        size_t n;
        bool more, is_done;
} Log;

static void on_page(const Failure *f, const Entry *entries, size_t n, bool more, bool from_host,
                    void *userdata) {
        Log *log = userdata;

        assert_null(f);
        log->entries = reallocarray(log->entries, log->n + n + 1, sizeof(Entry));
        assert_non_null(log->entries);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(entry_copy(&entries[i], &log->entries[log->n++]), 0);
        log->more = more;
        log->is_done = true;
}

static bool is_done(void *userdata) {
        const Log *log = userdata;

        return log->is_done;
}

static void read_log(Person *p, const char *channel, Log *ret) {
        PageQuery query = { .limit = 100 };

        *ret = (Log){ .more = true };
        while (ret->more) {
                query.anchor = ret->n > 0 ? ret->entries[ret->n - 1].seq : 0;
                ret->is_done = false;
                assert_int_equal(
                        channel_member_read(person_channel(p, channel), &query, on_page, ret, NULL),
                        0);
                world_until(p->world, is_done, ret);
        }
        for (size_t i = 1; i < ret->n; i++)
                assert_int_equal(ret->entries[i].seq, ret->entries[i - 1].seq + 1);
}

static void log_done(Log *log) {
        entries_free(log->entries, log->n);
}

void person_read_before(Person *p, const char *channel, uint64_t anchor, unsigned limit) {
        PageQuery query = { .before = true, .anchor = anchor, .limit = limit };
        _cleanup_(log_done) Log log = {};

        assert_int_equal(
                channel_member_read(person_channel(p, channel), &query, on_page, &log, NULL), 0);
        world_until(p->world, is_done, &log);
        assert_true(log.n > 0 && log.n <= limit);
        assert_true(anchor == 0 || log.entries[log.n - 1].seq == anchor - 1);
}

void person_assert_texts(Person *p, const char *channel, const char *const *expected) {
        _cleanup_(log_done) Log log = {};
        size_t n = 0;

        read_log(p, channel, &log);
        for (size_t i = 0; i < log.n; i++) {
                _cleanup_(value_unrefp) Value *extra = NULL;
                _cleanup_free_ char *line = NULL;

                if (log.entries[i].kind != ENTRY_MESSAGE)
                        continue;
                assert_int_equal(value_parse(log.entries[i].extra, log.entries[i].n_extra, &extra),
                                 0);
                assert_true(asprintf(&line, "%s: %s", log.entries[i].username,
                                     entry_is_stub(&log.entries[i])
                                             ? "(removed)"
                                             : rig_string(extra, "message_content")) > 0);
                if (!expected[n])
                        fail_msg("unexpected: %s", line);
                assert_string_equal(line, expected[n++]);
        }
        if (expected[n])
                fail_msg("missing: %s", expected[n]);
}

void assert_same_log(Person *a, Person *b, const char *channel) {
        _cleanup_(log_done) Log x = {};
        _cleanup_(log_done) Log y = {};

        read_log(a, channel, &x);
        read_log(b, channel, &y);
        assert_int_equal(x.n, y.n);
        for (size_t i = 0; i < x.n; i++) {
                assert_int_equal(x.entries[i].seq, y.entries[i].seq);
                assert_int_equal(x.entries[i].time, y.entries[i].time);
                assert_string_equal(x.entries[i].id, y.entries[i].id);
                assert_string_equal(x.entries[i].kind_name, y.entries[i].kind_name);
                assert_string_equal(x.entries[i].username, y.entries[i].username);
                assert_string_equal(x.entries[i].extra, y.entries[i].extra);
        }
}
