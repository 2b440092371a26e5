/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Feeds the scan and what stands on it. Holds: what the scan takes json-c takes too, only a key
 * twice is left to value_parse(), and whatever is read and written again is read alike. */
#include "fuzz/fuzz.h"

#include <json-c/json.h>
#include <limits.h>

#include "base/cleanup.h"
#include "wire/entry.h"
#include "wire/fields.h"
#include "wire/json-scan.h"
#include "wire/limits.h"

static size_t n_members_of(struct json_object *o) {
        size_t n = 0;

        if (json_object_is_type(o, json_type_object)) {
                json_object_object_foreach(o, key, child) {
                        require(strlen(key) <= INT_MAX);
                        n += 1 + n_members_of(child);
                }
        } else if (json_object_is_type(o, json_type_array))
                for (size_t i = 0; i < json_object_array_length(o); i++)
                        n += n_members_of(json_object_array_get_idx(o, i));
        return n;
}

/* Whether json-c takes all of it in its strict mode; *ret_members counts what the tree holds. */
static bool json_c_takes(const char *s, size_t n, size_t *ret_members) {
        struct json_tokener *t = json_tokener_new();
        struct json_object *o;
        bool taken;

        require(t);
        json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        o = json_tokener_parse_ex(t, s, (int) n);
        if (json_tokener_get_error(t) == json_tokener_continue)
                o = json_tokener_parse_ex(t, "", 1);
        taken = json_tokener_get_error(t) == json_tokener_success;
        *ret_members = n_members_of(o);
        json_object_put(o);
        json_tokener_free(t);
        return taken;
}

static void check_written_again(const Value *v) {
        _cleanup_(value_unrefp) Value *again = NULL;
        _cleanup_(writer_done) Writer first = {}, second = {};

        writer_value(&first, NULL, v);
        require(first.error == 0);
        require(value_parse(first.data, first.size, &again) == 0);
        require(value_kind(again) == value_kind(v));
        writer_value(&second, NULL, again);
        require(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
}

static void check_entry(const Value *v) {
        _cleanup_(entry_done) Entry e = {}, again = {};
        _cleanup_(directory_entry_done) DirectoryEntry d = {};
        _cleanup_(value_unrefp) Value *parsed = NULL;
        _cleanup_(writer_done) Writer w = {};
        const char *bad = NULL;

        if (entry_read(v, &e, &bad) == 0) {
                entry_write(&w, NULL, &e);
                require(w.error == 0);
                require(value_parse(w.data, w.size, &parsed) == 0);
                require(entry_read(parsed, &again, &bad) == 0);
                require(again.n_extra == e.n_extra && streq(again.extra, e.extra));
                require(again.seq == e.seq && again.time == e.time && again.kind == e.kind);
        } else
                require(bad);

        bad = NULL;
        require(directory_entry_read(v, &d, &bad) == 0 ? d.topic != NULL : bad != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(value_unrefp) Value *v = NULL;
        const char *s = (const char *) data;
        size_t n_scanned = 0, n_held, offset = SIZE_MAX;
        uint64_t u;
        int r, scanned = json_scan(s, size, &n_scanned, &offset);

        require(offset <= size);
        r = value_parse(s, size, &v);
        if (scanned < 0) {
                require(r == -EBADMSG && !v);
                return 0;
        }

        require(offset == size);
        require(json_c_takes(s, size, &n_held));
        require(r == (n_held == n_scanned ? 0 : -EBADMSG));
        if (r < 0)
                return 0;

        if (value_uint(v, &u) == 0)
                require(u <= NUMBER_MAX);
        check_written_again(v);
        check_entry(v);
        return 0;
}
