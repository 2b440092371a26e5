/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the life of a talk: keyboard, bus and signals in one loop, and how a line is shown at a
 * terminal or in the plain form (pipes, screen readers: no escape sequence, no prompt). */
#include "ctl/chat/chat.h"

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/signalfd.h>

#include "ctl/chat/plain.h"
#include "ctl/show/escape.h"
#include "ctl/show/terminal.h"
#include "ctl/show/wrap.h"
#include "ctl/verb/verbs.h"
#include "dbus/names.h"

#define EVENTS_AT_ONCE 64 /* then the keyboard has its turn */

/* -- showing */

static void print_to(Chat *c, FILE *f, const char *text) {
        editor_hide(c->editor);
        wrap_print(f, text, wrap_columns(c->ctl, fileno(f)));
        fflush(f);
        editor_show(c->editor);
}

void chat_print(Chat *c, const char *text) {
        print_to(c, stdout, text);
}

_printf_(4, 0) static void say(Chat *c, Colour kind, const char *before, const char *format,
                               va_list ap) {
        _cleanup_free_ char *text = NULL, *escaped = NULL, *line = NULL;

        if (vasprintf(&text, format, ap) < 0) {
                text = NULL;
                return;
        }
        if (text_escape(text, true, &escaped) < 0 ||
            asprintf(&line, "%s%s%s%s\n", c->editor ? colour(c->ctl, kind) : "", before, escaped,
                     c->editor ? colour(c->ctl, COLOUR_NONE) : "") < 0)
                return;
        print_to(c, c->editor ? stdout : stderr, line);
}

void chat_say(Chat *c, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        say(c, COLOUR_DIM, "-- ", format, ap);
        va_end(ap);
}

void chat_fail(Chat *c, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        say(c, COLOUR_RED, "", format, ap);
        va_end(ap);
}

void chat_draw(Chat *c) {
        _cleanup_free_ char *prompt = NULL, *above = NULL;
        size_t size;
        FILE *f;

        if (!c->editor)
                return;
        f = open_memstream(&above, &size);
        if (!f)
                return;
        pending_write(c, f, terminal_width(STDOUT_FILENO));
        if (fclose(f) != 0 || rooms_prompt(c, &prompt) < 0)
                return;
        editor_set_look(c->editor, prompt, above);
}

/* -- what comes */

static void on_event(Ctl *ctl, const char *path, const char *member, void *userdata) {
        Chat *c = userdata;
        bool is_focus = c->focus && streq_ptr(path, c->focus->path);

        if (streq_ptr(member, "NameOwnerChanged"))
                c->has_owner = true;
        else if (streq_ptr(member, "EntriesAppended"))
                c->has_entries = c->has_entries || is_focus;
        else if (streq_ptr(member, "OutboxChanged"))
                c->has_outbox = true;
        else if (streq_ptr(member, "MembersChanged"))
                c->has_members = c->has_members || is_focus;
        else
                c->has_objects = true;
}

static void on_key(const char *path, const char *username, const char *key, void *userdata) {
        Chat *c = userdata;

        if (c->focus && streq_ptr(path, c->focus->path))
                chat_say(c,
                         _("%s came with a key that was not seen here before (%.16s…); /info "
                           "tells more"),
                         username, key);
}

static void come_back(Chat *c) {
        bool was_away = c->is_away;

        c->is_away = !client_is_there(c->ctl);
        if (c->is_away && !was_away)
                chat_say(c, _("Your daemon ended; what comes meanwhile is shown when it is back "
                              "(systemctl --user start p2pchatd)"));
        if (c->is_away)
                return;
        if (was_away)
                chat_say(c, _("Your daemon is back"));
        c->has_objects = c->has_entries = c->has_outbox = true;
        if (c->focus)
                client_set_focus(c->ctl, c->focus->path);
}

/* One thing that there is news of. false: there is none. */
static bool handle_news(Chat *c) {
        if (c->has_owner) {
                c->has_owner = false;
                come_back(c);
        } else if (c->is_away) {
                return false;
        } else if (c->has_entries) {
                c->has_entries = false;
                talk_show_new(c);
        } else if (c->has_objects) {
                c->has_objects = false;
                (void) rooms_update(c);
        } else if (c->has_outbox) {
                c->has_outbox = false;
                if (c->pending)
                        pending_look(c);
        } else if (c->has_members) {
                c->has_members = false;
                people_update(c);
        } else {
                return false;
        }
        return true;
}

