/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the parts of the scenarios' support share; only they see it. */
#pragma once

#include "scenario/support.h"

/* Of one operation of a person; zero before it begins. */
typedef struct Result {
        bool is_done;
        Failure failure;
        Account *account;
        ChannelMember *channel;
        uint64_t seq;
        int online;
        const char *name;
} Result;

/* Once each. f NULL: it was done. */
void result_finish(Result *q, const Failure *f);
/* Until then; what came of it is the person's failure, too. */
ErrorCode result_wait(Person *p, Result *q);
/* A done callback; userdata: Result. */
void result_on_done(const Failure *f, void *userdata);
