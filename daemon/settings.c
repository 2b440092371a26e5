/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a person may set for their daemon (p2pchat.conf), and where it and its state are;
 * leaves acting on it to the daemon. */
#include "daemon/settings.h"

#include <getopt.h>

#include "base/log.h"
#include "base/settings.h"
#include "version.h"

void daemon_settings_done(DaemonSettings *s) {
        free(s->tracker_address);
        free(s->tracker_pin);
        free(s->state_directory);
        free(s->complaint);
        *s = (DaemonSettings){ 0 };
}

/* Addresses between white space; an empty value forgets what earlier files said. */
static int parse_addresses(const char *value, bool zero_port, Address *addresses, size_t max,
                           size_t *n) {
        _cleanup_free_ char *copy = strdup(value);
        char *rest = copy, *word;
        int r;

        if (!copy)
                return -ENOMEM;
        *n = 0;
        while ((word = strsep(&rest, " \t"))) {
                if (!*word)
                        continue;
                if (*n == max)
                        return -E2BIG;
                r = address_parse(word, zero_port, &addresses[*n]);
                if (r < 0)
                        return r;
                (*n)++;
        }
        return 0;
}

static int parse_listen(const char *value, void *settings) {
        DaemonSettings *s = settings;

        if (s->has_own_listen)
                return 0;
        return parse_addresses(value, true, s->listen, ELEMENTSOF(s->listen), &s->n_listen);
}

static int parse_advertise(const char *value, void *settings) {
        DaemonSettings *s = settings;

        return parse_addresses(value, false, s->advertise, ELEMENTSOF(s->advertise),
                               &s->n_advertise);
}

static int parse_tracker_address(const char *value, void *settings) {
        DaemonSettings *s = settings;
        _cleanup_free_ char *host = NULL;
        uint16_t port;
        int r;

        r = host_port_parse(value, TRACKER_PORT, &host, &port);
        return r < 0 ? r : free_and_strdup(&s->tracker_address, value);
}

static int parse_tracker_pin(const char *value, void *settings) {
        DaemonSettings *s = settings;

        if (strncmp(value, "sha256:", strlen("sha256:")) != 0 ||
            !hex_is_valid(value + strlen("sha256:"), 64))
                return -EINVAL;
        return free_and_strdup(&s->tracker_pin, value);
}

static int parse_log_level(const char *value, void *settings) {
        DaemonSettings *s = settings;
        int level = log_level_from_string(value);

        if (level >= 0)
                s->log_level = level;
        return level;
}

static int parse_notify(const char *value, void *settings) {
        DaemonSettings *s = settings;
        Notify notify = notify_from_string(value);

        if (notify >= 0)
                s->notify = notify;
        return MIN((int) notify, 0);
}

/* Whether the negation of it is set. */
static int parse_no(const char *value, bool *no) {
        static const char *const words[] = { "yes", "no", "true", "false", "on", "off", "1", "0" };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strcasecmp(value, words[i]) == 0) {
                        *no = i % 2 == 1;
                        return 0;
                }
        return -EINVAL;
}

static int parse_desktop(const char *value, void *settings) {
        return parse_no(value, &((DaemonSettings *) settings)->no_desktop);
}

static int parse_text(const char *value, void *settings) {
        return parse_no(value, &((DaemonSettings *) settings)->no_text);
}

static void on_warning(const char *file, unsigned line, const char *message, bool fatal,
                       void *userdata) {
        DaemonSettings *s = userdata;
        char number[16] = "";

        if (line > 0)
                snprintf(number, sizeof(number), ":%u", line);
        if (fatal && !s->complaint &&
            asprintf(&s->complaint, "%s%s: %s", file, number, message) < 0)
                s->complaint = NULL;
        log_fields(fatal ? LOG_ERR : LOG_WARNING, 0, NULL, "%s%s: %s", file, number, message);
}

static const Setting setting_table[] = {
        { "Network", "Listen", parse_listen },
        { "Network", "Advertise", parse_advertise },
        { "Tracker", "Address", parse_tracker_address },
        { "Tracker", "Pin", parse_tracker_pin },
        { "Log", "Level", parse_log_level },
        { "Notify", "Desktop", parse_desktop },
        { "Notify", "Default", parse_notify },
        { "Notify", "Text", parse_text },
        {},
};

