/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows chat: lines typed go out, lines said come in. This is the plain form, for pipes, screen
 * readers and terminals alike: the terminal's own line editing, no screen control. */
#include <limits.h>
#include <poll.h>

#include "ctl/chat-said.h"
#include "ctl/print-entry.h"
#include "ctl/print.h"
#include "ctl/program.h"
#include "ctl/verbs.h"

typedef struct Chat {
        Ctl *ctl;
        char *path; /* of the channel that typed lines go to */
        char *name;
        uint64_t cursor;
        Said *said;
        bool wake, has_outbox_news, left;
} Chat;

static void on_event(Ctl *ctl, const char *path, const char *member, void *userdata) {
        Chat *c = userdata;

        if (streq_ptr(path, c->path) || streq_ptr(member, "NameOwnerChanged") ||
            streq_ptr(member, "InterfacesAdded"))
                c->wake = true;
        if (streq_ptr(member, "OutboxChanged"))
                c->has_outbox_news = true;
}

/* Who is ignored is not even counted: a talk goes on. */
static void show_entry(Chat *c, const EntryView *e) {
        if (!e->hidden)
                print_entry(stdout, e, false);
        c->cursor = e->seq;
}

/* What is above the cursor; a daemon that is away is asked again when it is back. */
static void show_new(Chat *c) {
        bool more = true;

        while (more) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                _cleanup_(entry_page_done) EntryPage page = {};

                const EntryQuery query = { .anchor = c->cursor, .limit = 500 };

                if (client_try_page(c->ctl, c->path, &query, &error, &page) < 0)
                        return;
                for (size_t i = 0; i < page.n; i++)
                        show_entry(c, page.entries + i);
                more = page.more && page.n > 0;
        }
        fflush(stdout);
}

static int enter(Chat *c, const char *name) {
        static const EntryQuery newest = { .limit = 20, .before = true };
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(entry_page_done) EntryPage page = {};
        _cleanup_free_ char *path = NULL;
        int r;

        r = client_find_channel(c->ctl, name, &path);
        if (r != EXIT_OK)
                return r;
        r = client_try_page(c->ctl, path, &newest, &error, &page);
        if (r < 0)
                return client_fail(c->ctl, &error, r);
        if (free_and_strdup(&c->name, name) < 0)
                return client_fail(c->ctl, NULL, -ENOMEM);
        free(c->path);
        c->path = TAKE_PTR(path);
        c->cursor = 0;
        fprintf(stderr, "-- %s: lines you type go here; /help, /exit\n", c->name);
        for (size_t i = 0; i < page.n; i++)
                show_entry(c, page.entries + i);
        fflush(stdout);
        return EXIT_OK;
}

/* Queued on disk when this returns; a host that is away gets it later. */
static void say(Chat *c, const char *text) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_(snapshot_done) Snapshot s = {};
        const char *id;
        int r;

        r = client_new_call(c->ctl, FACE_CHANNEL, c->path, "Send", &m);
        if (r == EXIT_OK && sd_bus_message_append(m, "s", text) < 0)
                r = client_fail_as(c->ctl, "BadRequest", EXIT_USAGE, "The text is not UTF-8");
        if (r == EXIT_OK)
                r = client_append_options(c->ctl, m, NULL);
        if (r == EXIT_OK)
                r = client_call(c->ctl, m, 0, &reply);
        if (r == EXIT_OK && (sd_bus_message_read(reply, "s", &id) < 0 ||
                             said_add(&c->said, id, c->name, c->path) < 0))
                r = client_fail(c->ctl, NULL, -ENOMEM);
        if (r != EXIT_OK || client_get_snapshot(c->ctl, &s) != EXIT_OK)
                return;
        for (size_t i = 0; i < s.n_channels; i++)
                if (streq(s.channels[i].path, c->path) && !streq(s.channels[i].state, "live"))
                        fprintf(stderr, "… queued: the channel is %s; it goes out by itself\n",
                                s.channels[i].state);
}

/* /verb arguments…: the verbs of the command line, split at spaces. */
static void run_verb(Chat *c, char *line) {
        char *words[16] = {}, *save = NULL;
        const Verb *v = NULL;
        const Ctl before = *c->ctl;
        size_t n_words;
        int n = 0;

        for (char *word = strtok_r(line, " ", &save); word && n < 15;
             word = strtok_r(NULL, " ", &save))
                words[n++] = word;
        if (n > 0 && !streq(words[0], "chat"))
                v = program_find_verb(c->ctl->program, words, &n_words);
        if (!v) {
                fprintf(stderr, "There is no command /%s; /help lists them\n",
                        n > 0 ? words[0] : "");
                return;
        }
        c->ctl->verb = v;
        (void) v->run(c->ctl, n, words);
        c->ctl->verb = before.verb;
        c->ctl->json = before.json;
        /* After /join NAME and /host NAME the talk is there. */
        if ((streq(v->name, "join") || streq(v->name, "host")) && n == 2)
                (void) enter(c, words[1]);
}

