/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the one table of errors; leaves deciding that one happened to others. */
#include "wire/error.h"

#include <stdarg.h>

#define DBUS_PREFIX "org.p2pchat.Error."

static const ErrorInfo error_table[ERROR_MAX] = {
        [ERROR_NONE] = { .wire = "", .status = STATUS_OK, .dbus = "" },
#define ROW(code, w, s, d, e, x)                                                                   \
        [ERROR_##code] = { .wire = (w),                                                            \
                           .status = STATUS_##s,                                                   \
                           .dbus = DBUS_PREFIX d,                                                  \
                           .error = (e),                                                           \
                           .exit_status = (x) },
        ERROR_TABLE(ROW)
#undef ROW
};

const ErrorInfo *error_info(ErrorCode code) {
        assert(code >= 0 && code < ERROR_MAX);
        return &error_table[code];
}

ErrorCode error_from_wire(const char *code) {
        if (!code)
                return ERROR_INVALID;
        for (ErrorCode c = ERROR_NONE + 1; c < ERROR_MAX; c++)
                if (error_info(c)->status != STATUS_LOCAL && streq(error_info(c)->wire, code))
                        return c;
        return ERROR_INVALID;
}

ErrorCode error_from_response(WireStatus status, const char *code) {
        ErrorCode c = error_from_wire(code);

        if (c > ERROR_NONE && error_info(c)->status == status)
                return c;
        switch (status) {
        case STATUS_UNAUTHORIZED:
                return ERROR_RESTRICTED;
        case STATUS_SERVER_ERROR:
                return ERROR_INTERNAL;
        case STATUS_REQUEST_ERROR:
                return ERROR_BAD_REQUEST;
        case STATUS_OK:
        case STATUS_LOCAL:
        case STATUS_MAX:
        case STATUS_INVALID:
                break;
        }
        return ERROR_PROTOCOL;
}

ErrorCode error_from_dbus(const char *name) {
        if (!name)
                return ERROR_INVALID;
        /* From the end: three codes are Protocol on the bus, and ERROR_PROTOCOL speaks for them. */
        for (ErrorCode c = ERROR_MAX - 1; c > ERROR_NONE; c--)
                if (streq(error_info(c)->dbus, name))
                        return c;
        return ERROR_INVALID;
}

static const char *const wire_status_table[STATUS_MAX] = {
        [STATUS_OK] = "OK",
        [STATUS_UNAUTHORIZED] = "UNAUTHORIZED",
        [STATUS_SERVER_ERROR] = "SERVER_ERROR",
        [STATUS_REQUEST_ERROR] = "REQUEST_ERROR",
};

const char *wire_status_to_string(WireStatus s) {
        return s >= 0 && s < STATUS_MAX ? wire_status_table[s] : NULL;
}

WireStatus wire_status_from_string(const char *s) {
        for (WireStatus i = 0; s && i < STATUS_MAX; i++)
                if (wire_status_table[i] && streq(wire_status_table[i], s))
                        return i;
        return STATUS_INVALID;
}

/* Takes back what snprintf() cut off in the middle of a UTF-8 sequence. */
static void drop_partial_sequence(char *s, size_t n) {
        size_t start = n;

        while (start > 0 && ((unsigned char) s[start - 1] & 0xc0) == 0x80)
                start--;
        if (start > 0 && (unsigned char) s[start - 1] >= 0xc0)
                s[start - 1] = 0;
}

int failure_set(Failure *f, ErrorCode code, const char *format, ...) {
        va_list ap;
        int n;

        *f = (Failure){ .code = code };
        va_start(ap, format);
        n = vsnprintf(f->message, sizeof(f->message), format, ap);
        va_end(ap);
        if (n < 0)
                f->message[0] = 0;
        else if ((size_t) n >= sizeof(f->message))
                drop_partial_sequence(f->message, sizeof(f->message) - 1);

        return -error_info(code)->error;
}