static int handle_bus(Chat *c) {
        int r = 1;

        for (unsigned i = 0; i < EVENTS_AT_ONCE && r > 0; i++)
                r = sd_bus_process(c->ctl->bus, NULL);
        return r;
}

/* -- what is typed */

static void on_line(const char *line, void *userdata) {
        Chat *c = userdata;

        c->was_interrupted = false;
        if (*line && !command_is_secret(line))
                editor_remember(c->editor, line);
        command_line(c, line);
        chat_draw(c);
}

static void on_end(void *userdata) {
        ((Chat *) userdata)->has_left = true;
}

static void on_jump(int number, void *userdata) {
        Chat *c = userdata;
        Room *r =
                number > 0 ? rooms_find_number(c, (unsigned) number) : rooms_beside(c, number == 0);

        if (r)
                talk_focus(c, r);
}

static void on_interrupt(void *userdata) {
        Chat *c = userdata;

        if (c->editor && editor_clear(c->editor)) {
                c->was_interrupted = false;
                return;
        }
        if (!c->editor || c->was_interrupted)
                c->has_left = true;
        else
                chat_say(c, _("Ctrl-C again, Ctrl-D or /exit leaves"));
        c->was_interrupted = true;
}

static void on_stop(void *userdata) {
        Chat *c = userdata;

        editor_suspend(c->editor);
        (void) kill(getpid(), SIGSTOP);
        editor_resume(c->editor);
}

static const EditorEvents editor_events = {
        .line = on_line,
        .end = on_end,
        .interrupt = on_interrupt,
        .stop = on_stop,
        .jump = on_jump,
        .complete = choices_find,
        .choices = choices_show,
};

/* -- signals */

static void handle_signals(Chat *c) {
        struct signalfd_siginfo info;

        while (read(c->signal_fd, &info, sizeof(info)) == (ssize_t) sizeof(info))
                switch (info.ssi_signo) {
                case SIGINT:
                        on_interrupt(c);
                        break;
                case SIGTSTP:
                        on_stop(c);
                        break;
                case SIGWINCH:
                        editor_resized(c->editor);
                        chat_draw(c);
                        break;
                default:
                        c->has_left = true;
                }
}

static int open_signals(Chat *c, sigset_t *ret_before) {
        static const int always[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
        sigset_t set;

        sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(always); i++)
                sigaddset(&set, always[i]);
        if (c->editor) {
                sigaddset(&set, SIGWINCH);
                sigaddset(&set, SIGTSTP);
        }
        if (sigprocmask(SIG_BLOCK, &set, ret_before) < 0)
                return -errno;
        c->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return c->signal_fd < 0 ? -errno : 0;
}

/* -- the loop */

/* Keyboard, signals and bus, whichever has something. → 1: the keyboard has */
static int wait_all(Chat *c, bool is_busy) {
        struct pollfd fds[3] = {
                { .fd = STDIN_FILENO, .events = POLLIN },
                { .fd = c->signal_fd, .events = POLLIN },
                { .fd = sd_bus_get_fd(c->ctl->bus),
                  .events = (short) sd_bus_get_events(c->ctl->bus) },
        };
        int timeout = is_busy ? 0 : c->editor ? editor_timeout(c->editor) : -1, n;

        n = poll(fds, 3, timeout);
        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        if (fds[1].revents)
                handle_signals(c);
        return fds[0].revents != 0 || (n == 0 && !is_busy);
}

static int loop(Chat *c) {
        _cleanup_(plain_done) Plain plain = {};
        int r;

        while (!c->has_left) {
                r = handle_bus(c);
                if (r < 0)
                        return client_fail_as(c->ctl, "NoBus", EXIT_NO_DAEMON,
                                              _("The session bus is gone (%s); start again when "
                                                "you are signed in to this machine"),
                                              strerror(-r));
                bool is_busy = handle_news(c) || r > 0;
                if (!is_busy)
                        chat_draw(c);
                r = wait_all(c, is_busy);
                if (r < 0)
                        return client_fail(c->ctl, NULL, r);
                if (r == 0 || c->has_left)
                        continue;
                if (c->editor)
                        r = editor_read(c->editor);
                else
                        r = plain_read(&plain, c);
                if (r < 0)
                        return client_fail(c->ctl, NULL, r);
        }
        return EXIT_OK;
}

