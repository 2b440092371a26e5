/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows org.freedesktop.LogControl1, by which the operator turns up the log of a running process:
 * systemctl service-log-level, service-log-target. Leaves the log to base/log.h. */
#include "bus/log-control.h"

#include "base/log.h"

static int property_get_level(sd_bus *bus, const char *path, const char *interface,
                              const char *property, sd_bus_message *reply, void *userdata,
                              sd_bus_error *error) {
        return sd_bus_message_append(reply, "s", log_level_to_string(log_get_max_level()));
}

static int property_set_level(sd_bus *bus, const char *path, const char *interface,
                              const char *property, sd_bus_message *value, void *userdata,
                              sd_bus_error *error) {
        const char *text;
        int level, r;

        r = sd_bus_message_read(value, "s", &text);
        if (r < 0)
                return r;
        level = log_level_from_string(text);
        if (level < 0)
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS,
                                        "A log level is emerg, alert, crit, err, warning, notice, "
                                        "info or debug.");
        log_set_max_level(level);
        log_info("The log level is %s now.", text);
        return 0;
}

static int property_get_target(sd_bus *bus, const char *path, const char *interface,
                               const char *property, sd_bus_message *reply, void *userdata,
                               sd_bus_error *error) {
        return sd_bus_message_append(reply, "s", log_target_to_string(log_get_target()));
}

static int property_set_target(sd_bus *bus, const char *path, const char *interface,
                               const char *property, sd_bus_message *value, void *userdata,
                               sd_bus_error *error) {
        const char *text;
        LogTarget target;
        int r;

        r = sd_bus_message_read(value, "s", &text);
        if (r < 0)
                return r;
        target = log_target_from_string(text);
        if (target < 0)
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS,
                                        "A log target is auto (as it was started), journal or "
                                        "console.");
        log_set_target(target);
        return 0;
}

static int property_get_identifier(sd_bus *bus, const char *path, const char *interface,
                                   const char *property, sd_bus_message *reply, void *userdata,
                                   sd_bus_error *error) {
        return sd_bus_message_append(reply, "s", userdata);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_WRITABLE_PROPERTY("LogLevel", "s", property_get_level, property_set_level, 0, 0),
        SD_BUS_WRITABLE_PROPERTY("LogTarget", "s", property_get_target, property_set_target, 0, 0),
        SD_BUS_PROPERTY("SyslogIdentifier", "s", property_get_identifier, 0,
                        SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_VTABLE_END,
};

int log_control_add_object(sd_bus *connection, const char *identifier) {
        return sd_bus_add_object_vtable(connection, NULL, LOG_CONTROL_PATH, LOG_CONTROL_INTERFACE,
                                        vtable, (void *) identifier);
}
