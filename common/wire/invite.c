/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the form of an invitation link, byte by byte; leaves its meaning to who reads it. */
#include "wire/invite.h"

#include <ctype.h>

#define SCHEME "p2pchat:"
#define ACTION "join?"

#define ASK_ANEW "ask for another one (p2pchatctl invite CHANNEL prints it)"

typedef enum Key { KEY_TRACKER, KEY_PIN, KEY_CHANNEL, KEY_ID, KEY_MAX } Key;

static const char *const key_names[] = {
        [KEY_TRACKER] = "tracker",
        [KEY_PIN] = "pin",
        [KEY_CHANNEL] = "channel",
        [KEY_ID] = "id",
};

typedef struct Cursor {
        const char *s;
        size_t n;
} Cursor;

bool invite_is_link(const char *s) {
        return strncasecmp(s, SCHEME, strlen(SCHEME)) == 0;
}

static int fail(Failure *f, Key key, const char *why) {
        failure_set(f, ERROR_BAD_REQUEST, "This is no invitation: its %s %s; " ASK_ANEW ".",
                    key_names[key], why);
        snprintf(f->field, sizeof(f->field), "%s", key_names[key]);
        return -error_info(f->code)->error;
}

/* RFC 3986, query; without what a shell makes something of within quotation marks. */
static bool may_stand(char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               (c && strchr("-._~:@/?!$()*+,;=&%", c));
}

static bool is_plain(char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c && strchr("-._~:", c));
}

static int hex_digit(char c) {
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                      : -1;
}

/* The value in lower case, with a NUL; -EBADMSG: a percent sign without its two digits, or what is
 * no printable ASCII; -E2BIG. */
static int decode(Cursor value, char *ret, size_t size) {
        size_t n = 0;

        for (size_t i = 0; i < value.n; i++) {
                char c = value.s[i];

                if (c == '%') {
                        int high = i + 2 < value.n ? hex_digit(value.s[i + 1]) : -1;
                        int low = i + 2 < value.n ? hex_digit(value.s[i + 2]) : -1;

                        if (high < 0 || low < 0)
                                return -EBADMSG;
                        c = (char) (high << 4 | low);
                        i += 2;
                }
                if (c <= ' ' || c > '~')
                        return -EBADMSG;
                if (n + 1 >= size)
                        return -E2BIG;
                ret[n++] = c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
        }
        ret[n] = '\0';
        return 0;
}

/* What stands before the next separator, or all that is left; then behind that. */
static Cursor take(Cursor *c, char separator) {
        const char *end = memchr(c->s, separator, c->n);
        Cursor taken = { c->s, end ? (size_t) (end - c->s) : c->n };
        size_t n = taken.n + (end ? 1 : 0);

        c->s += n;
        c->n -= n;
        return taken;
}