/* $VARIABLE/p2pchat, else ~/FALLBACK/p2pchat. */
static int find_directory(const char *variable, const char *fallback, char **ret) {
        const char *base = getenv(variable), *home = getenv("HOME");
        int n;

        if (base && *base == '/')
                n = asprintf(ret, "%s/p2pchat", base);
        else if (home && *home == '/')
                n = asprintf(ret, "%s/%s/p2pchat", home, fallback);
        else
                return -ENOKEY;
        if (n < 0) {
                *ret = NULL;
                return -ENOMEM;
        }
        return 0;
}

int daemon_settings_load(DaemonSettings *s) {
        _cleanup_free_ char *own = NULL;
        const char *dirs[] = { "/etc/p2pchat", NULL, NULL };
        int r;

        s->log_level = LOG_INFO;
        r = find_directory("XDG_CONFIG_HOME", ".config", &own);
        if (r < 0 && r != -ENOKEY)
                return r;
        dirs[1] = own;
        r = settings_load(dirs, "p2pchat", setting_table, s, on_warning, s);
        if (r < 0)
                return r;
        if (s->n_listen == 0) {
                s->n_listen = 1;
                s->listen[0] = (Address){
                        .in6 = { .sin6_family = AF_INET6,
                                 .sin6_addr = IN6ADDR_ANY_INIT,
                                 .sin6_port = htons(PEER_PORT) },
                        .size = sizeof(struct sockaddr_in6),
                };
        }
        return 0;
}

int daemon_settings_load_again(const DaemonSettings *old, DaemonSettings *ret) {
        *ret = (DaemonSettings){};
        if (old->has_own_listen) {
                memcpy(ret->listen, old->listen, sizeof(ret->listen));
                ret->n_listen = old->n_listen;
                ret->has_own_listen = true;
        }
        return daemon_settings_load(ret);
}

int daemon_settings_find_state_directory(DaemonSettings *s) {
        const char *given = getenv("STATE_DIRECTORY");

        if (s->state_directory)
                return 0;
        if (given && *given == '/')
                return free_and_strdup(&s->state_directory, given);
        return find_directory("XDG_STATE_HOME", ".local/state", &s->state_directory);
}

static int add_listen(DaemonSettings *s, const char *address) {
        int r;

        if (s->n_listen == ELEMENTSOF(s->listen))
                return -E2BIG;
        r = address_parse(address, true, &s->listen[s->n_listen]);
        if (r < 0)
                return r;
        s->n_listen++;
        s->has_own_listen = true;
        return 0;
}

int daemon_settings_parse_arguments(DaemonSettings *s, int argc, char **argv) {
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'V' },
                { "state-directory", required_argument, NULL, 's' },
                { "listen", required_argument, NULL, 'l' },
                {},
        };
        int c, r = 0;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                switch (c) {
                case 'h':
                        puts("p2pchatd [--state-directory=DIR] [--listen=ADDRESS]…\n"
                             "Serves one person's channels to peers and to the session bus; see "
                             "p2pchatd(8).");
                        return 1;
                case 'V':
                        puts("p2pchatd " P2PCHAT_VERSION);
                        return 1;
                case 's':
                        r = free_and_strdup(&s->state_directory, optarg);
                        break;
                case 'l':
                        r = add_listen(s, optarg);
                        break;
                default:
                        return -EINVAL;
                }
                if (r < 0)
                        return log_error_errno(r, "Cannot use \"%s\"", optarg);
        }
        if (optind < argc) {
                log_error("Unexpected argument \"%s\"; see --help", argv[optind]);
                return -EINVAL;
        }
        return 0;
}

ManagerSettings daemon_settings_for_manager(const DaemonSettings *s) {
        return (ManagerSettings){
                .state_directory = s->state_directory,
                .listen = s->listen,
                .n_listen = s->n_listen,
                .advertise = s->advertise,
                .n_advertise = s->n_advertise,
                .tracker_address = s->tracker_address,
                .tracker_pin = s->tracker_pin,
                .notify = s->notify,
        };
}
