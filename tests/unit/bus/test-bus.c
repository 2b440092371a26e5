/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options, parked calls and properties over a connection of two ends in one process. */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "bus/error.h"
#include "bus/options.h"
#include "bus/properties.h"

#define PATH "/x"
#define INTERFACE "org.example.X"

typedef struct World {
        Runtime rt;
        sd_bus *client, *server;
        Bus *face;
        BusOperation *parked;
        unsigned n_cancelled;
        uint64_t number;
        PropertyWatch *watch;
        unsigned n_changed; /* PropertiesChanged that reached the client */
} World;

typedef struct Options {
        const char *text;
        bool flag;
        uint64_t u, t;
        char **strings;
        char *json;
} Options;

static const Option option_table[] = {
        { "text", OPTION_STRING, offsetof(Options, text) },
        { "flag", OPTION_BOOL, offsetof(Options, flag) },
        { "u", OPTION_UINT, offsetof(Options, u) },
        { "t", OPTION_UINT64, offsetof(Options, t) },
        { "strings", OPTION_STRINGS, offsetof(Options, strings) },
        { "meta", OPTION_JSON, offsetof(Options, json) },
        {},
};

static int method_echo(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Options o = { .text = "-" };
        char text[512];
        int r;

        r = options_read(m, option_table, &o, error);
        if (r >= 0) {
                (void) snprintf(text, sizeof(text), "%s %d %" PRIu64 " %" PRIu64 " %s %s", o.text,
                                o.flag, o.u, o.t, o.strings ? o.strings[0] : "-", o.json ?: "-");
                r = sd_bus_reply_method_return(m, "s", text);
        }
        strv_free(o.strings);
        free(o.json);
        return r;
}

static void on_cancelled(void *waiting) {
        World *w = waiting;

        w->n_cancelled++;
}

static int method_park(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        World *w = userdata;
        int r;

        r = options_read(m, NULL, NULL, error);
        if (r >= 0)
                r = bus_operation_new(bus_get_operations(w->face), m, w, &w->parked);
        return r < 0 ? r : bus_operation_park(w->parked, 0, w, on_cancelled, error);
}

static int method_fail(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        World *w = userdata;
        BusOperation *op;
        int r;

        r = bus_operation_new(bus_get_operations(w->face), m, w, &op);
        return r < 0 ? r : bus_operation_park(op, -ENOBUFS, NULL, NULL, error);
}

static void read_number(const void *object, PropertyValue *ret) {
        ret->u = ((const World *) object)->number;
}

static const PropertySpec properties[] = { { "Number", "t", PROPERTY_PACED, read_number }, {} };

static int property_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return property_append(properties, property, userdata, reply);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Echo", "a{sv}", "s", method_echo, 0),
        SD_BUS_METHOD("Park", "a{sv}", "", method_park, 0),
        SD_BUS_METHOD("Fail", "", "", method_fail, 0),
        SD_BUS_PROPERTY("Number", "t", property_get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};

static int add_objects(Bus *b, sd_bus *connection, void *userdata) {
        return sd_bus_add_object_vtable(connection, NULL, PATH, INTERFACE, vtable, userdata);
}

static int on_properties_changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        World *w = userdata;

        w->n_changed++;
        return 0;
}

static int set_up(void **state) {
        static const BusHandlers handlers = { .add_objects = add_objects };
        World *w = new0(World, 1);
        sd_id128_t id;
        int fds[2];

        assert_non_null(w);
        assert_return_code(sd_event_new(&w->rt.event), 0);
        assert_return_code(
                clock_new_virtual(w->rt.event, UINT64_C(1700000000) * USEC_PER_SEC, &w->rt.clock),
                0);
        assert_return_code(random_new_seeded(1, &w->rt.random), 0);
        assert_return_code(sd_id128_randomize(&id), 0);
        assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
                           errno);

        assert_return_code(sd_bus_new(&w->server), 0);
        assert_return_code(sd_bus_set_fd(w->server, fds[0], fds[0]), 0);
        assert_return_code(sd_bus_set_server(w->server, true, id), 0);
        assert_return_code(sd_bus_set_trusted(w->server, true), 0);
        assert_return_code(sd_bus_start(w->server), 0);
        assert_return_code(bus_new(&w->rt, BUS_SESSION, "org.example.Test", &handlers, w, &w->face),
                           0);
        assert_return_code(bus_adopt(w->face, w->server), 0);

        assert_return_code(sd_bus_new(&w->client), 0);
        assert_return_code(sd_bus_set_fd(w->client, fds[1], fds[1]), 0);
        assert_return_code(sd_bus_start(w->client), 0);
        assert_return_code(sd_bus_attach_event(w->client, w->rt.event, 0), 0);
        *state = w;
        return 0;
}

