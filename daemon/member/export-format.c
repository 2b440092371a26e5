/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how an entry reads in an export; leaves which ones to export.c. */
#include "daemon/member/export-format.h"

#include "base/names.h"
#include "base/timestamp.h"
#include "wire/fields.h"

const char *export_format_to_string(ExportFormat f) {
        switch (f) {
        case EXPORT_JSON:
                return "json";
        case EXPORT_TEXT:
                return "text";
        case EXPORT_FORMAT_MAX:
        case EXPORT_FORMAT_INVALID:
                break;
        }
        return NULL;
}

ExportFormat export_format_from_string(const char *s) {
        for (ExportFormat f = 0; f < EXPORT_FORMAT_MAX; f++)
                if (streq(s, export_format_to_string(f)))
                        return f;
        return EXPORT_FORMAT_INVALID;
}

static void write_string(Writer *w, const char *s) {
        writer_bytes(w, s, strlen(s));
}

/* Nobody's text drives a terminal, or looks like another's line. */
static void write_escaped(Writer *w, const char *s, size_t n) {
        char escape[sizeof("\\x00")];

        for (size_t i = 0; i < n; i++) {
                const unsigned char c = (unsigned char) s[i];
                const unsigned char next = i + 1 < n ? (unsigned char) s[i + 1] : 0;

                if (c == '\n') {
                        write_string(w, "\n        ");
                } else if (c == '\t') {
                        writer_bytes(w, s + i, 1);
                } else if (c < 0x20 || c == 0x7f) {
                        snprintf(escape, sizeof(escape), "\\x%02x", c);
                        write_string(w, escape);
                } else if (c == 0xc2 && next >= 0x80 && next <= 0x9f) { /* C1 as UTF-8 */
                        snprintf(escape, sizeof(escape), "\\x%02x", next);
                        write_string(w, escape);
                        i++;
                } else
                        writer_bytes(w, s + i, 1);
        }
}

/* Who did it, and why where that was said. */
static void write_removed(Writer *w, const Value *redacted) {
        const char *by = value_string(value_get(redacted, "by"), NULL),
                   *reason = value_string(value_get(redacted, "reason"), NULL);

        write_string(w, "(removed");
        if (by)
                write_string(w, " by "), write_escaped(w, by, strlen(by));
        if (reason)
                write_string(w, ": "), write_escaped(w, reason, strlen(reason));
        write_string(w, ")");
}

static void write_text(Writer *w, const Entry *e) {
        _cleanup_(value_unrefp) Value *extra = NULL;
        char when[TIME_STRING_SIZE];
        const char *text = NULL;
        size_t n = 0;

        time_print(e->time, when);
        write_string(w, when);
        write_string(w, e->kind == ENTRY_MESSAGE ? " " : " * ");
        write_escaped(w, e->username, strlen(e->username));
        if (e->user_type == USER_GUEST)
                write_string(w, " (guest)");
        if (e->kind != ENTRY_MESSAGE) {
                write_string(w, " ");
                write_escaped(w, e->kind_name, strlen(e->kind_name));
                write_string(w, " ");
                write_escaped(w, e->extra, e->n_extra);
        } else {
                if (value_parse(e->extra, e->n_extra, &extra) >= 0)
                        text = value_string(value_get(extra, "message_content"), &n);
                write_string(w, ": ");
                if (text)
                        write_escaped(w, text, n);
                else
                        write_removed(w, value_get(extra, "redacted"));
        }
        write_string(w, "\n");
}

void export_write_entry(Writer *w, ExportFormat format, const Entry *e) {
        if (format == EXPORT_TEXT) {
                write_text(w, e);
                return;
        }
        w->needs_comma = false;
        entry_write(w, NULL, e);
        writer_bytes(w, "\n", 1);
}
