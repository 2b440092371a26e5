# SPDX-License-Identifier: LGPL-2.1-or-later
"""What test-sign-in.c must find."""
SIGN_IN = "gui/model/sign-in.c"

FAULTS = [
    (SIGN_IN, "«strspn(at + strlen(PIN_PREFIX), \"0123456789abcdef\") < PIN_DIGITS»", {
        "pin-of-any-length": ("FALSE", "test_pin"),
        "pin-too-short": ("TRUE", "test_pin"),
    }),
    (SIGN_IN, "g_strndup(at, «strlen(PIN_PREFIX) + PIN_DIGITS»)", {
        "pin-with-what-follows": ("strlen(at)", "test_pin"),
        "pin-without-its-end": ("PIN_DIGITS", "test_pin"),
    }),
    (SIGN_IN, "«g_str_has_prefix(pin, PIN_PREFIX)» ? pin", {"pin-shown-with-prefix": ("FALSE", "test_pin")}),
    (SIGN_IN, "«i % 16 == 0» ?", {"pin-in-one-line": ("FALSE", "test_pin")}),
]
