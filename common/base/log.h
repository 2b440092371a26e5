/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a program speaks to its operator: the journal with fields, or stderr; leaves the words
 * to the caller. */
#pragma once

#include <syslog.h>

#include "base/cleanup.h"

/* Programs log, libraries return errors. Where stderr is the journal's stream (JOURNAL_STREAM names
 * it) entries go to the journal natively, with fields; else lines with a <N> priority prefix or, on
 * a terminal, without. Never message text, passwords, keys. */

/* The most talkative level that is shown; LOG_INFO at first. Process-wide by nature (it is the one
 * that stderr and the journal are); with the target the only mutable global there is. */
void log_set_max_level(int level);
int log_get_max_level(void);
const char *log_level_to_string(int level);
/* "debug", "warning", as syslog.h spells them. -EINVAL: none of them. */
int log_level_from_string(const char *s);

/* Where entries go, process-wide likewise: where stderr goes, with fields if that is the journal;
 * to the journal, or to stderr if there is none; to stderr as lines. */
typedef enum LogTarget {
        LOG_TARGET_AUTO,
        LOG_TARGET_JOURNAL,
        LOG_TARGET_CONSOLE,
        LOG_TARGET_MAX,
        LOG_TARGET_INVALID = -EINVAL
} LogTarget;
void log_set_target(LogTarget target);
LogTarget log_get_target(void);
const char *log_target_to_string(LogTarget target);
LogTarget log_target_from_string(const char *s); /* LOG_TARGET_INVALID: none of them */

/* fields: alternating name and value strings, ended by NULL; a NULL value leaves its field out.
 * Names: MESSAGE_ID, CHAT_USER, CHAT_CHANNEL, CHAT_PEER, CHAT_TRACKER … (no digits: the catalog
 * cannot expand those). With an error its text follows the message, unless the format says %m
 * itself. Returns -|error| so that `return log_error_errno(r, …)` reads well; errno stays. */
int log_full(int level, int error, const char *const *fields, const char *file, int line,
             const char *func, const char *format, ...) _printf_(7, 8);

#define LOG_FIELDS(...) ((const char *const[]){ __VA_ARGS__, NULL, NULL })
#define log_fields(level, error, fields, ...)                                                      \
        log_full((level), (error), (fields), __FILE__, __LINE__, __func__, __VA_ARGS__)
#define log_debug(...) log_fields(LOG_DEBUG, 0, NULL, __VA_ARGS__)
#define log_info(...) log_fields(LOG_INFO, 0, NULL, __VA_ARGS__)
#define log_notice(...) log_fields(LOG_NOTICE, 0, NULL, __VA_ARGS__)
#define log_warning(...) log_fields(LOG_WARNING, 0, NULL, __VA_ARGS__)
#define log_error(...) log_fields(LOG_ERR, 0, NULL, __VA_ARGS__)
#define log_warning_errno(r, ...) log_fields(LOG_WARNING, (r), NULL, __VA_ARGS__)
#define log_error_errno(r, ...) log_fields(LOG_ERR, (r), NULL, __VA_ARGS__)
