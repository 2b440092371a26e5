/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which strings of strangers are names and ids; leaves their meaning to others. */
#include "base/names.h"

#include "base/cleanup.h"

#define GUEST_PREFIX "guest-"

static const char *const reserved[] = {
        "system", "owner", "admin", "all", "everyone", "here", "tracker",
};

static bool is_alphanumeric(char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_hex(char c) {
        return (c >= 'a' && c <= 'f') || (c >= '0' && c <= '9');
}

static bool is_guest_form(const char *s) {
        return strncmp(s, GUEST_PREFIX, strlen(GUEST_PREFIX)) == 0;
}

bool name_is_valid(const char *s) {
        size_t n = strlen(s);

        if (n < 2 || n > NAME_MAX_BYTES || !is_alphanumeric(s[0]))
                return false;
        for (; *s; s++)
                if (!is_alphanumeric(*s) && *s != '.' && *s != '_' && *s != '-')
                        return false;
        return true;
}

bool name_is_user(const char *s) {
        if (!name_is_valid(s) || is_guest_form(s))
                return false;
        for (size_t i = 0; i < ELEMENTSOF(reserved); i++)
                if (streq(s, reserved[i]))
                        return false;
        return true;
}

bool name_is_guest(const char *s) {
        const char *wish = s + strlen(GUEST_PREFIX);

        return name_is_valid(s) && is_guest_form(s) && name_is_valid(wish) && !is_guest_form(wish);
}

int name_fold(const char *s, char ret[static NAME_SIZE]) {
        if (strlen(s) > NAME_MAX_BYTES)
                return -EINVAL;
        for (; *s; s++)
                *ret++ = *s >= 'A' && *s <= 'Z' ? (char) (*s - 'A' + 'a') : *s;
        *ret = '\0';
        return 0;
}

bool uuid_is_valid(const char *s) {
        static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

        for (size_t i = 0; i < strlen(form); i++)
                if (form[i] == 'x' ? !is_hex(s[i]) : s[i] != form[i])
                        return false;
        return s[strlen(form)] == '\0';
}

bool hex_is_valid(const char *s, size_t n_digits) {
        for (size_t i = 0; i < n_digits; i++)
                if (!is_hex(s[i]))
                        return false;
        return s[n_digits] == '\0';
}