static int tear_down(void **state) {
        World *w = *state;

        property_watch_free(w->watch);
        bus_free(w->face);
        sd_bus_close_unref(w->client);
        sd_bus_unref(w->server);
        random_free(w->rt.random);
        clock_free(w->rt.clock);
        sd_event_unref(w->rt.event);
        free(w);
        return 0;
}

typedef struct Answer {
        bool is_there;
        char text[600]; /* of a reply, or "NAME: message" */
} Answer;

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const sd_bus_error *error = sd_bus_message_get_error(m);
        const char *text = "";
        Answer *a = userdata;

        a->is_there = true;
        if (error)
                (void) snprintf(a->text, sizeof(a->text), "%s: %s", error->name, error->message);
        else if (sd_bus_message_read(m, "s", &text) >= 0)
                (void) snprintf(a->text, sizeof(a->text), "%s", text);
        return 0;
}

static bool is_answered(void *userdata) {
        return ((Answer *) userdata)->is_there;
}

static bool is_parked(void *userdata) {
        return bus_operations_get_n(bus_get_operations(((World *) userdata)->face)) == 1;
}

static void run_until(World *w, bool (*until)(void *), void *userdata) {
        assert_int_equal(clock_virtual_run(w->rt.clock, until, userdata, 60 * USEC_PER_SEC), 1);
}

static sd_bus_message *new_call(World *w, const char *method) {
        sd_bus_message *m = NULL;

        assert_return_code(
                sd_bus_message_new_method_call(w->client, &m, NULL, PATH, INTERFACE, method), 0);
        return m;
}

static void call(World *w, sd_bus_message *m, Answer *ret) {
        assert_return_code(sd_bus_call_async(w->client, NULL, m, on_answer, ret, UINT64_MAX), 0);
        sd_bus_message_unref(m);
}

static void test_options(void **state) {
        World *w = *state;
        const struct {
                const char *name, *type;
                const char *expected;
        } refused[] = {
                { "other", "s", SD_BUS_ERROR_INVALID_ARGS ": Unknown option \"other\"." },
                { "flag", "s",
                  SD_BUS_ERROR_INVALID_ARGS ": Option \"flag\" must be of type b, not s." },
        };
        Answer a = {};
        sd_bus_message *m;

        m = new_call(w, "Echo");
        assert_return_code(sd_bus_message_append(m, "a{sv}", 7, "text", "s", "hi", "flag", "b", 1,
                                                 "u", "u", UINT32_C(7), "t", "t", UINT64_C(1) << 60,
                                                 "strings", "as", 1, "one", "x-else", "s", "?",
                                                 "meta", "a{sv}", 3, "a", "s", "\"", "b", "ax", 2,
                                                 INT64_C(-1), INT64_C(2), "c", "a{sv}", 1, "d", "v",
                                                 "b", 1),
                           0);
        call(w, m, &a);
        run_until(w, is_answered, &a);
        assert_string_equal(
                a.text,
                "hi 1 7 1152921504606846976 one {\"a\":\"\\\"\",\"b\":[-1,2],\"c\":{\"d\":true}}");

        for (size_t i = 0; i < ELEMENTSOF(refused); i++) {
                a = (Answer){};
                m = new_call(w, "Echo");
                assert_return_code(
                        sd_bus_message_append(m, "a{sv}", 1, refused[i].name, refused[i].type, "x"),
                        0);
                call(w, m, &a);
                run_until(w, is_answered, &a);
                assert_string_equal(a.text, refused[i].expected);
        }

        a = (Answer){};
        m = new_call(w, "Echo");
        assert_return_code(sd_bus_message_append(m, "a{sv}", 2, "text", "s", "x", "text", "s", "y"),
                           0);
        call(w, m, &a);
        run_until(w, is_answered, &a);
        assert_string_equal(a.text, SD_BUS_ERROR_INVALID_ARGS ": Option \"text\" is given twice.");

        a = (Answer){};
        m = new_call(w, "Echo");
        assert_return_code(
                sd_bus_message_append(m, "a{sv}", 1, "meta", "a{sv}", 1, "n", "d", (double) NAN),
                0);
        call(w, m, &a);
        run_until(w, is_answered, &a);
        assert_string_equal(a.text, SD_BUS_ERROR_INVALID_ARGS
                            ": Option \"meta\" holds what JSON cannot say.");
}

