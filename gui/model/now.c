/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what time of day it is and how times are told to people; leaves which times to the others.
 */
#include "gui/model/now.h"

#include "gui/i18n.h"

static gint64 stopped;

gint64 chat_now(void) {
        return stopped ?: g_get_real_time();
}

void chat_now_set(gint64 usec) {
        stopped = usec;
}

/* NULL: before the year 1 or after 9999. */
static GDateTime *local(gint64 usec) {
        g_autoptr(GDateTime) whole = g_date_time_new_from_unix_local(usec / G_USEC_PER_SEC);

        return whole ? g_steal_pointer(&whole) : NULL;
}

static char *format(gint64 usec, const char *how) {
        g_autoptr(GDateTime) t = local(usec);
        char *told = t ? g_date_time_format(t, how) : NULL;

        return told ?: g_strdup("");
}

char *chat_time_of_day(gint64 usec) {
        /* A time of day, as g_date_time_format() takes it. */
        return format(usec, _("%H:%M"));
}

char *chat_date(gint64 usec) {
        /* A date, as g_date_time_format() takes it. */
        return format(usec, _("%A, %-d %B %Y"));
}

char *chat_date_and_time(gint64 usec) {
        return format(usec, _("%-d %B %Y, %H:%M"));
}

static int day_number(gint64 usec) {
        g_autoptr(GDateTime) t = local(usec);
        GDate day;

        if (!t)
                return 0;
        g_date_set_dmy(&day, (GDateDay) g_date_time_get_day_of_month(t),
                       (GDateMonth) g_date_time_get_month(t), (GDateYear) g_date_time_get_year(t));
        return (int) g_date_get_julian(&day);
}

gboolean chat_is_same_day(gint64 a, gint64 b) {
        return day_number(a) == day_number(b);
}

char *chat_day(gint64 usec) {
        int ago = day_number(chat_now()) - day_number(usec);

        if (ago == 0)
                return g_strdup(_("Today"));
        return ago == 1 ? g_strdup(_("Yesterday")) : chat_date(usec);
}
