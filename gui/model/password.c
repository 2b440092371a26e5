/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how hard a password is to guess, roughly; leaves what is allowed to the tracker. */
#include "gui/model/password.h"

#include <string.h>

#include "gui/i18n.h"

/* Bits, by a count of what a guesser has to try: below the first a program needs hours, above the
 * second nobody's lifetime is enough. The tracker's slow hash is on top of both. */
#define BITS_FAIR 36
#define BITS_STRONG 56

/* What guessers try first, and what keyboards suggest. */
static const char *const known[] = { "password", "passwort", "qwerty", "qwertz", "letmein",
                                     "welcome",  "iloveyou", "dragon", "monkey", "abc123",
                                     "12345678", "admin",    "p2pchat" };

static guint bits_of_class(const char *s) {
        gboolean lower = FALSE, upper = FALSE, digit = FALSE, other = FALSE, wide = FALSE;

        for (; *s; s++) {
                lower |= g_ascii_islower(*s);
                upper |= g_ascii_isupper(*s);
                digit |= g_ascii_isdigit(*s);
                wide |= (guchar) *s >= 0x80;
                other |= g_ascii_ispunct(*s) || *s == ' ';
        }
        return (lower ? 26 : 0) + (upper ? 26 : 0) + (digit ? 10 : 0) + (other ? 33 : 0) +
               (wide ? 100 : 0);
}

/* Characters that do not simply go on from the one before: "aaaa" and "1234" have one. */
static guint n_surprising(const char *s) {
        guint n = 0;
        gunichar before = 0;
        int step = 0;

        for (const char *c = s; *c; c = g_utf8_next_char(c)) {
                gunichar now = g_unichar_tolower(g_utf8_get_char(c));
                int new_step = (int) now - (int) before;
                if (c == s || new_step < -1 || new_step > 1 || (new_step != step && c > s + 1))
                        n++;
                step = new_step;
                before = now;
        }
        return n;
}

static guint log2_of(guint n) {
        guint bits = 0;

        while (n >>= 1)
                bits++;
        return bits;
}

/* What is known counts as one character, its first. */
static char *without_known(const char *password, const char *username) {
        g_autofree char *left = g_utf8_strdown(password, -1);

        for (gsize i = 0; i <= G_N_ELEMENTS(known); i++) {
                const char *word = i < G_N_ELEMENTS(known) ? known[i] : username;
                char *at;
                while (g_utf8_strlen(word, -1) >= 3 && (at = strstr(left, word))) {
                        const char *behind = at + strlen(word);
                        memmove(g_utf8_next_char(at), behind, strlen(behind) + 1);
                }
        }
        return g_steal_pointer(&left);
}

ChatPasswordStrength chat_password_strength(const char *password, const char *username) {
        g_autofree char *folded = g_utf8_strdown(username, -1);
        g_autofree char *left = NULL;
        guint bits;

        if (strlen(password) < CHAT_PASSWORD_BYTES_MIN)
                return CHAT_PASSWORD_TOO_SHORT;
        if (strlen(password) > CHAT_PASSWORD_BYTES_MAX)
                return CHAT_PASSWORD_TOO_LONG;
        left = without_known(password, folded);
        /* The case is the password's own: what was left out had none to lose. */
        bits = n_surprising(left) * log2_of(MAX(bits_of_class(password), 2));
        if (bits < BITS_FAIR)
                return CHAT_PASSWORD_WEAK;
        return bits < BITS_STRONG ? CHAT_PASSWORD_FAIR : CHAT_PASSWORD_STRONG;
}

const char *chat_password_strength_text(ChatPasswordStrength strength) {
        switch (strength) {
        case CHAT_PASSWORD_TOO_SHORT:
                return _("Too short: at least 8 characters.");
        case CHAT_PASSWORD_TOO_LONG:
                return _("Too long: at most 256 bytes.");
        case CHAT_PASSWORD_WEAK:
                return _(
                        "Weak: a program guesses it soon. Several words are easy to keep in mind.");
        case CHAT_PASSWORD_FAIR:
                return _("Fair: another word makes it strong.");
        case CHAT_PASSWORD_STRONG:
                return _("Strong.");
        case CHAT_PASSWORD_STRENGTH_MAX:
                break;
        }
        return "";
}
