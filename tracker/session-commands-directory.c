/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the commands of askers are spelt (LIST WATCH); leaves what they see to asker and when
 * they are told to watch. */
#include "tracker/session-internal.h"
#include "wire/limits.h"

typedef struct DirectoryFields {
        const char *query, *after;
        uint64_t limit, generation;
        bool online, on;
} DirectoryFields;

#define AT(f) offsetof(DirectoryFields, f)

void session_list(Session *s, RpcRequest *request) {
        static const Field table[] = {
                { "query", FIELD_STRING, AT(query), false, 0, QUERY_BYTES_MAX },
                { "online", FIELD_BOOL, AT(online), false },
                { "after", FIELD_STRING, AT(after), false, 0, NAME_MAX_BYTES },
                { "limit", FIELD_UINT, AT(limit), false, 1, LIST_LIMIT_MAX },
                {},
        };
        const Directory *d = registry_get_directory(s->services->registry);
        DirectoryFields f = { .after = "", .limit = LIST_LIMIT_MAX };
        _cleanup_(writer_done) Writer w = { 0 };

        if (rpc_request_read(request, table, &f) < 0)
                return;
        writer_begin_object(&w, NULL);
        asker_write_list(&s->asker, &w, d, f.query, f.online, f.after, f.limit);
        writer_uint(&w, "generation", directory_get_generation(d));
        writer_end_object(&w);
        rpc_request_reply(request, &w);
}

void session_watch(Session *s, RpcRequest *request) {
        static const Field table[] = {
                { "on", FIELD_BOOL, AT(on), false },
                { "generation", FIELD_UINT, AT(generation), false },
                {},
        };
        const Directory *d = registry_get_directory(s->services->registry);
        uint64_t now = directory_get_generation(d), begin;
        DirectoryFields f = { .on = true, .generation = now };
        _cleanup_(writer_done) Writer w = { 0 };
        bool known;
        int r;

        if (rpc_request_read(request, table, &f) < 0)
                return;
        known = directory_knows_since(d, f.generation);
        /* What is answered can be gone on from, although what follows is still on its way. */
        begin = known ? f.generation : now;
        s->watcher = watcher_free(s->watcher);
        if (f.on) {
                r = watcher_new(s->services->watch, rpc_get_conn(s->rpc), begin, &s->watcher);
                if (r < 0) {
                        rpc_request_fail_code(request, ERROR_INTERNAL, "Cannot watch: %s.",
                                              strerror(-r));
                        return;
                }
        }
        writer_begin_object(&w, NULL);
        writer_uint(&w, "generation", begin);
        writer_bool(&w, "reset", !known);
        writer_end_object(&w);
        rpc_request_reply(request, &w);
}
