/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows log entries as the bus carries them, as a struct and as the wire's JSON; leaves paging to
 * `log`. */
#include "ctl/client/client.h"
#include "ctl/show/print.h"

#include "base/names.h"

static void entry_view_done(EntryView *e) {
        char **owned[] = { &e->kind,   &e->username, &e->user_type,  &e->id,         &e->text,
                           &e->topic,  &e->role,     &e->target,     &e->view,       &e->send,
                           &e->reason, &e->json,     &e->removed_by, &e->removed_why };

        for (size_t i = 0; i < ELEMENTSOF(owned); i++)
                free(*owned[i]);
        *e = (EntryView){};
}

static EntryView *entry_views_free(EntryView *e, size_t n) {
        for (size_t i = 0; i < n; i++)
                entry_view_done(e + i);
        free(e);
        return NULL;
}

void entry_page_done(EntryPage *p) {
        p->entries = entry_views_free(p->entries, p->n);
        p->n = 0;
}

void entry_page_keep(EntryPage *p, bool (*fn)(const EntryView *e, void *userdata), void *userdata) {
        size_t n = 0;

        for (size_t i = 0; i < p->n; i++)
                if (!fn(p->entries + i, userdata))
                        entry_view_done(p->entries + i);
                else if (n++ < i) {
                        p->entries[n - 1] = p->entries[i];
                        p->entries[i] = (EntryView){};
                }
        p->n = n;
}

/* Keeps the strings that people are shown: 1, and the variant is read. What has another type is
 * no less an entry's: 0. */
static int keep_string(EntryView *e, const char *key, sd_bus_message *m) {
        const struct {
                const char *key;
                char **target;
        } known[] = {
                { "text", &e->text },
                { "topic", &e->topic },
                { "role", &e->role },
                { "target", &e->target },
                { "reason", &e->reason },
                { "view_permission", &e->view },
                { "send_permission", &e->send },
        };
        const char *s, *contents;
        int r;

        r = sd_bus_message_peek_type(m, NULL, &contents);
        if (r < 0 || !streq(contents, "s"))
                return MIN(r, 0);
        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (streq(known[i].key, key)) {
                        r = sd_bus_message_read(m, "v", "s", &s);
                        return r < 0 ? r : free_and_strdup(known[i].target, s) ?: 1;
                }
        return 0;
}

/* The same for numbers. */
static int keep_number(EntryView *e, const char *key, sd_bus_message *m, uint64_t *ret) {
        const struct {
                const char *key;
                uint64_t *target;
                bool *is_set;
        } known[] = {
                { "target_seq", &e->target_seq, NULL },
                { "until", &e->until, NULL },
                { "retention_days", &e->retention_days, &e->has_retention },
                { "message_rate", &e->message_rate, &e->has_rate },
                { "message_burst", &e->message_burst, &e->has_burst },
        };
        const char *contents;
        int r;

        r = sd_bus_message_peek_type(m, NULL, &contents);
        if (r < 0 || !streq(contents, "t"))
                return MIN(r, 0);
        for (size_t i = 0; i < ELEMENTSOF(known); i++) {
                if (!streq(known[i].key, key))
                        continue;
                r = sd_bus_message_read(m, "v", "t", ret);
                if (r < 0)
                        return r;
                *known[i].target = *ret;
                if (known[i].is_set)
                        *known[i].is_set = true;
                return 1;
        }
        return 0;
}

/* What is left of a message, as the wire spells it. 1: it was read; 0: it is something else. */
static int keep_redacted(EntryView *e, sd_bus_message *m, Writer *w) {
        const char *key, *s, *contents;
        uint64_t time;
        int r;

        r = sd_bus_message_peek_type(m, NULL, &contents);
        if (r < 0 || !streq(contents, "a{sv}"))
                return MIN(r, 0);
        r = sd_bus_message_enter_container(m, 'v', "a{sv}");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        writer_begin_object(w, "redacted");
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read_basic(m, 's', &key);
                if (r >= 0)
                        r = sd_bus_message_peek_type(m, NULL, &contents);
                if (r < 0)
                        return r;
                if (streq(key, "time") && streq(contents, "t")) {
                        r = sd_bus_message_read(m, "v", "t", &time);
                        if (r >= 0)
                                writer_time(w, key, time);
                } else if ((streq(key, "by") || streq(key, "reason")) && streq(contents, "s")) {
                        r = sd_bus_message_read(m, "v", "s", &s);
                        if (r >= 0)
                                r = free_and_strdup(
                                        streq(key, "by") ? &e->removed_by : &e->removed_why, s);
                        if (r >= 0)
                                writer_string(w, key, s);
                } else
                        r = client_read_json(w, key, m);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        writer_end_object(w);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? r : 1;
}

static const char *kept_string(const EntryView *e, const char *key) {
        return streq(key, "text")              ? e->text
               : streq(key, "topic")           ? e->topic
               : streq(key, "role")            ? e->role
               : streq(key, "target")          ? e->target
               : streq(key, "reason")          ? e->reason
               : streq(key, "view_permission") ? e->view
                                               : e->send;
}

