/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how somebody is asked before what cannot be undone. */
#include "ctl/tracker/confirm.h"

#include <stdarg.h>

#include "ctl/client/client-call.h"
#include "ctl/password.h"

int confirm(Ctl *ctl, bool yes, const char *word, const char *what, ...) {
        char answer[PASSWORD_SIZE] = {}, prompt[PASSWORD_SIZE];
        va_list ap;
        int r;

        if (yes)
                return EXIT_OK;
        if (isatty(STDIN_FILENO) <= 0)
                return client_fail_as(
                        ctl, "BadRequest", EXIT_USAGE,
                        _("This cannot be undone, and there is no terminal to ask at; "
                          "to do it without being asked, add --yes"));
        va_start(ap, what);
        vfprintf(stderr, what, ap);
        va_end(ap);
        snprintf(prompt, sizeof(prompt), _("Type %s to go on: "), word);
        r = terminal_ask(ctl, prompt, answer);
        if (r == EXIT_OK && !streq(answer, word))
                return client_fail_as(ctl, "Cancelled", EXIT_FAILED,
                                      _("That is not %s; nothing was done"), word);
        return r;
}
