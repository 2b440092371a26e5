/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what of a plain text is a link; leaves opening it to who shows it. */
#include "gui/view/conversation/links.h"

#include <string.h>

static const char *const schemes[] = { "https://", "http://", "p2pchat:" };

/* How long the link is that begins here; 0: none does. */
static gsize link_length(const char *s) {
        gsize n = 0, prefix = 0;

        for (gsize i = 0; i < G_N_ELEMENTS(schemes) && prefix == 0; i++)
                if (g_str_has_prefix(s, schemes[i]))
                        prefix = strlen(schemes[i]);
        if (prefix == 0)
                return 0;
        /* What a link may not hold ends it; what is not ASCII as well, so that nothing looks like
         * an address that it is not. */
        while (g_ascii_isgraph(s[n]) && !strchr("<>\"`{}|\\^", s[n]))
                n++;
        /* What ends a sentence rather than a link. */
        while (n > prefix && strchr(".,;:!?)]'", s[n - 1]))
                n--;
        return n > prefix ? n : 0;
}

static void append_escaped(GString *markup, const char *s, gsize n) {
        g_autofree char *escaped = g_markup_escape_text(s, (gssize) n);

        g_string_append(markup, escaped);
}

static void append_link(GString *markup, const char *s, gsize n) {
        g_autofree char *escaped = g_markup_escape_text(s, (gssize) n);

        g_string_append_printf(markup, "<a href=\"%s\">%s</a>", escaped, escaped);
}

char *chat_links_markup(const char *text) {
        GString *markup = g_string_sized_new(strlen(text) + 16);
        const char *plain = text;

        for (const char *s = text; *s;) {
                gboolean is_begin = s == text || !g_ascii_isalnum(s[-1]);
                gsize n = is_begin ? link_length(s) : 0;

                if (n == 0) {
                        s++;
                        continue;
                }
                append_escaped(markup, plain, (gsize) (s - plain));
                append_link(markup, s, n);
                plain = s += n;
        }
        append_escaped(markup, plain, strlen(plain));
        return g_string_free(markup, FALSE);
}