int invite_write_tracker(const char *s, char ret[static INVITE_TRACKER_SIZE]) {
        _cleanup_free_ char *host = NULL;
        uint16_t port;
        int n, r;

        r = host_port_parse(s, TRACKER_PORT, &host, &port);
        if (r < 0)
                return r;
        if (strlen(host) > INVITE_HOST_BYTES_MAX)
                return -EINVAL;
        n = snprintf(ret, INVITE_TRACKER_SIZE, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
        for (char *c = ret; *c; c++)
                *c = (char) tolower((unsigned char) *c);
        return n < INVITE_TRACKER_SIZE ? 0 : -EINVAL;
}

static bool pin_is_valid(const char *s) {
        return strncmp(s, "sha256:", 7) == 0 && hex_is_valid(s + 7, 64);
}

static int take_value(Invite *i, Key key, Cursor value, Failure *f) {
        char text[INVITE_TRACKER_SIZE];
        int r;

        r = decode(value, text, sizeof(text));
        if (r == -EBADMSG)
                return fail(f, key, "holds what no link may, or a % without two hex digits");
        if (r < 0)
                return fail(f, key, "is too long");
        switch (key) {
        case KEY_TRACKER:
                if (invite_write_tracker(text, i->tracker) < 0)
                        return fail(f, key, "is not HOST:PORT, with a port of 1 to 65535");
                return 0;
        case KEY_PIN:
                if (!pin_is_valid(text))
                        return fail(f, key, "is not sha256: and 64 hex digits");
                memcpy(i->pin, text, sizeof(i->pin));
                return 0;
        case KEY_CHANNEL:
                if (!name_is_valid(text))
                        return fail(f, key, "is no name of a channel");
                snprintf(i->channel, sizeof(i->channel), "%.*s", NAME_MAX_BYTES, text);
                return 0;
        default:
                if (!uuid_is_valid(text))
                        return fail(f, key, "is not a UUID");
                memcpy(i->id, text, sizeof(i->id));
                return 0;
        }
}

static Key find_key(Cursor name) {
        Key k = 0;

        while (k < KEY_MAX &&
               (strlen(key_names[k]) != name.n || memcmp(key_names[k], name.s, name.n) != 0))
                k++;
        return k;
}

int invite_parse(const char *s, size_t n, Invite *ret, Failure *f) {
        const size_t n_scheme = strlen(SCHEME), n_action = strlen(ACTION);
        bool has[KEY_MAX] = {};
        Invite i = {};
        Cursor c;
        int r;

        if (n > INVITE_BYTES_MAX)
                return failure_set(f, ERROR_TOO_LARGE,
                                   "This is no invitation: it has more than %d bytes; " ASK_ANEW
                                   ".",
                                   INVITE_BYTES_MAX);
        for (size_t k = 0; k < n; k++)
                if (!may_stand(s[k]))
                        return failure_set(f, ERROR_BAD_REQUEST,
                                           "This is no invitation: byte %zu may not be in a link "
                                           "(in a shell, put the link in single quotation marks); "
                                           "if it was changed on its way, " ASK_ANEW ".",
                                           k + 1);
        if (n < n_scheme || strncasecmp(s, SCHEME, n_scheme) != 0)
                return failure_set(f, ERROR_BAD_REQUEST,
                                   "This is no invitation: it does not begin with " SCHEME ACTION
                                   "; " ASK_ANEW ".");
        c = (Cursor){ s + n_scheme, n - n_scheme };
        if (c.n < n_action || strncasecmp(c.s, ACTION, n_action) != 0)
                return failure_set(f, ERROR_BAD_REQUEST,
                                   "This version knows no links but " SCHEME ACTION "…: " ASK_ANEW
                                   ", or use a newer version.");
        c = (Cursor){ c.s + n_action, c.n - n_action };
        while (c.n > 0) {
                Cursor value = take(&c, '&'), name = take(&value, '=');
                Key key = find_key(name);

                if (key == KEY_MAX)
                        continue;
                if (has[key])
                        return fail(f, key, "is there twice");
                has[key] = true;
                r = take_value(&i, key, value, f);
                if (r < 0)
                        return r;
        }
        for (Key key = 0; key < KEY_MAX; key++)
                if (!has[key])
                        return fail(f, key,
                                    "is missing (in a shell, put the link in single quotation "
                                    "marks)");
        *ret = i;
        return 0;
}

static void encode(const char *s, char **p) {
        static const char digits[] = "0123456789ABCDEF";

        for (; *s; s++)
                if (is_plain(*s))
                        *(*p)++ = *s;
                else {
                        *(*p)++ = '%';
                        *(*p)++ = digits[(unsigned char) *s >> 4];
                        *(*p)++ = digits[(unsigned char) *s & 15];
                }
}

int invite_format(const char *tracker, const char *pin, const char *channel, const char *id,
                  char ret[static INVITE_SIZE]) {
        char written[INVITE_TRACKER_SIZE], *p = ret;
        const char *const values[] = { written, pin, channel, id };
        int r;

        /* With three bytes for each of these, all of it is below INVITE_BYTES_MAX. */
        static_assert(sizeof(SCHEME ACTION "tracker=&pin=&channel=&id=") +
                                      3 * (INVITE_TRACKER_SIZE + INVITE_PIN_SIZE + NAME_SIZE +
                                           UUID_STRING_SIZE) <
                              INVITE_BYTES_MAX,
                      "an invitation of ours fits");
        if (!pin_is_valid(pin) || !name_is_valid(channel) || !uuid_is_valid(id))
                return -EINVAL;
        r = invite_write_tracker(tracker, written);
        if (r < 0)
                return r;
        p = stpcpy(p, SCHEME ACTION);
        for (Key key = 0; key < KEY_MAX; key++) {
                p = stpcpy(p, key > 0 ? "&" : "");
                p = stpcpy(p, key_names[key]);
                *p++ = '=';
                encode(values[key], &p);
        }
        *p = '\0';
        return 0;
}
