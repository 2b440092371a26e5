/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how many requests of each kind one connection may make about a channel; leaves MESSAGE to
 * the channel's own rate, and what a request does to channel-host.h. */
#pragma once

#include "base/token-bucket.h"
#include "wire/error.h"

typedef enum BudgetKind {
        BUDGET_HISTORY,
        BUDGET_INFORMATION,
        BUDGET_OWN_STATE,
        BUDGET_GOVERNANCE,
        BUDGET_MAX,
        BUDGET_INVALID = -EINVAL,
} BudgetKind;

typedef struct RequestBudgets {
        TokenBucket buckets[BUDGET_MAX];
} RequestBudgets;

void request_budgets_init(RequestBudgets *b, uint64_t now /* boottime */);
/* One request with this command, of those in limits.h. Refused: `rate-limited` that says when. */
int request_budgets_take(RequestBudgets *b, const char *command, uint64_t now, Failure *f);
