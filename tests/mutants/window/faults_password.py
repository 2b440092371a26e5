# SPDX-License-Identifier: LGPL-2.1-or-later
"""What test-password.c must find."""
PASSWORD = "gui/model/password.c"

FAULTS = [
    (PASSWORD, "«lower |= g_ascii_islower(*s);»", {"password-lower-unseen": (";", "test_strength")}),
    (PASSWORD, "«digit |= g_ascii_isdigit(*s);»", {"password-digit-unseen": (";", "test_strength")}),
    (PASSWORD, "«wide |= (guchar) *s >= 0x80;»", {"password-wide-unseen": (";", "test_strength")}),
    (PASSWORD, "if («c == s || new_step < -1 || new_step > 1 || (new_step != step && c > s + 1)»)\n", {
        "password-all-surprise": ("TRUE", "test_strength"),
        "password-down-surprises": ("c == s || new_step < 0 || new_step > 1 || (new_step != step && c > s + 1)",
                                    "test_strength"),
        "password-up-surprises": ("c == s || new_step < -1 || new_step > 0 || (new_step != step && c > s + 1)",
                                  "test_strength"),
    }),
    (PASSWORD, "«g_utf8_strdown(password, -1)»", {"password-known-by-case": ("g_strdup(password)", "test_known")}),
    (PASSWORD, "«g_utf8_strdown(username, -1)»", {"password-name-by-case": ("g_strdup(username)", "test_known")}),
    (PASSWORD, "while («g_utf8_strlen(word, -1) >= 3» && (at = strstr(left, word)))", {
        "password-short-name-left-out": ("g_utf8_strlen(word, -1) >= 2", "test_known"),
        "password-name-as-it-is": ("i < G_N_ELEMENTS(known)", "test_known"),
        "password-known-as-it-is": ("i == G_N_ELEMENTS(known) && g_utf8_strlen(word, -1) >= 3", "test_known"),
    }),
    (PASSWORD, "memmove(«g_utf8_next_char(at)», behind", {
        "password-half-a-character-left": ("at + 1", "test_known_wide"),
    }),
    (PASSWORD, "if («strlen(password) < CHAT_PASSWORD_BYTES_MIN»)\n", {
        "password-eight-too-short": ("strlen(password) <= CHAT_PASSWORD_BYTES_MIN", "test_length"),
        "password-seven-enough": ("strlen(password) < CHAT_PASSWORD_BYTES_MIN - 1", "test_length"),
        "password-short-by-characters": ("g_utf8_strlen(password, -1) < CHAT_PASSWORD_BYTES_MIN", "test_strength"),
    }),
    (PASSWORD, "if («strlen(password) > CHAT_PASSWORD_BYTES_MAX»)\n", {
        "password-longest-too-long": ("strlen(password) >= CHAT_PASSWORD_BYTES_MAX", "test_length"),
        "password-too-long-allowed": ("FALSE", "test_length"),
    }),
    (PASSWORD, "if («bits < BITS_FAIR»)\n", {
        "password-weak-is-fair": ("bits < 16", "test_strength"),
        "password-fair-is-weak": ("bits < 46", "test_strength"),
    }),
    (PASSWORD, "return «bits < BITS_STRONG» ? CHAT_PASSWORD_FAIR", {
        "password-fair-is-strong": ("bits < BITS_FAIR", "test_strength"),
        "password-strong-is-fair": ("bits < 4 * BITS_STRONG", "test_strength"),
    }),
]