static bool is_plain(const Ctl *ctl, bool arg_plain) {
        return arg_plain || !ctl->tty || !isatty(STDIN_FILENO) || terminal_is_dumb();
}

/* Told as by any verb, with its exit status. */
static int find_first(Chat *c, const char *name, Room **ret) {
        _cleanup_free_ char *path = NULL;
        Room *r;
        int k;

        k = rooms_update(c);
        if (k == EXIT_OK && name)
                k = client_find_channel(c->ctl, name, &path);
        if (k != EXIT_OK)
                return k;
        *ret = c->rooms && !c->rooms->next ? c->rooms : NULL;
        if (!name)
                return EXIT_OK;
        for (r = c->rooms; r && !streq(r->path, path); r = r->next)
                ;
        if (!r)
                return client_fail_as(c->ctl, "NoSuchChannel", EXIT_NO_SUCH,
                                      _("The channel %s is closed; p2pchatctl log %s shows what "
                                        "is left"),
                                      name, name);
        *ret = r;
        return EXIT_OK;
}

static void begin(Chat *c, Room *first) {
        if (first)
                talk_focus(c, first);
        else if (!c->username)
                chat_say(c, _("Nobody is signed in. /tracker ADDRESS, then /signup NAME, /signin "
                              "NAME or /guest NAME"));
        else {
                rooms_list(c);
                chat_say(c, _("Which channel? /to CHANNEL, /list shows all, /join NAME, /host "
                              "NAME"));
        }
}

static int run(Chat *c, const char *name, bool arg_plain) {
        _cleanup_(client_watch_freep) ClientWatch *watch = NULL;
        _cleanup_(editor_freep) Editor *editor = NULL;
        _cleanup_close_ int signal_fd = -1;
        Room *first = NULL;
        sigset_t before;
        int r;

        c->keys = (ClientKeyWatch){ .fn = on_key, .userdata = c };
        r = client_watch(c->ctl, on_event, c, &watch);
        if (r == EXIT_OK)
                r = client_watch_keys(c->ctl, &c->keys);
        if (r == EXIT_OK)
                r = find_first(c, name, &first);
        if (r != EXIT_OK)
                return r;
        if (!is_plain(c->ctl, arg_plain)) {
                r = editor_new(c->ctl, &editor_events, c, &editor);
                if (r < 0)
                        return client_fail(c->ctl, NULL, r);
                c->editor = editor;
        } else {
                c->ctl->tty = false;
                (void) setenv("NO_COLOR", "1", true); /* to the verbs that run from here */
        }
        r = open_signals(c, &before);
        signal_fd = c->signal_fd;
        if (r < 0)
                return client_fail(c->ctl, NULL, r);
        begin(c, first);
        r = loop(c);
        c->editor = editor = editor_free(editor);
        (void) sigprocmask(SIG_SETMASK, &before, NULL);
        fputs(_("Your daemon goes on: what comes is kept, what waits is sent\n"), stderr);
        return r;
}

static int verb_chat(Ctl *ctl, int argc, char **argv) {
        bool arg_plain = false;
        const Option options[] = {
                { "plain", 0, OPTION_FLAG, &arg_plain, NULL,
                  N_("lines without control of the screen, for pipes and screen readers") },
                {},
        };
        Chat c = { .ctl = ctl, .signal_fd = -1 };
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        if (ctl->json != JSON_OFF)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("chat is for people; programs use send and log -f"));
        r = run(&c, n_args == 1 ? args[0] : NULL, arg_plain);
        sd_bus_slot_unref(c.keys.slot);
        c.pending = pending_free(c.pending);
        people_forget(&c);
        c.rooms = rooms_free(c.rooms);
        free(c.username);
        free(c.tracker_state);
        return r;
}

const Verb verbs_chat[] = {
        { "chat", "[CHANNEL]", 0, 1, verb_chat, N_("talk, with what others say above your line") },
        {},
};
