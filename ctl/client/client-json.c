/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how any value of the bus looks as JSON; leaves what it is to who asked for it. */
#include <math.h>

#include "ctl/client/client-call.h"

static bool is_time(const char *key) {
        return key && (streq(key, "since") || streq(key, "key_since") || streq(key, "until"));
}

/* Any value as JSON, by the wire's words and with its times where the key says so: what the daemon
 * tells of kinds that this program does not know is shown all the same. */
int client_read_json(Writer *w, const char *key, sd_bus_message *m) {
        const char *contents, *s;
        uint64_t u64;
        uint32_t u32;
        int64_t i64;
        double d;
        char type;
        int b, r;

        r = sd_bus_message_peek_type(m, &type, &contents);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        switch (type) {
        case 's':
        case 'o':
        case 'g':
                r = sd_bus_message_read_basic(m, type, &s);
                if (r >= 0 && key && streq(key, "user_type"))
                        s = streq(s, "guest") ? "GUEST" : "REGISTERED";
                if (r >= 0)
                        writer_string(w, key, s);
                return r;
        case 't':
                r = sd_bus_message_read_basic(m, type, &u64);
                if (r < 0)
                        return r;
                if (!is_time(key))
                        writer_uint(w, key, u64);
                else if (u64 == 0)
                        writer_null(w, key);
                else
                        writer_time(w, key, u64);
                return r;
        case 'u':
                r = sd_bus_message_read_basic(m, type, &u32);
                if (r >= 0)
                        writer_uint(w, key, u32);
                return r;
        case 'x':
                r = sd_bus_message_read_basic(m, type, &i64);
                if (r >= 0)
                        writer_int(w, key, i64);
                return r;
        case 'b':
                r = sd_bus_message_read_basic(m, type, &b);
                if (r >= 0)
                        writer_bool(w, key, b);
                return r;
        case 'd': {
                char number[40];
                int n;

                r = sd_bus_message_read_basic(m, type, &d);
                if (r < 0)
                        return r;
                if (!isfinite(d)) {
                        writer_null(w, key);
                        return 0;
                }
                n = snprintf(number, sizeof(number), "%.17g", d);
                writer_raw(w, key, number, (size_t) n);
                return 0;
        }
        case 'v': {
                _cleanup_free_ char *copy = strdup(contents);

                if (!copy)
                        return -ENOMEM;
                r = sd_bus_message_enter_container(m, 'v', copy);
                if (r >= 0)
                        r = client_read_json(w, key, m);
                return r < 0 ? r : sd_bus_message_exit_container(m);
        }
        case 'a': {
                _cleanup_free_ char *copy = strdup(contents);
                bool dict = contents[0] == '{';

                if (!copy)
                        return -ENOMEM;
                r = sd_bus_message_enter_container(m, 'a', copy);
                if (r < 0)
                        return r;
                if (dict)
                        writer_begin_object(w, key);
                else
                        writer_begin_array(w, key);
                while ((r = sd_bus_message_at_end(m, false)) == 0) {
                        if (!dict) {
                                r = client_read_json(w, NULL, m);
                        } else {
                                r = sd_bus_message_enter_container(m, 'e', "sv");
                                if (r >= 0)
                                        r = sd_bus_message_read_basic(m, 's', &s);
                                if (r >= 0)
                                        r = client_read_json(w, s, m);
                                if (r >= 0)
                                        r = sd_bus_message_exit_container(m);
                        }
                        if (r < 0)
                                return r;
                }
                if (r < 0)
                        return r;
                if (dict)
                        writer_end_object(w);
                else
                        writer_end_array(w);
                return sd_bus_message_exit_container(m);
        }
        default:
                return sd_bus_message_skip(m, NULL);
        }
}
