/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how what somebody may do is put into words: what holds, who brought it about and when.
 * Leaves what holds to channel-may.c. */
#include <stdarg.h>

#include "base/text.h"
#include "base/timestamp.h"
#include "daemon/channel/channel-internal.h"

#define ELLIPSIS "\xe2\x80\xa6"

void print_minute(uint64_t realtime_usec, char ret[static MINUTE_SIZE]) {
        char time[TIME_STRING_SIZE];

        time_print(realtime_usec, time);
        snprintf(ret, MINUTE_SIZE, "%.10s %.5s UTC", time, time + 11);
}

/* Logs of other versions may hold what no request brings in. */
static int add(Why *why, const char *text) {
        _cleanup_free_ char *clean = NULL;
        size_t n;
        int r;

        assert(why->n < WHY_MAX);
        r = text_sanitize(text, strlen(text), false, &clean, &n);
        if (r < 0)
                return r;
        if (n > WHY_BYTES_MAX) {
                n = WHY_BYTES_MAX - strlen(ELLIPSIS);
                while ((clean[n] & 0xc0) == 0x80)
                        n--;
                strcpy(clean + n, ELLIPSIS);
        }
        strcpy(why->text[why->n++], clean);
        return 0;
}

static int _printf_(2, 3) say(Why *why, const char *format, ...) {
        char text[REASON_BYTES_MAX + 256];
        va_list ap;

        va_start(ap, format);
        vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        return add(why, text);
}

static int say_permissions(const Channel *c, Why *why) {
        static const char *const send[SEND_MAX] = {
                [SEND_EVERYONE] = "everybody who may view may send",
                [SEND_REGISTERED] = "registered users may send, guests may not",
                [SEND_MEMBERS] = "only members may send",
        };
        int r;

        r = add(why, c->view == VIEW_PUBLIC ? "public channel" : "restricted channel");
        return r < 0 ? r : add(why, send[c->view == VIEW_PUBLIC ? c->send : SEND_MEMBERS]);
}

static int say_who(const Channel *c, const Actor *a, Why *why) {
        if (a->user_type != USER_REGISTERED)
                return say(why, "%s is a guest, not a member", a->username);
        switch (channel_get_role(c, a->username)) {
        case ROLE_OWNER:
                return say(why, "%s is the owner", a->username);
        case ROLE_MODERATOR:
                return say(why, "%s is a moderator", a->username);
        case ROLE_MEMBER:
                return say(why, "%s is a member", a->username);
        case ROLE_NONE:
        case ROLE_MAX:
        case ROLE_INVALID:
                break;
        }
        return say(why, "%s is not a member", a->username);
}

/* How the role of now came about; what a ban took with it is the ban's to say. */
static int say_change(const Channel *c, const Actor *a, const ChannelBan *ban, Why *why) {
        const RoleChange *change = channel_get_role_change(c, a->username);
        const char *colon = change && change->reason[0] ? ": " : "",
                   *reason = change ? change->reason : "";
        char when[MINUTE_SIZE];

        if (!change || a->user_type != USER_REGISTERED || (ban && change->seq == ban->seq))
                return 0;
        print_minute(change->time, when);
        switch (channel_get_role(c, a->username)) {
        case ROLE_MODERATOR:
                return say(why, "%s made %s a moderator on %s%s%s", change->by, a->username, when,
                           colon, reason);
        case ROLE_MEMBER:
                return say(why, "%s made %s a member%s on %s%s%s", change->by, a->username,
                           change->was > ROLE_MEMBER ? " in place of a moderator" : "", when, colon,
                           reason);
        case ROLE_NONE:
                return say(why, "%s removed %s on %s%s%s", change->by, a->username, when, colon,
                           reason);
        case ROLE_OWNER:
        case ROLE_MAX:
        case ROLE_INVALID:
                break;
        }
        return 0;
}

static int say_ban(const Channel *c, const Actor *a, const ChannelBan *ban, Why *why) {
        char when[MINUTE_SIZE], end[MINUTE_SIZE];
        int r;

        print_minute(ban->time, when);
        print_minute(ban->until, end);
        r = say(why, "%s is banned: %s did it on %s, %s%s", a->username, ban->by, when,
                ban->until > 0 ? "until " : "for good", ban->until > 0 ? end : "");
        if (r >= 0 && ban->reason[0])
                r = say(why, "reason of the ban: %s", ban->reason);
        if (r >= 0 && a->user_type == USER_REGISTERED &&
            channel_get_role(c, a->username) > ROLE_NONE)
                r = add(why, "a role does nothing for who is banned");
        return r;
}

static int say_kick(const Channel *c, const Actor *a, uint64_t now, Why *why) {
        const char *by;
        uint64_t usec = standing_kicked_for(c, a, now, &by);

        if (usec == 0)
                return 0;
        return say(why, "%s has sent %s out, who may come back in %" PRIu64 " s", by, a->username,
                   DIV_ROUND_UP(usec, USEC_PER_SEC));
}

int channel_explain_access(const Channel *c, const Actor *a, uint64_t now, Why *ret) {
        const ChannelBan *ban = channel_find_ban(c, a, now);
        int r;

        ret->n = 0;
        r = say_permissions(c, ret);
        if (r >= 0)
                r = say_who(c, a, ret);
        if (r >= 0)
                r = say_change(c, a, ban, ret);
        if (r >= 0 && ban)
                r = say_ban(c, a, ban, ret);
        if (r >= 0)
                r = say_kick(c, a, now, ret);
        return r;
}
