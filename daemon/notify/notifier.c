/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows of what the desktop tells the person: which messages, merged to one pop-up a channel, and
 * when they go again. Leaves showing them, by org.freedesktop.Notifications, to bus/notify-bus.h.
 */
#include "daemon/notify/notifier.h"

#include <inttypes.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/token-bucket.h"
#include "daemon/notify/focus.h"
#include "daemon/notify/popup-text.h"
#include "wire/fields.h"

/* Over all channels: nobody reads more. */
#define POPUPS_PER_SEC 3
#define POPUPS_BURST 3
#define AWAY_USEC USEC_PER_MINUTE /* what cannot be started is not started all the time */

/* What there is to tell of a channel, or is told. */
typedef struct News {
        char channel_id[UUID_STRING_SIZE];
        char channel[NAME_SIZE];
        char from[NAME_SIZE]; /* of the latest … */
        char *text;           /* … clean; NULL: nothing to show */
        uint64_t last_seq;
        uint64_t n, n_mentions; /* since the person looked */
        uint64_t turn;          /* of those that are due the lowest is next; 0: is not due */
        uint32_t id;            /* 0: none is there */
        UT_hash_handle hh;      /* Notifier.news, by channel_id */
} News;

struct Notifier {
        const Runtime *rt; /* weak */
        NotifierHandlers handlers;
        void *userdata; /* weak */
        bool desktop, text;
        Focus *focus;
        News *news;       /* News */
        News *showing;    /* weak; NULL: none, or it is not wanted any more */
        bool is_asked;    /* notifier_shown() is to follow */
        uint64_t turn;    /* given last */
        uint64_t away_at; /* boottime: nobody could show one then; 0: not so */
        TokenBucket bucket;
        ClockTimer *timer;
};

static void news_free(Notifier *n, News *x) {
        if (n->showing == x)
                n->showing = NULL;
        HASH_DEL(n->news, x);
        free(x->text);
        free(x);
}

static News *find(const Notifier *n, const char *channel_id) {
        News *x;

        HASH_FIND_STR(n->news, channel_id, x);
        return x;
}

/* Nothing is to be told of it, and nothing is to be seen. */
static void withdraw(Notifier *n, News *x) {
        if (x->id != 0 && n->handlers.close)
                n->handlers.close(x->id, n->userdata);
        news_free(n, x); /* one that is being shown is closed then */
}

static void withdraw_all(Notifier *n) {
        News *x, *next;

        HASH_ITER(hh, n->news, x, next)
                withdraw(n, x);
}

/* ---- showing ---- */

static News *find_due(const Notifier *n) {
        News *due = NULL;

        for (News *x = n->news; x; x = x->hh.next)
                if (x->turn > 0 && (!due || x->turn < due->turn))
                        due = x;
        return due;
}

static bool is_away(Notifier *n) {
        if (n->away_at > 0 && clock_boottime(n->rt->clock) - n->away_at >= AWAY_USEC)
                n->away_at = 0;
        return n->away_at > 0;
}

static void went_away(Notifier *n) {
        n->away_at = MAX(clock_boottime(n->rt->clock), UINT64_C(1));
}

static int show(Notifier *n, const News *x) {
        char summary[2 * NAME_SIZE + 64];
        _cleanup_free_ char *body = NULL;
        const char *text = n->text && x->text ? x->text : "";

        if (x->n == 1)
                (void) snprintf(summary, sizeof(summary), "%s in %s", x->from, x->channel);
        else
                (void) snprintf(summary, sizeof(summary), "%s: %" PRIu64 " %s", x->channel, x->n,
                                x->n == x->n_mentions ? "mentions" : "new messages");
        if (asprintf(&body, "%s%s%s", x->n > 1 && *text ? x->from : "",
                     x->n > 1 && *text ? ": " : "", text) < 0) {
                body = NULL;
                return -ENOMEM;
        }
        return n->handlers.show(&(Popup){ .replaces = x->id,
                                          .summary = summary,
                                          .body = body,
                                          .channel = x->channel },
                                n->userdata);
}

static void pump(void *userdata) {
        Notifier *n = userdata;
        News *x = find_due(n);
        uint64_t wait;

        if (!x || n->is_asked || !n->handlers.show || is_away(n))
                return;
        if (!token_bucket_take(&n->bucket, 1, clock_boottime(n->rt->clock), &wait)) {
                clock_timer_arm(n->timer, wait);
                return;
        }
        if (show(n, x) < 0) {
                went_away(n);
                return;
        }
        x->turn = 0;
        n->showing = x;
        n->is_asked = true;
}

static void make_due(Notifier *n, News *x) {
        if (x->turn == 0)
                x->turn = ++n->turn;
}

void notifier_shown(Notifier *n, int r, uint32_t id) {
        News *x = n->showing;

        n->showing = NULL;
        n->is_asked = false;
        if (r >= 0 && !x) {
                if (n->handlers.close)
                        n->handlers.close(id, n->userdata);
        } else if (r >= 0)
                x->id = id;
        else if (r == -EAGAIN) {
                went_away(n);
                if (x)
                        make_due(n, x);
        }
        pump(n);
}

const char *notifier_get_channel(const Notifier *n, uint32_t id) {
        for (const News *x = n->news; x && id != 0; x = x->hh.next)
                if (x->id == id)
                        return x->channel_id;
        return NULL;
}

void notifier_closed(Notifier *n, uint32_t id, bool by_person) {
        for (News *x = n->news; x && id != 0; x = x->hh.next) {
                if (x->id != id)
                        continue;
                x->id = 0;
                if (by_person && x->turn == 0 && n->showing != x)
                        news_free(n, x);
                return;
        }
}

