/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the process: arguments, signals, its service manager; leaves the rest to daemon.h. */
#include <signal.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/loop.h"
#include "daemon/daemon.h"
#include "daemon/message-ids.h"
#include "daemon/service.h"
#include "daemon/settings.h"

#define N_THREADS 2

typedef struct Process {
        Runtime rt;
        Service service;
        DaemonSettings settings;
        Daemon *daemon;
        bool is_stopping;
} Process;

static void process_done(Process *p) {
        daemon_free(p->daemon);
        service_done(&p->service);
        log_pace_free(p->rt.pace);
        workers_free(p->rt.workers);
        random_free(p->rt.random);
        clock_free(p->rt.clock);
        sd_event_unref(p->rt.event);
        daemon_settings_done(&p->settings);
}

static void on_started(Daemon *d, int r, void *userdata) {
        Process *p = userdata;

        if (r < 0) {
                log_error_errno(r, "Cannot read the state directory");
                (void) sd_event_exit(p->rt.event, r);
                return;
        }
        service_keep_sockets(&p->service, daemon_get_manager(d));
        log_fields(LOG_INFO, 0,
                   LOG_FIELDS("MESSAGE_ID", MESSAGE_STARTED, "CHAT_DIRECTORY",
                              p->settings.state_directory),
                   "Serving what is kept in %s.", p->settings.state_directory);
        service_tell_ready();
}

static void on_status(Daemon *d, const char *status, void *userdata) {
        service_tell_status(status);
}

static void on_stopped(Daemon *d, void *userdata) {
        Process *p = userdata;

        log_fields(LOG_INFO, 0,
                   LOG_FIELDS("MESSAGE_ID", MESSAGE_STOPPED, "CHAT_DIRECTORY",
                              p->settings.state_directory),
                   "Stopped; what is kept in %s stays.", p->settings.state_directory);
        (void) sd_event_exit(p->rt.event, 0);
}

static int on_signal(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        Process *p = userdata;

        if (p->is_stopping) /* asked twice: at once */
                return sd_event_exit(p->rt.event, 0);
        p->is_stopping = true;
        service_tell_stopping();
        return daemon_stop(p->daemon) < 0 ? sd_event_exit(p->rt.event, 0) : 0;
}

static int use_settings(Process *p, DaemonSettings *settings) {
        ManagerSettings manager_settings = daemon_settings_for_manager(settings);
        int r;

        r = manager_set_settings(daemon_get_manager(p->daemon), &manager_settings);
        if (r < 0)
                return r;
        daemon_set_popups(p->daemon, !settings->no_desktop, !settings->no_text);
        log_set_max_level(settings->log_level);
        service_keep_sockets(&p->service, daemon_get_manager(p->daemon));
        return 0;
}

static void reload(Process *p) {
        _cleanup_(daemon_settings_done) DaemonSettings settings = {};
        char notice[256] = "";
        int r;

        r = daemon_settings_load_again(&p->settings, &settings);
        if (r >= 0)
                r = use_settings(p, &settings);
        if (r < 0) {
                log_error_errno(r, "The settings that were read again are not used: all stays as "
                                   "it was");
                (void) snprintf(notice, sizeof(notice), "the new settings are not used (%s)",
                                settings.complaint ?: strerror(-r));
        } else
                log_info("The settings were read again.");
        daemon_set_notice(p->daemon, notice);
}

static int on_reload(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        Process *p = userdata;

        if (p->is_stopping)
                return 0;
        service_tell_reloading(p->rt.clock);
        reload(p);
        service_tell_ready();
        return 0;
}

static int process_init(Process *p) {
        sigset_t signals;
        int r;

        /* Before there are threads: they inherit it. */
        (void) signal(SIGPIPE, SIG_IGN);
        (void) signal(SIGXFSZ, SIG_IGN); /* a limit is a full disk, and no reason to end */
        (void) sigemptyset(&signals);
        (void) sigaddset(&signals, SIGTERM);
        (void) sigaddset(&signals, SIGINT);
        (void) sigaddset(&signals, SIGHUP);
        r = -pthread_sigmask(SIG_BLOCK, &signals, NULL);
        if (r >= 0)
                r = sd_event_default(&p->rt.event);
        if (r >= 0)
                r = sd_event_add_signal(p->rt.event, NULL, SIGTERM, on_signal, p);
        if (r >= 0)
                r = sd_event_add_signal(p->rt.event, NULL, SIGINT, on_signal, p);
        if (r >= 0)
                r = sd_event_add_signal(p->rt.event, NULL, SIGHUP, on_reload, p);
        if (r >= 0)
                r = sd_event_set_watchdog(p->rt.event, true);
        if (r >= 0)
                r = clock_new(p->rt.event, &p->rt.clock);
        if (r >= 0)
                r = random_new(&p->rt.random);
        if (r >= 0)
                r = workers_new(p->rt.event, N_THREADS, &p->rt.workers);
        if (r >= 0)
                r = log_pace_new(p->rt.clock, &p->rt.pace);
        return r;
}

int main(int argc, char **argv) {
        static const DaemonHandlers handlers = { on_started, on_status, on_stopped };
        _cleanup_(process_done) Process p = {};
        ManagerSettings manager_settings;
        int r;

        umask(077);
        service_init(&p.service);
        r = daemon_settings_parse_arguments(&p.settings, argc, argv);
        if (r != 0)
                return r < 0 ? 2 : EXIT_SUCCESS;
        r = daemon_settings_load(&p.settings);
        log_set_max_level(p.settings.log_level);
        if (r >= 0)
                r = daemon_settings_find_state_directory(&p.settings);
        if (r >= 0)
                r = process_init(&p);
        manager_settings = daemon_settings_for_manager(&p.settings);
        service_give_sockets(&p.service, &manager_settings);
        if (r >= 0)
                r = daemon_new(&p.rt, NULL, &manager_settings, &p.daemon);
        if (r < 0) {
                log_error_errno(r, "Cannot begin");
                return EXIT_FAILURE;
        }
        daemon_set_handlers(p.daemon, &handlers, &p);
        daemon_set_popups(p.daemon, !p.settings.no_desktop, !p.settings.no_text);
        daemon_open_bus(p.daemon);
        r = daemon_watch_sessions(p.daemon);
        if (r >= 0)
                r = daemon_start(p.daemon);
        if (r < 0)
                log_error_errno(r, "Cannot start");
        else
                r = loop_run(&p.rt, loop_log_slow, NULL);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
