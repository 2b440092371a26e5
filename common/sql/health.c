/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows whether a database can be used at all, since when not, and when to look again; leaves the
 * looking, and what a request is told, to sql.c. */
#include "sql/health.h"

#include <stdatomic.h>

#define TRY_MIN_USEC USEC_PER_SEC
#define TRY_MAX_USEC (30 * USEC_PER_SEC) /* nobody waits longer once the disk is back */
/* A disk on which now this fails and now that: who reads the journal is told ever more rarely. */
#define CALM_USEC (5 * USEC_PER_MINUTE)

struct Health {
        Clock *clock;      /* weak */
        atomic_int found;  /* 0, or what was met */
        int told;          /* … to who watches */
        uint64_t ended;    /* boottime: the last trouble's end; 0: there was none */
        uint64_t delay;    /* before the next try */
        ClockTimer *timer; /* armed: there will be one */
        sd_event_source *tell;
        bool is_trying;
        void (*try_again)(void *userdata);
        void *userdata; /* weak */
        sql_trouble_fn fn;
        void *fn_userdata; /* weak */
};

bool sql_is_trouble(int r) {
        switch (-r) {
        case ENOSPC:
        case EROFS:
        case EIO:
        case EBADMSG:
        case EMFILE:
        case ENFILE:
        case EACCES:
        case EPERM:
        case ENOENT:
        case ENOTDIR:
        case ENODEV:
        case ENXIO:
        case ESTALE:
        case ENOLCK:
        case EFBIG:
                return true;
        default:
                return false;
        }
}

/* The worst is told: a full disk is one matter, a disk that fails another. */
static int rank(int r) {
        switch (-r) {
        case 0:
                return 0;
        case ENOSPC:
                return 1;
        case EROFS:
                return 2;
        case EBADMSG:
                return 4;
        default:
                return 3;
        }
}

void health_note(Health *h, int r) {
        int found = atomic_load(&h->found);

        if (!sql_is_trouble(r))
                return;
        while (rank(r) > rank(found) && !atomic_compare_exchange_weak(&h->found, &found, r))
                ;
}

int health_get(const Health *h) {
        return atomic_load(&h->found);
}

static void try_later(Health *h) {
        if (health_get(h) == -EBADMSG) /* what is damaged does not mend itself */
                clock_timer_disarm(h->timer);
        else if (!h->is_trying && !clock_timer_is_armed(h->timer))
                clock_timer_arm(h->timer, h->delay);
}

void health_look(Health *h) {
        int found = health_get(h);

        if (found != h->told)
                (void) sd_event_source_set_enabled(h->tell, SD_EVENT_ONESHOT);
}

static int on_tell(sd_event_source *source, void *userdata) {
        Health *h = userdata;
        uint64_t now = clock_boottime(h->clock);
        int found = health_get(h), told = h->told;

        if (found == told)
                return 0;
        h->told = found;
        if (told == 0 && (h->ended == 0 || now - h->ended > CALM_USEC))
                h->delay = TRY_MIN_USEC;
        if (found == 0) {
                h->ended = now;
                clock_timer_disarm(h->timer);
        } else
                try_later(h);
        if (h->fn)
                h->fn(found, h->fn_userdata);
        return 0;
}

static void on_timer(void *userdata) {
        Health *h = userdata;

        if (health_get(h) == 0)
                return;
        h->is_trying = true;
        h->delay = MIN(2 * h->delay, TRY_MAX_USEC);
        h->try_again(h->userdata);
}

void health_tried(Health *h, int r) {
        int found = health_get(h);

        h->is_trying = false;
        /* Exchanged, so that what a thread meets in this moment is not lost. */
        if (found != -EBADMSG && (r >= 0 || sql_is_trouble(r)))
                (void) atomic_compare_exchange_strong(&h->found, &found, r >= 0 ? 0 : r);
        if (health_get(h) != 0)
                try_later(h);
        health_look(h);
}

void health_mended(Health *h) {
        atomic_store(&h->found, 0);
}

void health_watch(Health *h, sql_trouble_fn fn, void *userdata) {
        h->fn = fn;
        h->fn_userdata = userdata;
}

int health_new(const Runtime *rt, void (*try_again)(void *userdata), void *userdata, Health **ret) {
        _cleanup_(health_freep) Health *h = new0(Health, 1);
        int r;

        if (!h)
                return -ENOMEM;
        *h = (Health){
                .clock = rt->clock,
                .delay = TRY_MIN_USEC,
                .try_again = try_again,
                .userdata = userdata,
        };
        r = clock_timer_new(rt->clock, on_timer, h, &h->timer);
        if (r >= 0)
                r = sd_event_add_defer(rt->event, &h->tell, on_tell, h);
        if (r >= 0)
                r = sd_event_source_set_enabled(h->tell, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(h);
        return 0;
}

Health *health_free(Health *h) {
        if (!h)
                return NULL;
        clock_timer_free(h->timer);
        sd_event_source_disable_unref(h->tell);
        free(h);
        return NULL;
}
