/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Feeds invitation links. Holds: what is taken is of the right form throughout, and written again
 * is read alike; what is refused has a name and says what to do. */
#include "fuzz/fuzz.h"

#include <ctype.h>

#include "wire/invite.h"

static bool is_one_word(const char *s) {
        for (; *s; s++)
                if (*s <= ' ' || *s > '~' || isupper((unsigned char) *s))
                        return false;
        return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char link[INVITE_SIZE];
        Invite i, again;
        Failure f;

        if (invite_parse((const char *) data, size, &i, &f) < 0) {
                require(f.code == ERROR_BAD_REQUEST || f.code == ERROR_TOO_LARGE);
                require(strstr(f.message, "p2pchatctl invite"));
                return 0;
        }
        require(size <= INVITE_BYTES_MAX);
        require(name_is_valid(i.channel) && uuid_is_valid(i.id) && hex_is_valid(i.pin + 7, 64));
        require(is_one_word(i.tracker));
        require(invite_format(i.tracker, i.pin, i.channel, i.id, link) == 0);
        require(invite_parse(link, strlen(link), &again, &f) == 0);
        require(streq(i.tracker, again.tracker) && streq(i.pin, again.pin));
        require(streq(i.channel, again.channel) && streq(i.id, again.id));
        return 0;
}
