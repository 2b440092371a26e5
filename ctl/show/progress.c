/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how somebody at a terminal sees that something takes time, and how far it is; leaves what
 * it is to the verbs. */
#include "ctl/show/progress.h"

#include <inttypes.h>

#include "ctl/show/escape.h"
#include "ctl/show/terminal.h"

#define ERASE "\r\033[K"

void progress_show(Progress *p, const char *step, uint64_t done, uint64_t total) {
        _cleanup_free_ char *line = NULL, *safe = NULL, *cut = NULL;
        int n;

        if (isatty(STDERR_FILENO) <= 0)
                return;
        n = total > 0  ? asprintf(&line, "%s… %" PRIu64 "/%" PRIu64 " (%u%%)", step, done, total,
                                  (unsigned) ((double) MIN(done, total) * 100 / (double) total))
            : done > 0 ? asprintf(&line, "%s… %" PRIu64, step, done)
                       : asprintf(&line, "%s…", step);
        if (n < 0) {
                line = NULL;
                return;
        }
        /* A line that goes round would not be erased. */
        if (text_escape(line, false, &safe) < 0 ||
            text_cut(safe, MAX(terminal_width(STDERR_FILENO), 2U) - 1, &cut) < 0)
                return;
        fprintf(stderr, ERASE "%s", cut);
        (void) fflush(stderr);
        p->is_shown = true;
}

void progress_done(Progress *p) {
        if (!p->is_shown)
                return;
        fputs(ERASE, stderr);
        (void) fflush(stderr);
        p->is_shown = false;
}