static void handle_line(Chat *c, char *line) {
        if (*line == 0)
                return;
        if (line[0] != '/') {
                if (c->path)
                        say(c, line);
                else
                        fputs("No channel is open; try /list, /join NAME or /host NAME\n", stderr);
                return;
        }
        if (line[1] == '/') { /* a text that begins with a slash */
                if (c->path)
                        say(c, line + 1);
        } else if (streq(line, "/exit") || streq(line, "/quit")) {
                c->left = true;
        } else if (streq(line, "/help")) {
                fputs("/to CHANNEL  talk there      /exit  leave; your daemon goes on\n"
                      "/VERB …      any verb of p2pchatctl: /list /join /host /members /outbox "
                      "/status …\n"
                      "//text       a text that begins with a slash\n",
                      stderr);
        } else if (strncmp(line, "/to ", 4) == 0) {
                (void) enter(c, line + 4);
        } else {
                run_verb(c, line + 1);
        }
}

/* Waits for the keyboard and the bus, whichever has something. */
static int wait_both(Chat *c) {
        struct pollfd fds[2] = {
                { .fd = STDIN_FILENO, .events = POLLIN },
                { .fd = sd_bus_get_fd(c->ctl->bus),
                  .events = (short) sd_bus_get_events(c->ctl->bus) },
        };

        if (poll(fds, 2, -1) < 0 && errno != EINTR)
                return -errno;
        return fds[0].revents != 0;
}

static int chat_loop(Chat *c) {
        _cleanup_free_ char *pending = NULL;
        size_t n = 0;
        int r;

        while (!c->left) {
                char *end;

                while ((r = sd_bus_process(c->ctl->bus, NULL)) > 0)
                        ;
                if (r < 0)
                        return client_fail(c->ctl, NULL, r);
                if (c->wake && c->path) {
                        c->wake = false;
                        show_new(c);
                        continue;
                }
                if (c->has_outbox_news) {
                        c->has_outbox_news = false;
                        said_look(c->ctl, &c->said);
                        continue;
                }
                r = wait_both(c);
                if (r < 0)
                        return client_fail(c->ctl, NULL, r);
                if (r == 0)
                        continue;
                /* Read by hand: stdio would hide lines from poll(). */
                char *grown = realloc(pending, n + 4096 + 1);
                if (!grown)
                        return client_fail(c->ctl, NULL, -ENOMEM);
                pending = grown;
                ssize_t k = read(STDIN_FILENO, pending + n, 4096);
                if (k < 0 && (errno == EINTR || errno == EAGAIN))
                        continue;
                if (k < 0)
                        return client_fail(c->ctl, NULL, -errno);
                if (k == 0) {
                        pending[n] = 0;
                        handle_line(c, pending);
                        break;
                }
                n += (size_t) k;
                while ((end = memchr(pending, '\n', n)) && !c->left) {
                        size_t used = (size_t) (end - pending) + 1;

                        *end = 0;
                        handle_line(c, pending);
                        memmove(pending, pending + used, n - used);
                        n -= used;
                }
        }
        fputs("Your daemon goes on: what comes is kept, what waits is sent\n", stderr);
        return EXIT_OK;
}

static int verb_chat(Ctl *ctl, int argc, char **argv) {
        _cleanup_(client_watch_freep) ClientWatch *watch = NULL;
        _cleanup_(snapshot_done) Snapshot s = {};
        bool arg_plain = false;
        const Option options[] = { { "plain", 0, OPTION_FLAG, &arg_plain }, {} };
        Chat c = { .ctl = ctl };
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        if (ctl->json != JSON_OFF)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      "chat is for people; programs use send and log -f");
        r = client_get_snapshot(ctl, &s);
        if (r == EXIT_OK)
                r = client_watch(ctl, on_event, &c, &watch);
        if (r == EXIT_OK && (n_args == 1 || s.n_channels == 1))
                r = enter(&c, n_args == 1 ? args[0] : s.channels[0].name);
        else if (r == EXIT_OK && !*(s.account.username ?: ""))
                fputs("Nobody is signed in. /tracker ADDRESS, then /signup NAME, /signin NAME or "
                      "/guest NAME\n",
                      stderr);
        else if (r == EXIT_OK)
                fputs("Which channel? /channels shows yours, /list all; /to CHANNEL, /join NAME, "
                      "/host NAME\n",
                      stderr);
        if (r == EXIT_OK)
                r = chat_loop(&c);
        c.said = said_free_all(c.said);
        free(c.path);
        free(c.name);
        return r;
}

const Verb verbs_chat[] = {
        { "chat", "[CHANNEL]", 0, 1, verb_chat,
          "talk (--plain: for pipes and screen readers, the form there is today)" },
        {},
};
