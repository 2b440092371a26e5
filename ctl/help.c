/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the tables of verbs and options are shown to who asks what there is; leaves the tables
 * to the verbs. */
#include "ctl/help.h"

#include <ctype.h>
#include <limits.h>

#include "ctl/program.h"
#include "ctl/show/pager.h"
#include "ctl/show/terminal.h"

#define LEFT_MAX 34 /* cells; what is longer has its text below */
#define RIGHT_MIN 20
#define WIDTH_MAX 100 /* longer lines are hard to read */

/* Words from the cell `at` on, further lines from `indent` on; ends with LF. */
static void print_wrapped(const Ctl *ctl, const char *text, size_t at, size_t indent) {
        size_t width = MIN(ctl->columns, (unsigned) WIDTH_MAX), n;
        bool begins = true;

        if (width < indent + RIGHT_MIN)
                width = indent + RIGHT_MIN;
        for (; *text; text += n) {
                _cleanup_free_ char *word = NULL;

                text += strspn(text, " ");
                n = strcspn(text, " ");
                if (n == 0 || !(word = strndup(text, n)))
                        break;
                if (!begins && at + 1 + text_width(word) > width) {
                        printf("\n%*s", (int) indent, "");
                        at = indent;
                        begins = true;
                }
                at += (size_t) !begins + text_width(word);
                printf("%s%s", begins ? "" : " ", word);
                begins = false;
        }
        putchar('\n');
}

/* "left" in a column of that width, then what it does. */
static void print_row(const Ctl *ctl, const char *left, size_t column, const char *text) {
        size_t n = text_width(left);

        fputs(left, stdout);
        /* Beside a column that takes most of a narrow terminal nothing could be read. */
        if (n + 1 > column)
                printf("\n%*s", (int) column, "");
        else
                printf("%*s", (int) (column - n), "");
        print_wrapped(ctl, text, column, column);
}

static void print_heading(const Ctl *ctl, const char *text) {
        printf("\n%s%s%s\n", colour(ctl, COLOUR_BOLD), text, colour(ctl, COLOUR_NONE));
}

static char *option_text(const Option *o) {
        char letter[] = { '-', o->letter, ',', ' ', 0 };
        char *text;

        if (asprintf(&text, "  %s--%s%s%s", o->letter ? letter : "    ", o->name,
                     o->kind == OPTION_FLAG ? "" : "=",
                     o->kind == OPTION_FLAG   ? ""
                     : o->value               ? o->value
                     : o->kind == OPTION_UINT ? "N"
                                              : "…") < 0)
                return NULL;
        return text;
}

static size_t widest_option(const Option *options) {
        size_t widest = 0;

        for (const Option *o = options; o && o->name; o++) {
                _cleanup_free_ char *text = option_text(o);

                if (text && text_width(text) <= LEFT_MAX)
                        widest = MAX(widest, text_width(text));
        }
        return widest;
}

static void print_options(const Ctl *ctl, const Option *options, size_t column) {
        for (const Option *o = options; o && o->name; o++) {
                _cleanup_free_ char *text = option_text(o);

                if (text)
                        print_row(ctl, text, column, o->help ? _(o->help) : "");
        }
}

static const Option everywhere[] = {
        { "json", 'j', OPTION_STRING, NULL, "short|pretty|off",
          N_("what programs read; -j is --json=short") },
        { "no-pager", 0, OPTION_FLAG, NULL, NULL, N_("show all at once") },
        { "help", 'h', OPTION_FLAG, NULL, NULL, N_("show this") },
        {},
};
static const Option on_system[] = {
        { "no-ask-password", 0, OPTION_FLAG, NULL, NULL, N_("ask nobody for a password") },
        {},
};
static const Option before_verbs[] = {
        { "version", 0, OPTION_FLAG, NULL, NULL, N_("show which version this is") },
        {},
};
static const Option on_session[] = {
        { "system", 0, OPTION_FLAG, NULL, NULL,
          N_("speak to the tracker of this machine, as p2pchat-trackerctl does") },
        {},
};

static void print_everywhere(const Ctl *ctl, size_t column) {
        print_options(ctl, everywhere, column);
        if (ctl->program->is_system)
                print_options(ctl, on_system, column);
}

static void print_verbs(const Ctl *ctl, const Program *p) {
        const char *heading = NULL;

        for (size_t i = 0; i < p->n_groups; i++) {
                if (!p->groups[i].heading)
                        continue; /* for other programs */
                if (!heading || !streq(heading, p->groups[i].heading))
                        print_heading(ctl, _(p->groups[i].heading));
                heading = p->groups[i].heading;
                for (const Verb *v = p->groups[i].verbs; v->name; v++) {
                        _cleanup_free_ char *left = NULL;

                        if (!v->help)
                                continue;
                        if (asprintf(&left, "  %s %s", v->name, v->arguments) < 0) {
                                left = NULL;
                                continue;
                        }
                        print_row(ctl, left, LEFT_MAX, _(v->help));
                }
        }
}

int help_program(Ctl *ctl) {
        const Program *p = ctl->program;

        (void) pager_open(ctl);
        printf(_("%s [OPTIONS…] [VERB] [ARGUMENTS…]"), p->name);
        fputs("\n\n", stdout);
        print_wrapped(ctl, _(p->about), 0, 0);
        print_wrapped(ctl, _("Without a verb: status. help VERB tells of one, and of its options."),
                      0, 0);
        print_verbs(ctl, p);
        print_heading(ctl, _("Options"));
        print_everywhere(ctl, LEFT_MAX);
        print_options(ctl, p->is_system ? NULL : on_session, LEFT_MAX);
        print_options(ctl, before_verbs, LEFT_MAX);
        print_heading(ctl, _("Exit status"));
        print_wrapped(ctl,
                      p->is_system
                              ? _("0 ok, 1 failed, 2 usage, 3 tracker missing, 4 no such thing, "
                                  "5 denied, 6 timed out, 7 refused by the tracker.")
                              : _("0 ok, 1 failed, 2 usage, 3 daemon or sign-in missing, "
                                  "4 no such thing, 5 denied, 6 timed out or still queued, "
                                  "7 refused by the other side."),
                      0, 0);
        printf(_("See %s."), p->manual);
        putchar('\n');
        return EXIT_OK;
}

int help_verb(Ctl *ctl, const Verb *v, const Option *options) {
        size_t column = MAX(widest_option(options), widest_option(everywhere)) + 2;
        const char *text = v->help ? _(v->help) : "";
        bool has_options = options && options->name;
        _cleanup_free_ char *sentence = NULL;

        if (asprintf(&sentence, "%c%s%s", toupper((unsigned char) *text), *text ? text + 1 : "",
                     *text && text[strlen(text) - 1] != '.' ? "." : "") < 0) {
                sentence = NULL;
                return EXIT_FAILED;
        }
        (void) pager_open(ctl);
        printf("%s %s%s%s %s\n\n", ctl->program->name, v->name, has_options ? " " : "",
               has_options ? _("[OPTIONS…]") : "", v->arguments);
        print_wrapped(ctl, sentence, 0, 0);
        if (has_options) {
                print_heading(ctl, _("Options"));
                print_options(ctl, options, column);
        }
        print_heading(ctl, _("Everywhere"));
        print_everywhere(ctl, column);
        putchar('\n');
        printf(_("See %s."), ctl->program->manual);
        putchar('\n');
        return EXIT_OK;
}
