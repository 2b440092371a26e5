/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which fault the environment chose, and which test is to find it; leaves what the fault is to
 * the altered source (alter.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

bool mutant_is(const char *name);

static const char *mutant;

bool mutant_is(const char *name) {
        return mutant && strcmp(mutant, name) == 0;
}

static void __attribute__((constructor)) choose(void) {
        const char *test = getenv("P2PCHAT_TEST");

        mutant = getenv("P2PCHAT_MUTANT");
        if (test)
                cmocka_set_test_filter(test);
}
