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

typedef struct Process {
        sd_event *event; /* weak */
        Tracker *tracker;
        Door *door;
} Process;

static void process_done(Process *p) {
        door_free(p->door);
        tracker_free(p->tracker);
}

static void on_ready(Tracker *t, int r, void *userdata) {
        Process *p = userdata;

        if (r < 0) {
                sd_event_exit(p->event, EXIT_FAILURE);
                return;
        }
        log_fields(LOG_INFO, 0,
                   LOG_FIELDS("MESSAGE_ID", MESSAGE_TRACKER_STARTED, "CHAT_TRACKER",
                              tracker_get_id(t), "CHAT_PIN", tracker_get_pin(t)),
                   "Serving as tracker %s, pin %s.", tracker_get_id(t), tracker_get_pin(t));
        (void) sd_notify(false, "READY=1");
        door_open(p->door);
}

static void on_status(Tracker *t, const char *text, void *userdata) {
        (void) sd_notifyf(false, "STATUS=%s", text);
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
        sd_event_exit(p->event, EXIT_SUCCESS);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata) {
        Process *p = userdata;

        (void) sd_notify(false, "STOPPING=1\nSTATUS=Sending everybody away");
        door_stop(p->door);
        tracker_stop(p->tracker);
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

static int serve(const Runtime *rt, const TrackerSettings *settings, const Options *options) {
        static const TrackerHandlers handlers = {
                .on_ready = on_ready,
                .on_status = on_status,
                .on_trouble = on_trouble,
                .on_stopped = on_stopped,
        };
        _cleanup_(process_done) Process p = { .event = rt->event };
        int fd, r;

        r = options_open_socket(options, settings, &fd);
        if (r < 0)
                return r;
        r = tracker_new(rt, settings, fd, &p.tracker);
        if (r < 0)
                return r;
        r = door_new(rt, p.tracker, &p.door);
        if (r < 0)
                return log_error_errno(r, "Cannot make the operator's door");
        tracker_set_handlers(p.tracker, &handlers, &p);
        r = sd_event_add_signal(rt->event, NULL, SIGTERM, on_signal, &p);
        if (r >= 0)
                r = sd_event_add_signal(rt->event, NULL, SIGINT, on_signal, &p);
        if (r >= 0)
                r = sd_event_set_watchdog(rt->event, true);
        if (r < 0)
                return log_error_errno(r, "Cannot prepare the event loop");
        return loop_run(rt, loop_log_slow, NULL);
}

static int run(const TrackerSettings *settings, const Options *options) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(clock_freep) Clock *clock = NULL;
        _cleanup_(random_freep) Random *random = NULL;
        _cleanup_(log_pace_freep) LogPace *pace = NULL;
        _cleanup_(workers_freep) Workers *workers = NULL;
        Runtime rt;
        int r;

        r = sd_event_new(&event);
        if (r >= 0)
                r = clock_new(event, &clock);
        if (r >= 0)
                r = random_new(&random);
        if (r >= 0)
                r = workers_new(event, WORKER_THREADS, &workers);
        if (r >= 0)
                r = log_pace_new(clock, &pace);
        if (r < 0)
                return log_error_errno(r, "Cannot start");
        rt = (Runtime){
                .event = event,
                .clock = clock,
                .random = random,
                .workers = workers,
                .pace = pace,
        };
        return options->print_pin ? print_pin(&rt, settings) : serve(&rt, settings, options);
}

int main(int argc, char *argv[]) {
        _cleanup_(tracker_settings_done) TrackerSettings settings;
        Options options;
        sigset_t mask;
        int r;

        umask(0077);
        (void) signal(SIGPIPE, SIG_IGN);
        (void) signal(SIGXFSZ, SIG_IGN); /* a limit is a full disk, and no reason to end */
        /* Before there are threads, so that the loop alone gets them. */
        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGINT);
        (void) sigprocmask(SIG_BLOCK, &mask, NULL);

        tracker_settings_init(&settings);
        r = options_parse(argc, argv, &settings, &options);
        if (r > 0)
                r = run(&settings, &options);
        return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