static void test_depth(void **state) {
        World *w = *state;
        Answer a = {};
        sd_bus_message *m;

        /* deeper than anything that could pass: refused, not recursed into */
        m = new_call(w, "Echo");
        assert_return_code(sd_bus_message_open_container(m, 'a', "{sv}"), 0);
        assert_return_code(sd_bus_message_open_container(m, 'e', "sv"), 0);
        assert_return_code(sd_bus_message_append(m, "s", "meta"), 0);
        assert_return_code(sd_bus_message_open_container(m, 'v', "a{sv}"), 0);
        assert_return_code(sd_bus_message_open_container(m, 'a', "{sv}"), 0);
        assert_return_code(sd_bus_message_open_container(m, 'e', "sv"), 0);
        assert_return_code(sd_bus_message_append(m, "s", "k"), 0);
        for (unsigned i = 0; i < 40; i++)
                assert_return_code(sd_bus_message_open_container(m, 'v', "v"), 0);
        assert_return_code(sd_bus_message_append(m, "v", "b", 1), 0);
        for (unsigned i = 0; i < 45; i++)
                assert_return_code(sd_bus_message_close_container(m), 0);
        call(w, m, &a);
        run_until(w, is_answered, &a);
        assert_non_null(strstr(a.text, SD_BUS_ERROR_INVALID_ARGS));
}

/* Returns once the call waits for its answer. */
static void park(World *w, Answer *ret) {
        sd_bus_message *m = new_call(w, "Park");

        *ret = (Answer){};
        assert_return_code(sd_bus_message_append(m, "a{sv}", 0), 0);
        call(w, m, ret);
        run_until(w, is_parked, w);
}

static void test_parked(void **state) {
        World *w = *state;
        Failure f;
        Answer a;

        /* completed */
        park(w, &a);
        bus_operation_done(w->parked, NULL);
        run_until(w, is_answered, &a);
        assert_string_equal(a.text, "");
        assert_int_equal(w->n_cancelled, 0);

        /* refused */
        park(w, &a);
        (void) failure_set(&f, ERROR_HOST_OFFLINE, "Later.");
        bus_operation_done(w->parked, &f);
        run_until(w, is_answered, &a);
        assert_string_equal(a.text, "org.p2pchat.Error.HostOffline: Later.");
        assert_int_equal(w->n_cancelled, 0);

        /* the end of its object is its answer */
        park(w, &a);
        bus_operations_object_gone(bus_get_operations(w->face), &a);
        assert_true(is_parked(w));
        bus_operations_object_gone(bus_get_operations(w->face), w);
        run_until(w, is_answered, &a);
        assert_non_null(strstr(a.text, "org.p2pchat.Error.Cancelled"));
        assert_int_equal(w->n_cancelled, 1);

        /* never begun */
        a = (Answer){};
        call(w, new_call(w, "Fail"), &a);
        run_until(w, is_answered, &a);
        assert_non_null(strstr(a.text, "org.p2pchat.Error.Busy"));
        assert_int_equal(bus_operations_get_n(bus_get_operations(w->face)), 0);
}

static void test_caller_hangs_up(void **state) {
        World *w = *state;
        Answer a;

        park(w, &a);
        sd_bus_close(w->client);
        assert_int_equal(clock_virtual_run(w->rt.clock, NULL, NULL, USEC_PER_SEC), 0);
        assert_int_equal(w->n_cancelled, 1);
        assert_int_equal(bus_get_state(w->face), BUS_OFF);
        assert_null(bus_get_connection(w->face));
}

static void test_properties_are_paced(void **state) {
        World *w = *state;
        Answer a = {};
        sd_bus_message *m;

        assert_return_code(sd_bus_match_signal(w->client, NULL, NULL, PATH,
                                               "org.freedesktop.DBus.Properties",
                                               "PropertiesChanged", on_properties_changed, w),
                           0);
        /* the two ends know each other once something was answered */
        m = new_call(w, "Echo");
        assert_return_code(sd_bus_message_append(m, "a{sv}", 0), 0);
        call(w, m, &a);
        run_until(w, is_answered, &a);

        assert_return_code(property_watch_new(&w->rt, w->face, PATH, INTERFACE, properties, w,
                                              USEC_PER_SEC / 2, &w->watch),
                           0);
        property_watch_look(w->watch); /* nothing differs */
        assert_int_equal(clock_virtual_run(w->rt.clock, NULL, NULL, USEC_PER_SEC), 0);
        assert_int_equal(w->n_changed, 0);

        for (unsigned i = 0; i < 1000; i++) { /* ten seconds, a change every 10 ms */
                w->number++;
                property_watch_look(w->watch);
                assert_int_equal(clock_virtual_run(w->rt.clock, NULL, NULL, 10 * USEC_PER_MSEC), 0);
        }
        assert_in_range(w->n_changed, 19, 21);
        assert_int_equal(clock_virtual_run(w->rt.clock, NULL, NULL, USEC_PER_SEC), 0);
        assert_in_range(w->n_changed, 20, 21); /* the last value is told */
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        static const struct CMUnitTest tests[] = {
                T(test_options),
                T(test_depth),
                T(test_parked),
                T(test_caller_hangs_up),
                T(test_properties_are_paced),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