void notifier_desktop_changed(Notifier *n, bool is_there) {
        for (News *x = n->news; x; x = x->hh.next)
                x->id = 0;
        if (!is_there)
                return;
        n->away_at = 0;
        pump(n);
}

/* ---- what there is to tell ---- */

static bool is_wanted(const ChannelMember *c, const Entry *e) {
        switch (channel_member_get_notify(c)) {
        case NOTIFY_ALL:
                return channel_member_is_news(c, e);
        case NOTIFY_MENTIONS:
                return e->mentions && channel_member_is_news(c, e);
        case NOTIFY_NONE:
        case NOTIFY_UNSET:
        case NOTIFY_MAX:
        case NOTIFY_INVALID:
                break;
        }
        return false;
}

static News *find_or_add(Notifier *n, const ChannelMember *c) {
        News *x = find(n, channel_member_get_id(c));

        if (x)
                return x;
        x = new0(News, 1);
        if (!x)
                return NULL;
        (void) snprintf(x->channel_id, sizeof(x->channel_id), "%s", channel_member_get_id(c));
        (void) snprintf(x->channel, sizeof(x->channel), "%s", channel_member_get_name(c));
        HASH_ADD_STR(n->news, channel_id, x);
        if (!x->hh.tbl) {
                free(x);
                return NULL;
        }
        return x;
}

static void keep_text(News *x, const Entry *e) {
        _cleanup_(value_unrefp) Value *extra = NULL;
        const char *text = NULL;
        size_t n = 0;

        free(x->text);
        x->text = NULL;
        if (value_parse(e->extra, e->n_extra, &extra) >= 0)
                text = value_string(value_get(extra, "message_content"), &n);
        if (text && popup_text_clean(text, n, &x->text) < 0)
                x->text = NULL;
}

/* What a pop-up says must not outlive what was said. */
static void heard_redact(Notifier *n, const ChannelMember *c, const Entry *e) {
        _cleanup_(value_unrefp) Value *extra = NULL;
        News *x = find(n, channel_member_get_id(c));
        uint64_t target;

        if (x && value_parse(e->extra, e->n_extra, &extra) >= 0 &&
            value_uint(value_get(extra, "target_seq"), &target) >= 0 && target == x->last_seq)
                withdraw(n, x);
}

void notifier_heard(Notifier *n, const ChannelMember *c, const Entry *entries, size_t n_entries) {
        bool may_tell = n->desktop && !focus_has(n->focus, channel_member_get_id(c));
        const Entry *last = NULL;
        News *x = NULL;

        for (size_t i = 0; i < n_entries; i++) {
                const Entry *e = &entries[i];

                if (e->kind == ENTRY_REDACT) {
                        heard_redact(n, c, e);
                        x = NULL;
                }
                if (!may_tell || !is_wanted(c, e))
                        continue;
                x = x ?: find_or_add(n, c);
                if (!x)
                        return;
                x->n++;
                x->n_mentions += e->mentions;
                x->last_seq = e->seq;
                last = e;
        }
        x = last ? find(n, channel_member_get_id(c)) : NULL;
        if (!x || x->last_seq != last->seq)
                return;
        (void) snprintf(x->from, sizeof(x->from), "%s", last->username);
        keep_text(x, last);
        make_due(n, x);
        pump(n);
}

void notifier_channel_changed(Notifier *n, const ChannelMember *c) {
        News *x = find(n, channel_member_get_id(c));

        if (x && (channel_member_get_read_seq(c) >= x->last_seq ||
                  channel_member_get_notify(c) == NOTIFY_NONE))
                withdraw(n, x);
}

void notifier_channel_removed(Notifier *n, const ChannelMember *c) {
        News *x = find(n, channel_member_get_id(c));

        if (x)
                withdraw(n, x);
        focus_forget_channel(n->focus, channel_member_get_id(c));
}

int notifier_set_focus(Notifier *n, const char *client, const char *channel_id) {
        int r = focus_set(n->focus, client, channel_id);
        News *x = channel_id ? find(n, channel_id) : NULL;

        if (r >= 0 && x)
                withdraw(n, x);
        return r;
}

void notifier_clear_focus(Notifier *n) {
        focus_clear(n->focus);
}

/* ---- life ---- */

void notifier_set_handlers(Notifier *n, const NotifierHandlers *handlers, void *userdata) {
        n->handlers = *handlers;
        n->userdata = userdata;
}

void notifier_set(Notifier *n, bool desktop, bool text) {
        n->desktop = desktop;
        n->text = text;
        if (!desktop)
                withdraw_all(n);
}

int notifier_new(const Runtime *rt, Notifier **ret) {
        _cleanup_(notifier_freep) Notifier *n = new0(Notifier, 1);
        int r;

        if (!n)
                return -ENOMEM;
        *n = (Notifier){ .rt = rt, .desktop = true, .text = true };
        token_bucket_init(&n->bucket, POPUPS_PER_SEC, POPUPS_BURST, clock_boottime(rt->clock));
        r = focus_new(&n->focus);
        if (r >= 0)
                r = clock_timer_new(rt->clock, pump, n, &n->timer);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(n);
        return 0;
}

/* What is there to be seen stays: the person has not looked yet. */
Notifier *notifier_free(Notifier *n) {
        News *x, *next;

        if (!n)
                return NULL;
        HASH_ITER(hh, n->news, x, next)
                news_free(n, x);
        focus_free(n->focus);
        clock_timer_free(n->timer);
        free(n);
        return NULL;
}
