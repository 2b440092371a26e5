/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which commands are paid for out of which budget. */
#include "daemon/host/request-budget.h"

#include "base/clock.h"
#include "wire/limits.h"

static const struct {
        uint64_t rate, burst;
} sizes[BUDGET_MAX] = {
        [BUDGET_HISTORY] = { HISTORY_RATE, HISTORY_BURST },
        [BUDGET_INFORMATION] = { INFORMATION_RATE, INFORMATION_BURST },
        [BUDGET_OWN_STATE] = { OWN_STATE_RATE, OWN_STATE_BURST },
        [BUDGET_GOVERNANCE] = { GOVERNANCE_RATE, GOVERNANCE_BURST },
};

static const struct {
        const char *command;
        BudgetKind kind;
} commands[] = {
        { "HISTORY", BUDGET_HISTORY },     { "RET_INFO", BUDGET_INFORMATION },
        { "MEMBERS", BUDGET_INFORMATION }, { "ACCESS", BUDGET_INFORMATION },
        { "DEBUG", BUDGET_INFORMATION },   { "INVISIBLE", BUDGET_OWN_STATE },
        { "STATUS", BUDGET_OWN_STATE },    { "VIEW", BUDGET_GOVERNANCE },
        { "TOPIC", BUDGET_GOVERNANCE },    { "AUTHORIZE", BUDGET_GOVERNANCE },
        { "KICK", BUDGET_GOVERNANCE },     { "BAN", BUDGET_GOVERNANCE },
        { "UNBAN", BUDGET_GOVERNANCE },    { "REDACT", BUDGET_GOVERNANCE },
};

static BudgetKind kind_of(const char *command) {
        for (size_t i = 0; i < ELEMENTSOF(commands); i++)
                if (streq(commands[i].command, command))
                        return commands[i].kind;
        return BUDGET_INVALID;
}

void request_budgets_init(RequestBudgets *b, uint64_t now) {
        for (BudgetKind k = 0; k < BUDGET_MAX; k++)
                token_bucket_init(&b->buckets[k], sizes[k].rate, sizes[k].burst, now);
}

int request_budgets_take(RequestBudgets *b, const char *command, uint64_t now, Failure *f) {
        BudgetKind k = kind_of(command);
        uint64_t wait_usec;
        int r;

        if (k < 0 || token_bucket_take(&b->buckets[k], 1, now, &wait_usec))
                return 0;
        r = failure_set(f, ERROR_RATE_LIMITED,
                        "This host answers %" PRIu64 " such requests a second; try again.",
                        sizes[k].rate);
        f->retry_after_ms = DIV_ROUND_UP(wait_usec, USEC_PER_MSEC);
        return r;
}
