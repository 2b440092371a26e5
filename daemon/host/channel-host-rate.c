/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how much each sender may still say in a channel at this moment; leaves what came to the
 * queue, and how much that is in a second to the channel. */
#include "daemon/host/channel-host-internal.h"

struct RateRow {
        char sender[KEY_ID_SIZE]; /* a user's name, a guest's key: neither can be the other */
        TokenBucket bucket;
        UT_hash_handle hh;
        RateRow *prev, *next;
};

static const char *actor_sender(const Actor *a) {
        return a->user_type == USER_GUEST ? a->key_id : a->username;
}

static void row_free(Rates *rates, RateRow *row) {
        HASH_DEL(rates->by_sender, row);
        DL_DELETE(rates->rows, row);
        free(row);
}

void rates_done(Rates *rates) {
        while (rates->rows)
                row_free(rates, rates->rows);
}

/* A bucket that is full again is like none. Who has said nothing for the longest time comes first,
 * so each turn looks at few. */
static void forget_full(Rates *rates, uint64_t now) {
        while (rates->rows && token_bucket_look(&rates->rows->bucket, now) >= rates->burst)
                row_free(rates, rates->rows);
}

static RateRow *get_row(Rates *rates, const char *sender, uint64_t now) {
        RateRow *row;

        HASH_FIND_STR(rates->by_sender, sender, row);
        if (row) {
                DL_DELETE(rates->rows, row);
                DL_APPEND(rates->rows, row);
                return row;
        }
        if (HASH_COUNT(rates->by_sender) >= RATE_ROWS_MAX)
                row_free(rates, rates->rows);
        row = new0(RateRow, 1);
        if (!row)
                return NULL;
        snprintf(row->sender, sizeof(row->sender), "%s", sender);
        token_bucket_init(&row->bucket, rates->rate, rates->burst, now);
        HASH_ADD_STR(rates->by_sender, sender, row);
        if (!row->hh.tbl) {
                free(row);
                return NULL;
        }
        DL_APPEND(rates->rows, row);
        return row;
}

void rates_follow(ChannelHost *h) {
        uint64_t rate, burst;
        Rates *rates = &h->rates;
        RateRow *row;

        channel_get_rates(h->channel, &rate, &burst);
        burst = MAX(burst, UINT64_C(1)); /* 0 is one after the other */
        if (rates->rate == rate && rates->burst == burst)
                return;
        rates->rate = rate;
        rates->burst = burst;
        if (rate == 0)
                rates_done(rates);
        DL_FOREACH(rates->rows, row)
                token_bucket_change(&row->bucket, rate, burst, clock_boottime(h->rt->clock));
}

int rates_take(ChannelHost *h, const Actor *a, size_t n, size_t *ret_n, uint64_t *ret_wait_usec) {
        uint64_t now = clock_boottime(h->rt->clock);
        Rates *rates = &h->rates;
        RateRow *row;

        rates_follow(h);
        *ret_n = n;
        *ret_wait_usec = 0;
        if (rates->rate == 0)
                return 0;
        row = get_row(rates, actor_sender(a), now);
        if (!row)
                return -ENOMEM;
        *ret_n = (size_t) MIN(token_bucket_look(&row->bucket, now), (uint64_t) n);
        (void) token_bucket_take(&row->bucket, *ret_n, now, NULL);
        if (*ret_n < n) /* there is none left */
                (void) token_bucket_take(&row->bucket, 1, now, ret_wait_usec);
        forget_full(rates, now);
        return 0;
}

void rates_give_back(ChannelHost *h, const Actor *a, size_t n) {
        RateRow *row;

        HASH_FIND_STR(h->rates.by_sender, actor_sender(a), row);
        if (row)
                token_bucket_give_back(&row->bucket, n);
}