/* (tssssta{sv}) */
static int read_entry(sd_bus_message *m, EntryView *ret) {
        _cleanup_(entry_view_done) EntryView e = {};
        _cleanup_(writer_done) Writer w = {};
        const char *id, *kind, *username, *user_type, *key;
        uint64_t number;
        int r;

        r = sd_bus_message_enter_container(m, 'r', "tssssta{sv}");
        if (r <= 0)
                return r;
        r = sd_bus_message_read(m, "tsssst", &e.seq, &id, &kind, &username, &user_type, &e.time);
        if (r < 0)
                return r;
        if (free_and_strdup(&e.id, id) < 0 || free_and_strdup(&e.kind, kind) < 0 ||
            free_and_strdup(&e.username, username) < 0 ||
            free_and_strdup(&e.user_type, user_type) < 0)
                return -ENOMEM;
        writer_begin_object(&w, NULL);
        writer_uint(&w, "seq", e.seq);
        writer_string(&w, "id", id);
        writer_string(&w, "kind", kind);
        writer_string(&w, "username", username);
        /* The bus spells it in lower case, the wire does not. */
        writer_string(&w, "user_type", streq(user_type, "guest") ? "GUEST" : "REGISTERED");
        writer_time(&w, "time", e.time);

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read_basic(m, 's', &key);
                if (r < 0)
                        return r;
                if (streq(key, "hidden")) {
                        e.hidden = true; /* nothing else is ever said there */
                        r = sd_bus_message_skip(m, "v");
                        if (r >= 0)
                                r = sd_bus_message_exit_container(m);
                        if (r < 0)
                                return r;
                        continue;
                }
                r = keep_string(&e, key, m);
                if (r < 0)
                        return r;
                if (r > 0)
                        writer_string(&w, streq(key, "text") ? "message_content" : key,
                                      kept_string(&e, key));
                else {
                        r = keep_number(&e, key, m, &number);
                        if (r > 0 && streq(key, "until"))
                                writer_time(&w, key, number);
                        else if (r > 0)
                                writer_uint(&w, key, number);
                        else if (r == 0 && streq(key, "redacted"))
                                r = keep_redacted(&e, m, &w) ?: client_read_json(&w, key, m);
                        else if (r == 0)
                                r = client_read_json(&w, key, m);
                }
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        writer_end_object(&w);
        r = writer_take(&w, &e.json, NULL);
        if (r < 0)
                return r;
        *ret = e;
        e = (EntryView){};
        return 1;
}

static int read_page_flag(sd_bus_message *m, const char *key, void *userdata) {
        EntryPage *page = userdata;
        int more, r;

        if (streq(key, "next_anchor") || streq(key, "first_seq")) {
                r = sd_bus_message_read(m, "v", "t",
                                        streq(key, "first_seq") ? &page->first_seq
                                                                : &page->next_anchor);
                return r < 0 ? r : 1;
        }
        if (!streq(key, "more"))
                return 0;
        r = sd_bus_message_read(m, "v", "b", &more);
        if (r < 0)
                return r;
        page->more = more;
        return 1;
}

/* Calls, and reads a(tssssta{sv}) and a{sv}. */
static int try_entries(Ctl *ctl, sd_bus_message *m, sd_bus_error *ret_error, EntryPage *ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(entry_page_done) EntryPage page = {};
        size_t allocated = 0;
        int r;

        r = client_try(ctl, m, 0, ret_error, &reply);
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "(tssssta{sv})");
        if (r < 0)
                return r;
        for (;;) {
                EntryView e;

                r = read_entry(reply, &e);
                if (r < 0)
                        return r;
                if (r == 0)
                        break;
                if (page.n == allocated) {
                        EntryView *grown;

                        allocated = MAX(allocated * 2, (size_t) 64);
                        grown = reallocarray(page.entries, allocated, sizeof(EntryView));
                        if (!grown) {
                                entry_view_done(&e);
                                return -ENOMEM;
                        }
                        page.entries = grown;
                }
                page.entries[page.n++] = e;
        }
        r = sd_bus_message_exit_container(reply);
        if (r >= 0)
                r = client_read_pairs(reply, read_page_flag, &page);
        if (r < 0)
                return r;
        *ret = page;
        page = (EntryPage){};
        return 0;
}

int client_try_page(Ctl *ctl, const char *path, const EntryQuery *query, sd_bus_error *ret_error,
                    EntryPage *ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        if (client_new_call(ctl, FACE_CHANNEL, path, "GetMessages", &m) != EXIT_OK)
                return -ENOMEM;
        r = sd_bus_message_append(m, "tua{sv}", query->anchor, query->limit, 3, "direction", "s",
                                  query->before ? "before" : "after", "since_usec", "t",
                                  query->since, "until_usec", "t", query->until ?: UINT64_MAX);
        return r < 0 ? r : try_entries(ctl, m, ret_error, ret);
}

int client_try_search(Ctl *ctl, const char *path, const char *words, uint64_t anchor,
                      uint32_t limit, bool before, sd_bus_error *ret_error, EntryPage *ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        if (client_new_call(ctl, FACE_CHANNEL, path, "Search", &m) != EXIT_OK)
                return -ENOMEM;
        r = sd_bus_message_append(m, "sua{sv}", words, limit, 2, "anchor", "t", anchor, "direction",
                                  "s", before ? "before" : "after");
        return r < 0 ? r : try_entries(ctl, m, ret_error, ret);
}
