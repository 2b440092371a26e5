/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how often the journal is told what others can cause as often as they like; leaves the words
 * to the caller. */
#include "base/log-pace.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <utlist.h>

#define FIELDS_MAX 10

/* The last line that was not said. */
typedef struct Held {
        uint64_t n; /* how many were not */
        int level, line;
        const char *file, *func;
        char *text;
        char *names[FIELDS_MAX], *values[FIELDS_MAX];
} Held;

typedef struct Source {
        struct Source *next;
        char *name;
        unsigned n_said;
        Held held;
} Source;

typedef struct Message {
        struct Message *next;
        char *id;
        unsigned n_sources;
        Source *sources;
        Held others; /* of sources beyond those */
} Message;

struct LogPace {
        Clock *clock; /* weak */
        ClockTimer *timer;
        Message *messages;
};

static void held_done(Held *h) {
        free(h->text);
        for (size_t i = 0; i < FIELDS_MAX; i++) {
                free(h->names[i]);
                free(h->values[i]);
        }
        *h = (Held){};
}

/* For want of memory it says less, and counts all the same. */
static void hold(Held *h, const Held *line, const char *text, const char *const *fields) {
        uint64_t n = h->n + 1;

        held_done(h);
        *h = *line;
        h->n = n;
        h->text = strdup(text);
        for (size_t i = 0; fields[0] && i < FIELDS_MAX; fields += 2)
                if (fields[1]) {
                        h->names[i] = strdup(fields[0]);
                        h->values[i] = strdup(fields[1]);
                        if (h->names[i] && h->values[i])
                                i++;
                }
}

static void say(const Held *h, const char *text, const char *const *fields, uint64_t n,
                const char *what) {
        const char *all[2 * FIELDS_MAX + 3] = { 0 };
        char count[24], more[96] = "";
        size_t k = 0;

        for (; fields[0] && k < 2 * FIELDS_MAX; fields += 2)
                if (fields[1]) {
                        all[k++] = fields[0];
                        all[k++] = fields[1];
                }
        snprintf(count, sizeof(count), "%" PRIu64, n);
        all[k++] = "CHAT_COUNT";
        all[k++] = count;
        if (what)
                snprintf(more, sizeof(more), " (the last of %" PRIu64 " %s)", n, what);
        (void) log_full(h->level, 0, all, h->file, h->line, h->func, "%s%s", text, more);
}

static void say_held(Held *h, const char *what) {
        const char *fields[2 * FIELDS_MAX + 2] = { 0 };

        if (h->n == 0)
                return;
        for (size_t i = 0; i < FIELDS_MAX && h->names[i] && h->values[i]; i++) {
                fields[2 * i] = h->names[i];
                fields[2 * i + 1] = h->values[i];
        }
        say(h, h->text ?: "Out of memory.", fields, h->n, what);
        held_done(h);
}

static void message_free(Message *m) {
        Source *s, *next;

        LL_FOREACH_SAFE(m->sources, s, next) {
                say_held(&s->held, "such in a minute");
                free(s->name);
                free(s);
        }
        say_held(&m->others, "such of others in a minute");
        free(m->id);
        free(m);
}

static void say_all(void *userdata) {
        LogPace *p = userdata;
        Message *m, *next;

        LL_FOREACH_SAFE(p->messages, m, next)
                message_free(m);
        p->messages = NULL;
}

int log_pace_new(Clock *clock, LogPace **ret) {
        _cleanup_(log_pace_freep) LogPace *p = NULL;
        int r;

        p = new0(LogPace, 1);
        if (!p)
                return -ENOMEM;
        p->clock = clock;
        r = clock_timer_new(clock, say_all, p, &p->timer);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

LogPace *log_pace_free(LogPace *p) {
        if (!p)
                return NULL;
        say_all(p);
        clock_timer_free(p->timer);
        free(p);
        return NULL;
}

static Message *get_message(LogPace *p, const char *id) {
        Message *m;

        LL_FOREACH(p->messages, m)
                if (streq(m->id, id))
                        return m;
        m = new0(Message, 1);
        if (!m)
                return NULL;
        m->id = strdup(id);
        if (!m->id) {
                free(m);
                return NULL;
        }
        LL_PREPEND(p->messages, m);
        if (!clock_timer_is_armed(p->timer))
                clock_timer_arm(p->timer, LOG_PACE_USEC);
        return m;
}

/* NULL: there are too many of them. */
static Source *get_source(Message *m, const char *name) {
        Source *s;

        LL_FOREACH(m->sources, s)
                if (streq(s->name, name))
                        return s;
        if (m->n_sources >= LOG_PACE_SOURCES)
                return NULL;
        s = new0(Source, 1);
        if (!s)
                return NULL;
        s->name = strdup(name);
        if (!s->name) {
                free(s);
                return NULL;
        }
        LL_PREPEND(m->sources, s);
        m->n_sources++;
        return s;
}

void log_pace_say(LogPace *p, const char *source, int level, const char *const *fields,
                  const char *file, int line, const char *func, const char *format, ...) {
        const Held here = { .level = level, .line = line, .file = file, .func = func };
        char text[LINE_MAX];
        Message *m;
        Source *s;
        va_list ap;

        assert(fields && streq(fields[0], "MESSAGE_ID"));
        if (level > log_get_max_level())
                return;
        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);

        m = p ? get_message(p, fields[1]) : NULL;
        if (!m) {
                say(&here, text, fields, 1, NULL);
                return;
        }
        s = get_source(m, source);
        if (s && s->n_said < LOG_PACE_EACH) {
                s->n_said++;
                say(&here, text, fields, 1, NULL);
        } else
                hold(s ? &s->held : &m->others, &here, text, fields);
}
