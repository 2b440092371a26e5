/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what an asker may see and how much fits a frame; leaves the wire to the scenarios. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tracker/asker.h"
#include "wire/envelope.h"

#define KEY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static Address address(const char *text) {
        Address a;

        assert_int_equal(address_parse(text, false, &a), 0);
        return a;
}

static size_t parse_list(const char *text, Address ret[static ADDRESSES_MAX]) {
        _cleanup_free_ char *copy = strdup(text);
        char *rest = copy, *one;
        size_t n = 0;

        while (text[0] && (one = strsep(&rest, " ")))
                ret[n++] = address(one);
        return n;
}

static void test_filter(void **state) {
        static const struct {
                const char *given, *observed;
                bool loopback;
                const char *kept, *told;
        } table[] = {
                { "192.0.2.1:22237", "192.0.2.1:999", false, "192.0.2.1:22237", "192.0.2.1:22237" },
                { "10.0.0.7:22237", "192.0.2.1:999", false, "10.0.0.7:22237 192.0.2.1:22237",
                  "192.0.2.1:22237" },
                { "0.0.0.0:5000 [fe80::1]:5000 224.0.0.1:5000 169.254.1.1:5000 127.0.0.1:5000",
                  "192.0.2.1:999", false, "192.0.2.1:5000", "192.0.2.1:5000" },
                { "127.0.0.1:5000 [::1]:5000", "127.0.0.1:999", true, "127.0.0.1:5000 [::1]:5000",
                  "127.0.0.1:5000" },
                { "[::ffff:10.1.2.3]:5000 10.1.2.3:5000", "[2001:db8::5]:999", false,
                  "10.1.2.3:5000 [2001:db8::5]:5000", "[2001:db8::5]:5000" },
                { "10.0.0.1:1 10.0.0.2:1 10.0.0.3:1 10.0.0.4:1 10.0.0.5:1 10.0.0.6:1 10.0.0.7:1 "
                  "10.0.0.8:1",
                  "192.0.2.1:999", false,
                  "10.0.0.1:1 10.0.0.2:1 10.0.0.3:1 10.0.0.4:1 10.0.0.5:1 10.0.0.6:1 10.0.0.7:1 "
                  "192.0.2.1:1",
                  "192.0.2.1:1" },
                { "", "192.0.2.1:999", false, "", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                Address given[ADDRESSES_MAX], kept[ADDRESSES_MAX], observed;
                char told[ADDRESS_STRING_SIZE], text[ADDRESSES_MAX * ADDRESS_STRING_SIZE] = "";
                Asker asker = { .over_loopback = table[i].loopback };
                size_t n, n_kept;

                n = parse_list(table[i].given, given);
                observed = address(table[i].observed);
                asker_filter_addresses(&asker, given, n, &observed, kept, &n_kept, told);
                for (size_t k = 0; k < n_kept; k++) {
                        if (k > 0)
                                strcat(text, " ");
                        address_print(&kept[k], text + strlen(text));
                }
                assert_string_equal(text, table[i].kept);
                assert_string_equal(told, table[i].told);
        }
}

static void put(Directory *d, unsigned i, const char *topic, bool restricted, bool loopback) {
        ChannelRecord c = {
                .over_loopback = loopback,
                .key = KEY,
                .entry = { .restricted = restricted, .online = true, .members = 5, .epoch = 1 },
        };

        snprintf(c.entry.channel_name, sizeof(c.entry.channel_name), "c%05u", i);
        snprintf(c.entry.channel_id, sizeof(c.entry.channel_id), "%08u-2222-4333-8444-555555555555",
                 i);
        strcpy(c.entry.owner, "alice");
        strcpy(c.entry.host, "alice");
        c.entry.topic = strdup(topic);
        c.entry.addresses[c.entry.n_addresses++] = address("127.0.0.1:22237");
        c.entry.addresses[c.entry.n_addresses++] = address("192.0.2.1:22237");
        assert_int_equal(directory_put(d, &c, 1), 0);
}

static void test_who_sees_what(void **state) {
        static const struct {
                bool signed_in, asker_loopback, host_loopback;
                size_t n_addresses;
        } table[] = {
                { false, false, false, 0 }, { true, false, false, 1 }, { true, true, false, 1 },
                { true, true, true, 2 },    { false, true, true, 2 },  { true, false, true, 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(directory_freep) Directory *d = NULL;
                Asker asker = { .signed_in = table[i].signed_in,
                                .over_loopback = table[i].asker_loopback };

                assert_int_equal(directory_new(0, 1, &d), 0);
                put(d, 0, "secret", false, table[i].host_loopback);
                put(d, 1, "secret", true, table[i].host_loopback);
                for (const ChannelRecord *c = directory_after(d, ""); c;
                     c = directory_after(d, c->entry.channel_name)) {
                        _cleanup_(directory_entry_done) DirectoryEntry e = { 0 };
                        _cleanup_(value_unrefp) Value *v = NULL;
                        _cleanup_(writer_done) Writer w = { 0 };
                        const char *bad = NULL;

                        asker_write_channel(&asker, &w, c);
                        assert_int_equal(value_parse(w.data, w.size, &v), 0);
                        assert_int_equal(directory_entry_read(v, &e, &bad), 0);
                        assert_int_equal(e.n_addresses, table[i].n_addresses);
                        assert_string_equal(e.topic, c->entry.restricted ? "" : "secret");
                        assert_int_equal(e.members, c->entry.restricted ? 0 : 5);
                }
                assert_string_equal(directory_get(d, "c00001")->entry.topic, "secret");
        }
}

static Directory *many(unsigned n) {
        char topic[TOPIC_BYTES_MAX + 1];
        Directory *d;

        memset(topic, '"', TOPIC_BYTES_MAX); /* each takes two bytes */
        topic[TOPIC_BYTES_MAX] = '\0';
        assert_int_equal(directory_new(0, 1, &d), 0);
        for (unsigned i = 0; i < n; i++)
                put(d, i, topic, false, false);
        return d;
}

/* Every page is a frame, and all pages together are the directory. */
static void test_list_pages(void **state) {
        _cleanup_(directory_freep) Directory *d = many(300);

        for (int signed_in = 0; signed_in < 2; signed_in++) {
                Asker asker = { .signed_in = signed_in };
                char after[NAME_SIZE] = "";
                size_t n = 0, n_pages = 0;

                for (;;) {
                        _cleanup_(value_unrefp) Value *v = NULL;
                        _cleanup_(writer_done) Writer w = { 0 };
                        const char *next;
                        size_t n_page;

                        writer_begin_object(&w, NULL);
                        n_page = asker_write_list(&asker, &w, d, NULL, false, after, 50);
                        writer_end_object(&w);
                        assert_true(n_page > 0 && n_page <= 50);
                        assert_true(w.size <
                                    (signed_in ? FRAME_BYTES_MAX : FRAME_BYTES_ANONYMOUS_MAX));
                        assert_int_equal(value_parse(w.data, w.size, &v), 0);
                        assert_int_equal(value_length(value_get(v, "channels")), n_page);
                        n += n_page;
                        n_pages++;
                        next = value_string(value_get(v, "next"), NULL);
                        if (!next)
                                break;
                        strcpy(after, next);
                }
                assert_int_equal(n, 300);
                assert_true(n_pages > 6);
        }
}

/* A query that nothing matches ends after as many as one request may look at, and leads on. */
static void test_list_scans_so_far(void **state) {
        _cleanup_(directory_freep) Directory *d = many(2 * LIST_SCAN_MAX + 1);
        static const char *const afters[] = { "", "c00999", "c01999" };
        Asker asker = { .signed_in = true };

        for (size_t i = 0; i < ELEMENTSOF(afters); i++) {
                _cleanup_(value_unrefp) Value *v = NULL;
                _cleanup_(writer_done) Writer w = { 0 };
                const char *next;
                size_t n;

                writer_begin_object(&w, NULL);
                n = asker_write_list(&asker, &w, d, "c02000", false, afters[i], 50);
                writer_end_object(&w);
                assert_int_equal(n, i == 2);
                assert_int_equal(value_parse(w.data, w.size, &v), 0);
                next = value_string(value_get(v, "next"), NULL);
                if (i < 2)
                        assert_string_equal(next, afters[i + 1]);
                else
                        assert_null(next);
        }
}

/* The same for changes: a cursor goes through all of them in frames, removals too. */
static void test_change_frames(void **state) {
        _cleanup_(directory_freep) Directory *d = many(300);
        Asker asker = { .signed_in = true };
        uint64_t cursor = 0;
        size_t n_changed = 0, n_removed = 0, n_frames = 0;

        for (unsigned i = 0; i < 300; i += 3) {
                char name[NAME_SIZE];

                snprintf(name, sizeof(name), "c%05u", i);
                directory_remove(d, name);
        }
        for (;;) {
                _cleanup_(envelope_done) Envelope e = { 0 };
                _cleanup_(writer_done) Writer w = { 0 };
                uint64_t generation;

                if (!asker_write_changes(&asker, &w, d, &cursor))
                        break;
                assert_true(w.size <= FRAME_BYTES_MAX);
                assert_int_equal(w.data[w.size - 1], '\n');
                assert_int_equal(envelope_parse(w.data, w.size - 1, &e), 0);
                assert_int_equal(value_uint(value_get(e.payload, "generation"), &generation), 0);
                assert_int_equal(generation, cursor);
                n_changed += value_length(value_get(e.payload, "changed"));
                n_removed += value_length(value_get(e.payload, "removed"));
                n_frames++;
        }
        assert_int_equal(cursor, directory_get_generation(d));
        assert_int_equal(n_changed, 200);
        assert_int_equal(n_removed, 100);
        assert_true(n_frames > 3);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_filter),        cmocka_unit_test(test_who_sees_what),
                cmocka_unit_test(test_list_pages),    cmocka_unit_test(test_list_scans_so_far),
                cmocka_unit_test(test_change_frames),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
