/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows where the database is and what is said when it cannot be used; leaves using it to those who
 * ask. */
#include <sys/stat.h>

#include "base/log.h"
#include "tracker/message-ids.h"
#include "tracker/tracker-internal.h"

/* Of accounts none is made up anew, whatever is wrong with them. */
void tracker_database_failed(Tracker *t, int r) {
        if (db_is_in_trouble(t->db, r) && r != -EBADMSG) {
                clock_timer_arm(t->load_timer, LOAD_RETRY_USEC); /* on_trouble() has said it */
                return;
        }
        if (r == -EBADMSG)
                log_fields(LOG_ERR, r,
                           LOG_FIELDS("MESSAGE_ID", MESSAGE_TRACKER_STORE_DAMAGED, "CHAT_FILE",
                                      t->path),
                           "The database %s is damaged. Nothing was changed: put a backup in its "
                           "place, with no %s-wal beside it.",
                           t->path, t->path);
        else if (r == -EPROTONOSUPPORT)
                log_error_errno(r,
                                "A newer version of the tracker wrote the database %s: install "
                                "that one.",
                                t->path);
        else
                log_error_errno(r, "Cannot read the database %s: %s", t->path,
                                r == -EBUSY ? "another process has it" : strerror(-r));
        if (t->handlers.on_ready)
                t->handlers.on_ready(t, r, t->userdata);
}

/* An empty file beside an authority that is not new is a database that got lost: whoever has an
 * account must not find it gone, nor its name free. */
static int check_db(const char *path, const char *state_directory) {
        _cleanup_free_ char *ca = NULL;
        struct stat st;

        if (stat(path, &st) < 0 || st.st_size > 0)
                return 0; /* what else is wrong with it is told when it is opened */
        if (asprintf(&ca, "%s/ca.pem", state_directory) < 0) {
                ca = NULL;
                return -ENOMEM;
        }
        if (access(ca, F_OK) < 0)
                return 0;
        return log_error_errno(-ENODATA,
                               "%s is empty, but %s is not new: put the database back from a "
                               "backup, or remove the empty file to begin without accounts.",
                               path, ca);
}

int tracker_database_find(const TrackerSettings *s, char **ret_path) {
        char *path;
        int r;

        if (s->database)
                path = strdup(s->database);
        else if (asprintf(&path, "%s/tracker.db", s->state_directory) < 0)
                path = NULL;
        if (!path)
                return -ENOMEM;
        r = check_db(path, s->state_directory);
        if (r < 0) {
                free(path);
                return r;
        }
        *ret_path = path;
        return 0;
}

static void tell_trouble(const Tracker *t, const char *message_id) {
        log_fields(LOG_ERR, 0, LOG_FIELDS("MESSAGE_ID", message_id, "CHAT_FILE", t->path),
                   "The disk of %s cannot be used: %s. Who asks is told to ask again, and all goes "
                   "on by itself when it can.",
                   t->path, strerror(-t->trouble));
}

void tracker_database_trouble(int trouble, void *userdata) {
        Tracker *t = userdata;

        t->trouble = trouble;
        if (trouble == 0)
                log_fields(
                        LOG_NOTICE, 0,
                        LOG_FIELDS("MESSAGE_ID", MESSAGE_TRACKER_STORE_BACK, "CHAT_FILE", t->path),
                        "The disk of %s can be used again; all goes on.", t->path);
        else if (trouble == -EBADMSG && t->is_loaded)
                log_fields(LOG_ERR, 0,
                           LOG_FIELDS("MESSAGE_ID", MESSAGE_TRACKER_STORE_DAMAGED, "CHAT_FILE",
                                      t->path),
                           "The database %s is damaged. Nothing more is read from it or written to "
                           "it: stop the tracker and put a backup in its place, with no %s-wal "
                           "beside it.",
                           t->path, t->path);
        else if (trouble != -EBADMSG)
                tell_trouble(t, trouble == -ENOSPC  ? MESSAGE_TRACKER_STORE_FULL
                                : trouble == -EROFS ? MESSAGE_TRACKER_STORE_READ_ONLY
                                                    : MESSAGE_TRACKER_STORE_FAILING);
        if (t->handlers.on_trouble)
                t->handlers.on_trouble(t, t->userdata);
        if (!t->is_loaded && t->handlers.on_status)
                t->handlers.on_status(t, "Waiting for the disk of its database", t->userdata);
        tracker_status_changed(t);
}
