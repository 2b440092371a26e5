/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how refusals are spelt on the bus; leaves refusing to its callers. */
#pragma once

#include <systemd/sd-bus.h>

#include "wire/error.h"

/* Each fills *error and returns the negative errno that a method handler returns. */
int bus_error_failure(sd_bus_error *error, const Failure *f);
int bus_error_code(sd_bus_error *error, ErrorCode code, const char *format, ...) _printf_(3, 4);
/* org.freedesktop.DBus.Error.InvalidArgs: the call itself is malformed. */
int bus_error_arguments(sd_bus_error *error, const char *format, ...) _printf_(2, 3);
/* An operation could not even begin. */
int bus_error_errno(sd_bus_error *error, int r);
