/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how often the journal is told what others can cause as often as they like; leaves the words
 * to the caller. */
#pragma once

#include "base/clock.h"
#include "base/log.h"

/* A flood must not become one of the journal, and nothing that happened may be missing from it.
 * From the first line of a MESSAGE_ID on, for a minute, it is said LOG_PACE_EACH times of one
 * source, and of LOG_PACE_SOURCES of them. What is more is counted; at the end of the minute each
 * of those sources has one more line, and all the others one together. Each line has CHAT_COUNT=,
 * of how many it speaks: they add up to what happened. */
typedef struct LogPace LogPace;

#define LOG_PACE_USEC USEC_PER_MINUTE
#define LOG_PACE_EACH 5
#define LOG_PACE_SOURCES 60

int log_pace_new(Clock *clock /* weak */, LogPace **ret);
/* Says what was only counted so far. */
LogPace *log_pace_free(LogPace *p);
DEFINE_CLEANUP(LogPace *, log_pace_free);

/* source: an address, a name: what one who floods has one of. fields begin with MESSAGE_ID and have
 * no CHAT_COUNT; a line that speaks of several has those of the last. p NULL: it is said at once.
 */
#define log_paced(p, source, level, fields, ...)                                                   \
        log_pace_say((p), (source), (level), (fields), __FILE__, __LINE__, __func__, __VA_ARGS__)
void log_pace_say(LogPace *p, const char *source, int level, const char *const *fields,
                  const char *file, int line, const char *func, const char *format, ...)
        _printf_(8, 9);
