/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a tracker is a service: its loop, readiness, signals; leaves being a tracker to
 * tracker.h. */
#include <signal.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "base/loop.h"
#include "tracker/authority.h"
#include "tracker/bus/door.h"
#include "tracker/message-ids.h"
#include "tracker/options.h"
#include "tracker/tracker.h"

#define WORKER_THREADS 2 /* of 16 MiB each while they hash */
#define STATUS_SIZE 256

typedef struct Process {
        Runtime rt;
        TrackerSettings settings;
        Options options;
        Tracker *tracker;
        Door *door;
        bool is_socket_passed; /* it is there without us, and brings us back */
        bool is_ready, is_stopping;
        bool was_reload_refused;
        char status[STATUS_SIZE];
} Process;

static void tell_status(const Process *p) {
        (void) sd_notifyf(false, "STATUS=%s%s", p->status,
                          p->was_reload_refused ? "; the settings of the last reload were refused, "
                                                  "those before it hold"
                                                : "");
}

static void on_ready(Tracker *t, int r, void *userdata) {
        Process *p = userdata;

        if (r < 0) {
                sd_event_exit(p->rt.event, EXIT_FAILURE);
                return;
        }
        log_fields(LOG_INFO, 0,
                   LOG_FIELDS("MESSAGE_ID", MESSAGE_TRACKER_STARTED, "CHAT_TRACKER",
                              tracker_get_id(t), "CHAT_PIN", tracker_get_pin(t)),
                   "Serving as tracker %s, pin %s.", tracker_get_id(t), tracker_get_pin(t));
        p->is_ready = true;
        (void) sd_notify(false, "READY=1");
        door_open(p->door);
}

static void on_status(Tracker *t, const char *text, void *userdata) {
        Process *p = userdata;

        snprintf(p->status, sizeof(p->status), "%s", text);
        tell_status(p);
}

static void on_trouble(Tracker *t, void *userdata) {
        Process *p = userdata;

        door_look(p->door);
}

static void on_stopped(Tracker *t, void *userdata) {
        Process *p = userdata;

        log_fields(LOG_INFO, 0,
                   LOG_FIELDS("MESSAGE_ID", MESSAGE_TRACKER_STOPPED, "CHAT_TRACKER",
                              tracker_get_id(t)),
                   "Stopped serving as tracker %s.", tracker_get_id(t));
        sd_event_exit(p->rt.event, EXIT_SUCCESS);
}

static void stop(Process *p, const char *status) {
        p->is_stopping = true;
        (void) sd_notifyf(false, "STOPPING=1\nSTATUS=%s", status);
        door_stop(p->door);
        tracker_stop(p->tracker);
}

/* Whoever has dialled by now waits in the queue of a socket that is not ours alone, and starts the
 * next process. */
static bool on_idle(Tracker *t, void *userdata) {
        Process *p = userdata;

        if (!p->is_socket_passed || door_is_needed(p->door))
                return false;
        log_info("Nobody was here for a while. The next connection starts the tracker again.");
        stop(p, "Nobody is here; the next connection starts it");
        return true;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata) {
        stop(userdata, "Sending everybody away");
        return 0;
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata) {
        Process *p = userdata;
        int r;

        if (p->is_stopping)
                return 0;
        /* While it waits for its database, READY=1 is on_ready()'s to say. Managers newer than 252
         * hold the time against that of their request. */
        if (p->is_ready)
                (void) sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
                                  clock_boottime(p->rt.clock) - clock_slept(p->rt.clock));
        r = options_reload(&p->options, &p->settings);
        p->was_reload_refused = r < 0;
        if (r >= 0) {
                tracker_settings_changed(p->tracker);
                log_info("Read the settings in %s again.", p->options.settings_directory);
        }
        if (p->is_ready) {
                (void) sd_notify(false, "READY=1");
                tell_status(p);
        }
        return 0;
}

static int print_pin(const Runtime *rt, const TrackerSettings *settings) {
        _cleanup_(authority_freep) Authority *authority = NULL;
        int r;

        r = authority_new(rt, settings->state_directory, settings->credentials_directory,
                          &authority);
        if (r >= 0)
                printf("%s\n", authority_get_pin(authority));
        return r;
}

static int serve(Process *p) {
        static const TrackerHandlers handlers = {
                .on_ready = on_ready,
                .on_status = on_status,
                .on_trouble = on_trouble,
                .on_idle = on_idle,
                .on_stopped = on_stopped,
        };
        static const struct {
                int signal;
                sd_event_signal_handler_t handler;
        } signals[] = { { SIGTERM, on_signal }, { SIGINT, on_signal }, { SIGHUP, on_reload } };
        int fd, r;

        r = options_open_socket(&p->options, &p->settings, &fd, &p->is_socket_passed);
        if (r < 0)
                return r;
        r = tracker_new(&p->rt, &p->settings, fd, &p->tracker);
        if (r < 0)
                return r;
        r = door_new(&p->rt, p->tracker, &p->door);
        if (r < 0)
                return log_error_errno(r, "Cannot make the operator's door");
        tracker_set_handlers(p->tracker, &handlers, p);
        for (size_t i = 0; i < ELEMENTSOF(signals) && r >= 0; i++)
                r = sd_event_add_signal(p->rt.event, NULL, signals[i].signal, signals[i].handler,
                                        p);
        if (r >= 0)
                r = sd_event_set_watchdog(p->rt.event, true);
        if (r < 0)
                return log_error_errno(r, "Cannot prepare the event loop");
        return loop_run(&p->rt, loop_log_slow, NULL);
}

static int run(Process *p) {
        int r;

        r = sd_event_new(&p->rt.event);
        if (r >= 0)
                r = clock_new(p->rt.event, &p->rt.clock);
        if (r >= 0)
                r = random_new(&p->rt.random);
        if (r >= 0)
                r = workers_new(p->rt.event, WORKER_THREADS, &p->rt.workers);
        if (r >= 0)
                r = log_pace_new(p->rt.clock, &p->rt.pace);
        if (r < 0)
                return log_error_errno(r, "Cannot start");
        return p->options.print_pin ? print_pin(&p->rt, &p->settings) : serve(p);
}

static void process_done(Process *p) {
        door_free(p->door);
        tracker_free(p->tracker);
        workers_free(p->rt.workers);
        log_pace_free(p->rt.pace);
        random_free(p->rt.random);
        clock_free(p->rt.clock);
        sd_event_unref(p->rt.event);
        tracker_settings_done(&p->settings);
}

int main(int argc, char *argv[]) {
        _cleanup_(process_done) Process p = {};
        sigset_t mask;
        int r;

        umask(0077);
        (void) signal(SIGPIPE, SIG_IGN);
        (void) signal(SIGXFSZ, SIG_IGN); /* a limit is a full disk, and no reason to end */
        /* Before there are threads, so that the loop alone gets them. */
        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGINT);
        sigaddset(&mask, SIGHUP);
        (void) sigprocmask(SIG_BLOCK, &mask, NULL);

        tracker_settings_init(&p.settings);
        r = options_parse(argc, argv, &p.settings, &p.options);
        if (r > 0)
                r = run(&p);
        return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
