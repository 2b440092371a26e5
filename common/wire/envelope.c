/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows a frame's header, id and payload, and how a refusal is spelt in one; leaves commands to
 * others. */
#include "wire/envelope.h"

#include "base/names.h"

void envelope_done(Envelope *e) {
        e->body = value_unref(e->body);
        e->payload = NULL;
}

static size_t header_length(const char *line, size_t n) {
        size_t i = 0;

        while (i < n && ((line[i] >= 'A' && line[i] <= 'Z') || line[i] == '_'))
                i++;
        return i;
}

static bool request_id_is_valid(const char *id, size_t n) {
        if (n < 1 || n > REQUEST_ID_BYTES_MAX)
                return false;
        for (size_t i = 0; i < n; i++)
                if (id[i] < 0x21 || id[i] > 0x7e)
                        return false;
        return true;
}

int envelope_parse(const char *line, size_t n, Envelope *ret) {
        _cleanup_(envelope_done) Envelope e = {};
        size_t n_header = header_length(line, n), n_id;
        ValueKind kind;
        const char *id;
        int r;

        if (n_header < 2 || n_header > HEADER_BYTES_MAX || n_header == n || line[n_header] != '-')
                return -EBADMSG;
        r = value_parse(line + n_header + 1, n - n_header - 1, &e.body);
        if (r < 0)
                return r;

        e.payload = value_get(e.body, "payload");
        kind = value_kind(e.payload);
        if (!value_has(e.body, "id") || (kind != VALUE_OBJECT && kind != VALUE_ARRAY))
                return -EBADMSG;
        if (value_get(e.body, "id")) {
                id = value_string(value_get(e.body, "id"), &n_id);
                if (!id || !request_id_is_valid(id, n_id))
                        return -EPROTO;
                memcpy(e.id, id, n_id);
        }
        memcpy(e.header, line, n_header);
        e.status = wire_status_from_string(e.header);

        *ret = e;
        e.body = NULL;
        return 0;
}

void envelope_begin(Writer *w, const char *header, const char *id) {
        writer_bytes(w, header, strlen(header));
        writer_bytes(w, "-", 1);
        w->needs_comma = false; /* an earlier frame may stand before this one */
        writer_begin_object(w, NULL);
        if (id)
                writer_string(w, "id", id);
        else
                writer_null(w, "id");
        writer_key(w, "payload");
}

void envelope_end(Writer *w) {
        writer_end_object(w);
        writer_bytes(w, "\n", 1);
        w->needs_comma = false;
}

void envelope_write_failure(Writer *w, const char *id, const Failure *f) {
        const ErrorInfo *info = error_info(f->code);

        if (info->status == STATUS_LOCAL || info->status == STATUS_OK)
                info = error_info(
                        ERROR_INTERNAL); /* what happened on this side is not theirs to know */

        envelope_begin(w, wire_status_to_string(info->status), id);
        writer_begin_object(w, NULL);
        writer_string(w, "error", info->wire);
        writer_string(w, "message", f->message);
        if (f->retry_after_ms > 0)
                writer_uint(w, "retry_after_ms", f->retry_after_ms);
        if (f->last_seq > 0)
                writer_uint(w, "last_seq", f->last_seq);
        if (f->epoch > 0)
                writer_uint(w, "epoch", f->epoch);
        if (f->successor[0])
                writer_string(w, "successor", f->successor);
        if (f->holder_until > 0)
                writer_time(w, "holder_until", f->holder_until);
        if (f->field[0])
                writer_string(w, "field", f->field);
        writer_end_object(w);
        envelope_end(w);
}

void envelope_read_failure(const Envelope *e, Failure *ret) {
        _cleanup_free_ char *message = NULL;
        const char *s;
        size_t n;
        ErrorCode code =
                error_from_response(e->status, value_string(value_get(e->payload, "error"), NULL));

        /* The other side's words are shown to people: by the text rule, whoever wrote them. */
        s = value_string(value_get(e->payload, "message"), &n);
        if (s && text_sanitize(s, n, false, &message, NULL) < 0)
                message = NULL;
        (void) failure_set(ret, code, "%s", message ?: "The other side gave no reason.");

        (void) value_uint(value_get(e->payload, "retry_after_ms"), &ret->retry_after_ms);
        (void) value_uint(value_get(e->payload, "last_seq"), &ret->last_seq);
        (void) value_uint(value_get(e->payload, "epoch"), &ret->epoch);
        s = value_string(value_get(e->payload, "successor"), NULL);
        if (s && uuid_is_valid(s))
                memcpy(ret->successor, s, sizeof(ret->successor));
        s = value_string(value_get(e->payload, "holder_until"), NULL);
        if (s)
                (void) time_parse(s, &ret->holder_until);
        s = value_string(value_get(e->payload, "field"), &n);
        if (s && n < sizeof(ret->field) && text_is_valid(s, n, false))
                memcpy(ret->field, s, n);
}
