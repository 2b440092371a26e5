/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how refusals are spelt on the bus; leaves refusing to its callers. */
#include "bus/error.h"

#include <stdarg.h>

int bus_error_failure(sd_bus_error *error, const Failure *f) {
        const ErrorInfo *info = error_info(f->code);

        return sd_bus_error_set(error, info->dbus, *f->message ? f->message : info->wire);
}

int bus_error_code(sd_bus_error *error, ErrorCode code, const char *format, ...) {
        char message[FAILURE_MESSAGE_SIZE];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(message, sizeof(message), format, ap);
        va_end(ap);
        return sd_bus_error_set(error, error_info(code)->dbus, message);
}

int bus_error_arguments(sd_bus_error *error, const char *format, ...) {
        char message[FAILURE_MESSAGE_SIZE];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(message, sizeof(message), format, ap);
        va_end(ap);
        return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS, message);
}

int bus_error_errno(sd_bus_error *error, int r) {
        switch (-r) {
        case ENOBUFS:
        case EBUSY:
                return bus_error_code(error, ERROR_BUSY,
                                      "Too much is waiting already; try again in a moment.");
        case EINVAL:
                return bus_error_code(error, ERROR_BAD_REQUEST,
                                      "One of the values is out of range or malformed.");
        case EOPNOTSUPP:
                return bus_error_code(error, ERROR_UNSUPPORTED,
                                      "That is not possible in this state.");
        default:
                return bus_error_code(error, ERROR_INTERNAL,
                                      "It could not be begun: %s. The log may say more.",
                                      strerrordesc_np(-r) ?: "unknown error");
        }
}
