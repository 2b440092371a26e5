/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows search: messages that have all of some words. */
#include <inttypes.h>
#include <limits.h>

#include "ctl/show/pager.h"
#include "ctl/verb/entry-form.h"
#include "ctl/verb/verbs.h"
#include "wire/writer.h"

#define PAGE_ENTRIES 500     /* the API's most */
#define WORDS_BYTES_MAX 1024 /* the API's, too */

typedef struct Search {
        Ctl *ctl;
        const char *path, *words;
        EntryForm form;
        EntryStyle style;
        uint64_t n_left;    /* the most to be shown */
        uint64_t first_seq; /* below it nothing is here */
        uint64_t anchor;
        bool before, shows_ignored;
        uint64_t n_hidden;
} Search;

static void show(Search *s, const EntryPage *page) {
        for (size_t i = 0; i < page->n; i++)
                if (!page->entries[i].hidden || s->shows_ignored || entry_form_is_json(s->form))
                        entry_form_show(s->form, page->entries + i, &s->style);
                else
                        s->n_hidden++;
}

/* 1: there may be more behind it. */
static int read_page(Search *s, sd_bus_error *ret_error, EntryPage *ret) {
        int r;

        r = client_try_search(s->ctl, s->path, s->words, s->anchor,
                              (uint32_t) MIN(s->n_left, (uint64_t) PAGE_ENTRIES), s->before,
                              ret_error, ret);
        if (r < 0)
                return r;
        s->n_left -= MIN(s->n_left, (uint64_t) ret->n);
        s->first_seq = ret->first_seq;
        if (!ret->more || s->n_left == 0 || ret->next_anchor == s->anchor)
                return 0;
        s->anchor = ret->next_anchor;
        return 1;
}

static int show_all(Search *s, sd_bus_error *ret_error) {
        int r;

        do {
                _cleanup_(entry_page_done) EntryPage page = {};

                r = read_page(s, ret_error, &page);
                show(s, &page);
        } while (r > 0);
        return r;
}

/* Pages backwards, each a block in front of the one before. */
static int show_newest(Search *s, sd_bus_error *ret_error) {
        _cleanup_free_ EntryPage *pages = NULL;
        size_t n = 0;
        int r;

        s->before = true;
        do {
                EntryPage page = {};
                EntryPage *grown;

                r = read_page(s, ret_error, &page);
                if (page.n == 0) {
                        entry_page_done(&page);
                        continue;
                }
                grown = reallocarray(pages, n + 1, sizeof(EntryPage));
                if (!grown) {
                        entry_page_done(&page);
                        r = -ENOMEM;
                        break;
                }
                pages = grown;
                pages[n++] = page;
        } while (r > 0);
        while (n-- > 0) {
                if (r >= 0)
                        show(s, pages + n);
                entry_page_done(pages + n);
        }
        return r;
}

static int join(char **args, int n, char **ret) {
        _cleanup_(writer_done) Writer w = {};

        for (int i = 0; i < n; i++) {
                if (i > 0)
                        writer_bytes(&w, " ", 1);
                writer_bytes(&w, args[i], strlen(args[i]));
        }
        return writer_take(&w, ret, NULL);
}

/* One of the words, as a regular expression in which they mean nothing but themselves. */
static int compile(const char *words, regex_t *ret) {
        _cleanup_(writer_done) Writer w = {};
        _cleanup_free_ char *pattern = NULL;
        bool in_quotes = false, is_begun = false;
        int r;

        for (const char *s = words; *s; s++)
                if (*s == '"')
                        in_quotes = !in_quotes, is_begun = false;
                else if (*s == ' ' && !in_quotes)
                        is_begun = false;
                else {
                        if (!is_begun && w.size > 0)
                                writer_bytes(&w, "|", 1);
                        is_begun = true;
                        if (strchr(".[]{}()\\*+?^$|", *s))
                                writer_bytes(&w, "\\", 1);
                        writer_bytes(&w, s, 1);
                }
        r = writer_take(&w, &pattern, NULL);
        if (r < 0)
                return r;
        return *pattern && regcomp(ret, pattern, REG_EXTENDED | REG_ICASE) == 0 ? 0 : -EINVAL;
}

static int verb_search(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(freep) char *path = NULL, *words = NULL;
        const char *arg_output = NULL;
        uint64_t arg_lines = UINT64_MAX;
        Search s = { .ctl = ctl, .style = { .ctl = ctl, .with_date = true, .with_seq = true } };
        bool has_pattern = false;
        regex_t pattern;
        const Option options[] = {
                { "lines", 'n', OPTION_UINT, &arg_lines, "N", N_("the newest N alone") },
                { "output", 'o', OPTION_STRING, &arg_output, ENTRY_FORMS, N_("in which form") },
                { "ignored", 0, OPTION_FLAG, &s.shows_ignored, NULL,
                  N_("also from whom you ignore") },
                {},
        };
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        if (arg_lines == 0)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("-n takes how many to show, 1 or more"));
        r = entry_form_parse(ctl, arg_output, &s.form);
        if (r == EXIT_OK)
                r = client_find_channel(ctl, args[0], &path);
        if (r != EXIT_OK)
                return r;
        if (join(args + 1, n_args - 1, &words) < 0)
                return client_fail(ctl, NULL, -ENOMEM);
        s.path = path;
        s.words = words;
        s.n_left = arg_lines;
        if (ctl->tty && strlen(words) <= WORDS_BYTES_MAX && compile(words, &pattern) >= 0) {
                has_pattern = true;
                s.style.marked = &pattern;
        }
        (void) pager_open(ctl);
        r = arg_lines == UINT64_MAX ? show_all(&s, &error) : show_newest(&s, &error);
        if (has_pattern)
                regfree(&pattern);
        if (r < 0)
                return client_fail(ctl, &error, r);
        print_n_hidden(s.n_hidden);
        /* Who finds nothing should know where it was not looked for. */
        if (s.first_seq > 1 && s.n_left > 0)
                fprintf(stderr,
                        _("-- entries 1 to %" PRIu64
                          " are not here and were not searched; log -r brings them\n"),
                        s.first_seq - 1);
        return EXIT_OK;
}

const Verb verbs_search[] = {
        { "search", "CHANNEL WORDS...", 2, UINT_MAX, verb_search,
          N_("messages that have all of the words, or parts like them") },
        {},
};
