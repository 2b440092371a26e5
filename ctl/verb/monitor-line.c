/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how something that happens is told: as a line for people, as one for programs, or to a
 * command; leaves what happens to monitor.c. */
#include <inttypes.h>

#include "ctl/show/print-entry.h"
#include "ctl/show/print.h"
#include "ctl/show/wrap.h"
#include "ctl/verb/monitor.h"
#include "ctl/verb/when.h"

/* A shell's ways to say that it could not run the command, or that the command wants no more. */
#define STATUS_STOP_MIN 126

static bool is_mine(const Monitor *m, const EntryView *e) {
        const AccountView *a = &m->last.account;

        return streq_ptr(a->username, e->username) && streq_ptr(a->user_type, e->user_type);
}

/* The list is a person's: "message,state". */
static bool is_wanted(const Monitor *m, const char *kind) {
        size_t n = strlen(kind);

        if (!m->kinds)
                return true;
        for (const char *s = m->kinds;; s++) {
                size_t k = strcspn(s, ",");

                if (k == n && strncmp(s, kind, n) == 0)
                        return true;
                s += k;
                if (!*s)
                        return false;
        }
}

/* As status has it. */
static void write_user(Writer *w, const AccountView *a) {
        if (!a->username || !*a->username) {
                writer_null(w, "username");
                writer_null(w, "user_type");
                return;
        }
        writer_string(w, "username", a->username);
        writer_string(w, "user_type", streq_ptr(a->user_type, "guest") ? "GUEST" : "REGISTERED");
}

static int make_json(const Monitor *m, const MonitorLine *l, char **ret) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        if (l->entry)
                writer_members(&w, l->entry->json, strlen(l->entry->json));
        else
                writer_string(&w, "kind", l->kind);
        if (l->channel) {
                writer_string(&w, "channel_name", l->channel->name);
                writer_string(&w, "channel_id", l->channel->id);
        }
        if (l->entry) {
                writer_bool(&w, "mine", is_mine(m, l->entry));
                if (l->entry->hidden)
                        writer_bool(&w, "hidden", true);
        }
        if (l->account) {
                writer_string(&w, "tracker", l->account->tracker);
                writer_string(&w, "tracker_state", l->account->state);
                writer_string(&w, "tracker_reason", l->account->reason);
                write_user(&w, l->account);
        }
        writer_string(&w, "state", l->state);
        writer_string(&w, "state_reason", l->reason);
        if (l->has_count)
                writer_uint(&w, streq(l->kind, "members") ? "members_online" : "outbox", l->count);
        writer_end_object(&w);
        return writer_take(&w, ret, NULL);
}

static void print_happening(FILE *f, const MonitorLine *l) {
        const AccountView *a = l->account;
        char when[LOCAL_TIME_SIZE] = "";
        uint64_t now;

        if (when_now(&now) >= 0)
                print_local_time(now, when);
        fprintf(f, "%s ", when);
        if (l->channel)
                fputc('[', f), print_escaped(f, l->channel->name, false), fputs("] ", f);
        fputs("-- ", f);
        if (l->has_count && streq(l->kind, "members"))
                fprintf(f, ngettext("%" PRIu32 " is here", "%" PRIu32 " are here", l->count),
                        l->count);
        else if (l->has_count)
                fprintf(f,
                        ngettext("%" PRIu32 " message waits", "%" PRIu32 " messages wait",
                                 l->count),
                        l->count);
        else if (a) {
                print_escaped(f, a->username && *a->username ? a->username : _("nobody"), false);
                fputs(_(" at "), f);
                print_escaped(f, a->tracker ?: _("no tracker"), false);
                fputs(": ", f);
                print_escaped(f, a->state ?: "-", false);
        } else {
                if (!l->channel)
                        fputs(_("the daemon: "), f);
                print_escaped(f, l->state ?: "-", false);
        }
        if (l->reason && *l->reason)
                fputs(" (", f), print_escaped(f, l->reason, false), fputc(')', f);
        fputc('\n', f);
}

