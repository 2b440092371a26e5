/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how who is here outlives the process: saved a little later than it changes, held for a
 * while by the process after. Leaves who is here to channel-host-roster.c, the rows to store.h. */
#include "base/log.h"
#include "daemon/host/channel-host-internal.h"

/* What a crash may forget: of changes, who came or left last; of no change, that it still was so.
 */
#define SAVE_USEC (5 * USEC_PER_SEC)
#define SAVE_AGAIN_USEC USEC_PER_MINUTE
/* Longer ago, and nobody wonders that others are gone. */
#define SAVED_USEC_MAX (SAVE_AGAIN_USEC + PRESENCE_GRACE_USEC)
/* Above what may have been told since it was saved. */
#define GENERATION_GAP (UINT64_C(1) << 20)
/* Leaves room on the wire for more than any process tells of; above it, it is no host's. */
#define GENERATION_SAVED_MAX (NUMBER_MAX / 2)

static size_t collect(const Roster *roster, StoredPresence *ret) {
        size_t n = 0;

        for (const RosterRow *row = roster->rows; row; row = row->next) {
                if (roster->save_anew ? row->shown == PRESENCE_OFFLINE
                                      : row->generation <= roster->saved)
                        continue;
                ret[n] = (StoredPresence){
                        .user_type = row->user_type,
                        .since = row->since,
                        .is_away = row->shown == PRESENCE_AWAY,
                        .is_gone = row->shown == PRESENCE_OFFLINE,
                };
                memcpy(ret[n++].username, row->username, sizeof(row->username));
        }
        return n;
}

static void arm(Roster *roster, uint64_t usec) {
        uint64_t at = clock_boottime(roster->host->rt->clock) + usec;

        if (!clock_timer_is_armed(roster->save_timer) ||
            clock_timer_deadline(roster->save_timer) > at)
                clock_timer_arm_at(roster->save_timer, at);
}

static void on_saved(int r, void *userdata) {
        Roster *roster = userdata;

        roster->save_job = NULL;
        if (r < 0)
                roster->save_anew = true;
        else {
                roster->save_anew = false;
                roster->saved = roster->saving;
        }
        roster_forget_told(roster);
        if (roster->save_anew || roster->generation > roster->saved)
                arm(roster, SAVE_USEC);
        else if (roster->n_online > 1) /* the host alone needs nobody to wait for */
                arm(roster, SAVE_AGAIN_USEC);
}

static void save(Roster *roster) {
        ChannelHost *h = roster->host;
        _cleanup_free_ StoredPresence *changes = NULL;
        int r = -ENOMEM;

        roster->saving = roster->generation;
        changes = new0(StoredPresence, HASH_COUNT(roster->by_name) + 1);
        if (changes)
                r = store_save_roster(h->store, h->row, clock_realtime(h->rt->clock),
                                      roster->generation, roster->save_anew, changes,
                                      collect(roster, changes), on_saved, roster,
                                      &roster->save_job);
        if (r < 0)
                on_saved(r, roster);
}

static void on_save_timer(void *userdata) {
        Roster *roster = userdata;

        if (!roster->save_job) /* its end looks again */
                save(roster);
}

void roster_save_soon(Roster *roster) {
        arm(roster, SAVE_USEC);
}

void roster_save_now(Roster *roster) {
        roster->save_job = job_free(roster->save_job); /* … which is done all the same, before */
        save(roster);
}

void roster_save_nobody(Roster *roster) {
        ChannelHost *h = roster->host;

        (void) store_save_roster(h->store, h->row, 0, roster->generation, true, NULL, 0, NULL, NULL,
                                 NULL);
}

int roster_save_init(Roster *roster) {
        return clock_timer_new(roster->host->rt->clock, on_save_timer, roster, &roster->save_timer);
}

void roster_save_done(Roster *roster) {
        roster->save_job = job_free(roster->save_job);
        roster->save_timer = clock_timer_free(roster->save_timer);
}

void roster_hold(Roster *roster, uint64_t saved, uint64_t generation, const StoredPresence *rows,
                 size_t n) {
        uint64_t now = clock_realtime(roster->host->rt->clock);
        RosterRow *row;

        if (generation == 0)
                return;
        if (generation > GENERATION_SAVED_MAX) {
                saved = 0;
                generation = 0;
        }
        roster->generation = roster->published = roster->saved = generation + GENERATION_GAP;
        /* A clock that was set back says nothing. */
        roster->save_anew = now < saved || now - saved > SAVED_USEC_MAX;
        for (size_t i = 0; i < n && !roster->save_anew; i++) {
                row = roster_row_new(roster, rows[i].username, rows[i].user_type);
                if (!row) {
                        roster->save_anew = true;
                        break;
                }
                row->shown = rows[i].is_away ? PRESENCE_AWAY : PRESENCE_ONLINE;
                row->since = rows[i].since;
                row->generation = row->everybodys = roster->generation;
                roster->n_online++;
                roster_row_leaves(roster, row);
        }
        roster->n_published = roster->n_online;
        roster_save_now(roster); /* the next one goes on above this generation */
}
