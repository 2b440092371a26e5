/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how texts of others are made harmless before they are shown; leaves what they say to who
 * shows them. */
#include "gui/model/text.h"

#include "base/text.h"

#define REPLACEMENT 0xfffd
#define ELLIPSIS "…"

enum {
        LRE = 0x202a,
        RLE = 0x202b,
        PDF = 0x202c,
        LRO = 0x202d,
        RLO = 0x202e,
        LRI = 0x2066,
        FSI = 0x2068,
        PDI = 0x2069,
};

/* As deep as the algorithm goes by itself; what is deeper has no effect there. */
#define DEPTH_MAX 60

/* What sets a direction and is not closed yet, of one line. */
typedef struct Nesting {
        char ends[DEPTH_MAX]; /* 'e': PDF closes it, 'i': PDI, 'o': it was left out, PDF too is */
        guint n;
} Nesting;

static void open_one(Nesting *nesting, GString *out, gunichar c) {
        if (nesting->n == DEPTH_MAX)
                return;
        nesting->ends[nesting->n++] = c >= LRI ? 'i' : c == LRO || c == RLO ? 'o' : 'e';
        if (c != LRO && c != RLO)
                g_string_append_unichar(out, c);
}

static void close_one(Nesting *nesting, GString *out) {
        switch (nesting->ends[--nesting->n]) {
        case 'e':
                g_string_append_unichar(out, PDF);
                return;
        case 'i':
                g_string_append_unichar(out, PDI);
                return;
        }
}

static void close_all(Nesting *nesting, GString *out) {
        while (nesting->n > 0)
                close_one(nesting, out);
}

static void append_pop_embedding(Nesting *nesting, GString *out) {
        if (nesting->n > 0 && nesting->ends[nesting->n - 1] != 'i')
                close_one(nesting, out);
}

/* What was opened within the isolate ends with it. */
static void append_pop_isolate(Nesting *nesting, GString *out) {
        guint i = nesting->n;

        while (i > 0 && nesting->ends[i - 1] != 'i')
                i--;
        while (i > 0 && nesting->n >= i)
                close_one(nesting, out);
}

static gboolean is_separator(gunichar c) {
        return c == '\n' || c == '\r' || c == '\v' || c == '\f' || c == 0x85 || c == 0x2028 ||
               c == 0x2029;
}

static gboolean is_text(const char *bytes, gsize n) {
        return text_is_valid(bytes, n, FALSE) || *bytes == '\t';
}

static char *make_harmless(const char *text, gsize max, gboolean is_multiline) {
        GString *out = g_string_new(NULL);
        Nesting nesting = { .n = 0 };
        const char *s = text ?: "";
        gsize left = strlen(s);

        while (left > 0) {
                uint32_t c;
                gsize n = text_decode(s, left, &c);

                if (out->len >= max) {
                        g_string_append(out, ELLIPSIS);
                        break;
                }
                if (n == 0) {
                        g_string_append_unichar(out, REPLACEMENT);
                        n = 1;
                } else if (is_separator(c)) {
                        if (c == '\r' && left > 1 && s[1] == '\n')
                                n = 2;
                        close_all(&nesting, out);
                        g_string_append_c(out, is_multiline ? '\n' : ' ');
                } else if ((c >= LRE && c <= RLO && c != PDF) || (c >= LRI && c <= FSI))
                        open_one(&nesting, out, c);
                else if (c == PDF)
                        append_pop_embedding(&nesting, out);
                else if (c == PDI)
                        append_pop_isolate(&nesting, out);
                else if (is_text(s, n))
                        g_string_append_len(out, s, (gssize) n);
                else
                        g_string_append_unichar(out, REPLACEMENT);
                s += n;
                left -= n;
        }
        close_all(&nesting, out);
        return g_string_free(out, FALSE);
}

char *chat_text(const char *text) {
        return make_harmless(text, CHAT_TEXT_BYTES_MAX, TRUE);
}

char *chat_line(const char *text) {
        return make_harmless(text, CHAT_LINE_BYTES_MAX, FALSE);
}

char *chat_isolate(const char *text) {
        g_autofree char *line = chat_line(text);

        if (!*line)
                return g_steal_pointer(&line);
        return g_strdup_printf("\u2068%s\u2069", line);
}
