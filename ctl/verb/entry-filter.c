/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which entries are asked for by what is in them; leaves reading and showing to the verbs. */
#include "ctl/verb/entry-filter.h"

#include <ctype.h>

#include "ctl/show/print-entry.h"

void entry_filter_done(EntryFilter *f) {
        if (f->has_pattern)
                regfree(&f->pattern);
        f->has_pattern = false;
}

/* What a group matched before is looked for in a time that grows beyond all bounds with the text,
 * which is others'. */
static bool has_back_reference(const char *s) {
        for (; *s; s++)
                if (s[0] == '\\' && s[1]) {
                        if (isdigit((unsigned char) s[1]))
                                return true;
                        s++;
                }
        return false;
}

static bool has_capital(const char *s) {
        for (; *s; s++)
                if (*s == '\\' && s[1])
                        s++; /* \W is no letter */
                else if (isupper((unsigned char) *s))
                        return true;
        return false;
}

int entry_filter_set_pattern(Ctl *ctl, EntryFilter *f, const char *pattern) {
        char why[128];
        int r;

        if (strlen(pattern) > PATTERN_BYTES_MAX)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("-g takes at most %d bytes; use a shorter pattern"),
                                      PATTERN_BYTES_MAX);
        if (has_back_reference(pattern))
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("-g takes no back references (\\1); say what is meant"));
        r = regcomp(&f->pattern, pattern,
                    REG_EXTENDED | REG_NEWLINE | (has_capital(pattern) ? 0 : REG_ICASE));
        if (r != 0) {
                regerror(r, NULL, why, sizeof(why));
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("-g takes an extended regular expression; in this one: %s"),
                                      why);
        }
        f->has_pattern = true;
        return EXIT_OK;
}

static bool matches(const EntryFilter *f, const EntryView *e) {
        _cleanup_free_ char *seen = NULL;
        size_t n;
        FILE *out;

        out = open_memstream(&seen, &n);
        if (!out)
                return true; /* rather too much than too little */
        print_entry_body(out, e);
        if (fclose(out) != 0)
                return true;
        if (n > 0 && seen[n - 1] == '\n')
                seen[n - 1] = 0;
        return regexec(&f->pattern, seen, 0, NULL, 0) == 0;
}

bool entry_filter_takes(const EntryFilter *f, const EntryView *e) {
        if (f->events_only && streq(e->kind, "message"))
                return false;
        if (f->from && strcasecmp(f->from, e->username) != 0)
                return false;
        return !f->has_pattern || matches(f, e);
}
