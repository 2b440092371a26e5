/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how an a{sv} of the bus is said in JSON; leaves what it means, and how much of it may be,
 * to others. */
#include "bus/variant-json.h"

#include <math.h>

#include "wire/limits.h"
#include "wire/writer.h"

static int copy_number(sd_bus_message *m, char type, Writer *w, const char *key) {
        union {
                uint8_t y;
                int16_t n;
                uint16_t q;
                int32_t i;
                uint32_t u;
                int64_t x;
                uint64_t t;
                double d;
        } v;
        char text[32];
        int r, n;

        r = sd_bus_message_read_basic(m, type, &v);
        if (r < 0)
                return r;
        switch (type) {
        case 'y':
                writer_uint(w, key, v.y);
                return 0;
        case 'n':
                writer_int(w, key, v.n);
                return 0;
        case 'q':
                writer_uint(w, key, v.q);
                return 0;
        case 'i':
                writer_int(w, key, v.i);
                return 0;
        case 'u':
                writer_uint(w, key, v.u);
                return 0;
        case 'x':
                writer_int(w, key, v.x);
                return 0;
        case 't':
                writer_uint(w, key, v.t);
                return 0;
        case 'd':
                if (!isfinite(v.d))
                        return -EINVAL;
                n = snprintf(text, sizeof(text), "%.17g", v.d);
                writer_raw(w, key, text, (size_t) n);
                return 0;
        }
        return -EINVAL;
}

static int copy_value(sd_bus_message *m, Writer *w, const char *key, unsigned depth) {
        const char *contents, *s;
        bool is_object;
        char type;
        int r, b;

        r = sd_bus_message_peek_type(m, &type, &contents);
        if (r <= 0)
                return r < 0 ? r : -EINVAL;
        switch (type) {
        case 's':
        case 'o':
        case 'g':
                r = sd_bus_message_read_basic(m, type, &s);
                if (r >= 0)
                        writer_string(w, key, s);
                return r;
        case 'b':
                r = sd_bus_message_read_basic(m, 'b', &b);
                if (r >= 0)
                        writer_bool(w, key, b);
                return r;
        case 'v':
                if (depth == 0)
                        return -EINVAL;
                r = sd_bus_message_enter_container(m, 'v', contents);
                if (r >= 0)
                        r = copy_value(m, w, key, depth - 1);
                return r < 0 ? r : sd_bus_message_exit_container(m);
        case 'a':
        case 'r':
                break;
        default:
                return copy_number(m, type, w, key);
        }

        is_object = type == 'a' && contents[0] == '{';
        if (depth == 0 || (is_object && contents[1] != 's'))
                return -EINVAL;
        r = sd_bus_message_enter_container(m, type, contents);
        if (r < 0)
                return r;
        if (is_object)
                writer_begin_object(w, key);
        else
                writer_begin_array(w, key);
        while ((r = sd_bus_message_at_end(m, false)) == 0) {
                s = NULL;
                if (is_object) {
                        const char *entry;

                        r = sd_bus_message_peek_type(m, NULL, &entry);
                        if (r >= 0)
                                r = sd_bus_message_enter_container(m, 'e', entry);
                        if (r >= 0)
                                r = sd_bus_message_read_basic(m, 's', &s);
                        if (r < 0)
                                return r;
                }
                r = copy_value(m, w, s, depth - 1);
                if (r >= 0 && is_object)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        if (is_object)
                writer_end_object(w);
        else
                writer_end_array(w);
        return sd_bus_message_exit_container(m);
}

int variant_json_read_dict(sd_bus_message *m, char **ret) {
        _cleanup_(writer_done) Writer w = {};
        int r;

        /* A variant counts too: twice what a frame may have is deeper than any meta that passes. */
        r = copy_value(m, &w, NULL, 2 * JSON_DEPTH_MAX);
        if (r < 0)
                return r;
        return writer_take(&w, ret, NULL);
}