static int print_line(const Monitor *m, const MonitorLine *l) {
        _cleanup_free_ char *json = NULL;

        if (m->ctl->json != JSON_OFF) {
                if (make_json(m, l, &json) < 0)
                        return client_fail(m->ctl, NULL, -ENOMEM);
                print_json_text(stdout, m->ctl->json, json);
        } else if (l->entry)
                print_entry_as(stdout, l->entry,
                               &(EntryStyle){ .ctl = m->ctl,
                                              .with_date = true,
                                              .with_seq = true,
                                              .channel = l->channel->name,
                                              .columns = wrap_columns(m->ctl, STDOUT_FILENO) });
        else {
                Wrap wrap;

                print_happening(wrap_begin(&wrap, stdout, wrap_columns(m->ctl, STDOUT_FILENO)), l);
                wrap_end(&wrap);
        }
        return EXIT_OK;
}

/* ---- commands ---- */

enum {
        VARIABLE_KIND,
        VARIABLE_CHANNEL,
        VARIABLE_CHANNEL_ID,
        VARIABLE_SEQ,
        VARIABLE_ID,
        VARIABLE_USERNAME,
        VARIABLE_USER_TYPE,
        VARIABLE_MINE,
        VARIABLE_TEXT,
        VARIABLE_STATE,
        VARIABLE_MAX,
};

/* A variable that is not in this line is taken out: its name alone says so. */
static int set_variable(char **variable, const char *name, const char *value) {
        int r;

        r = value ? asprintf(variable, "P2PCHAT_%s=%s", name, value)
                  : asprintf(variable, "P2PCHAT_%s", name);
        if (r >= 0)
                return 0;
        *variable = NULL;
        return -ENOMEM;
}

static int run_command(Monitor *m, const MonitorLine *l) {
        const AccountView *a = l->account;
        const EntryView *e = l->entry;
        char seq[24];
        const struct {
                const char *name, *value;
        } variables[VARIABLE_MAX] = {
                [VARIABLE_KIND] = { "KIND", l->kind },
                [VARIABLE_CHANNEL] = { "CHANNEL", l->channel ? l->channel->name : NULL },
                [VARIABLE_CHANNEL_ID] = { "CHANNEL_ID", l->channel ? l->channel->id : NULL },
                [VARIABLE_SEQ] = { "SEQ", e ? seq : NULL },
                [VARIABLE_ID] = { "ID", e ? e->id : NULL },
                [VARIABLE_USERNAME] = { "USERNAME", e   ? e->username
                                                    : a ? a->username
                                                        : NULL },
                [VARIABLE_USER_TYPE] = { "USER_TYPE", e   ? e->user_type
                                                      : a ? a->user_type
                                                          : NULL },
                [VARIABLE_MINE] = { "MINE", !e              ? NULL
                                            : is_mine(m, e) ? "1"
                                                            : "0" },
                [VARIABLE_TEXT] = { "TEXT", e ? e->text : NULL },
                [VARIABLE_STATE] = { "STATE", a ? a->state : l->state },
        };
        char *environment[VARIABLE_MAX + 1] = {};
        _cleanup_free_ char *json = NULL;
        int r, status = 0;

        snprintf(seq, sizeof(seq), "%" PRIu64, e ? e->seq : 0);
        r = make_json(m, l, &json);
        for (size_t i = 0; i < VARIABLE_MAX && r >= 0; i++)
                r = set_variable(environment + i, variables[i].name, variables[i].value);
        if (r >= 0)
                r = monitor_run(m->ctl, m->command, json, environment, &status);
        for (size_t i = 0; i < VARIABLE_MAX; i++)
                free(environment[i]);
        if (r < 0)
                return client_fail(m->ctl, NULL, r);
        if (status >= STATUS_STOP_MIN)
                return client_fail_as(m->ctl, "Cancelled", EXIT_FAILED,
                                      _("The command ended with %d at: %s; with --cursor-file= it "
                                        "gets that again the next time"),
                                      status, json);
        if (status != 0) {
                fprintf(stderr, _("-- the command ended with %d at: "), status);
                print_escaped(stderr, json, false);
                fputc('\n', stderr);
        }
        return EXIT_OK;
}

int monitor_tell(Monitor *m, const MonitorLine *line) {
        MonitorLine l = *line;

        if (l.entry)
                l.kind = l.entry->kind;
        if (!is_wanted(m, l.kind))
                return EXIT_OK;
        if (l.entry && l.entry->hidden && !m->shows_ignored &&
            (m->command || m->ctl->json == JSON_OFF))
                return EXIT_OK;
        return m->command ? run_command(m, &l) : print_line(m, &l);
}
