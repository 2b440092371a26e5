/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows send: text from arguments or from standard input into a channel's outbox. */
#include <limits.h>

#include "ctl/client.h"
#include "ctl/print.h"
#include "ctl/verbs.h"

#define SEND_TIMEOUT_SECONDS 20 /* as the API's own */

typedef struct SendOptions {
        const char *path;
        const char *id; /* NULL: the daemon mints one */
        bool stored;    /* wait until the host has it */
        uint64_t timeout_usec;
} SendOptions;

static int send_one(Ctl *ctl, const SendOptions *o, const char *text) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        const char *id;
        uint64_t seq;
        int r;

        r = client_new_call(ctl, FACE_CHANNEL, o->path, "Send", &m);
        if (r != EXIT_OK)
                return r;
        r = sd_bus_message_append(m, "s", text);
        if (r == -EINVAL)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE, "The text is not UTF-8");
        if (r < 0)
                return client_fail(ctl, NULL, r);
        if (o->id)
                r = client_append_options(ctl, m, "wait", "s", o->stored ? "stored" : "queued",
                                          "timeout_usec", "t", o->timeout_usec, "id", "s", o->id,
                                          NULL);
        else
                r = client_append_options(ctl, m, "wait", "s", o->stored ? "stored" : "queued",
                                          "timeout_usec", "t", o->timeout_usec, NULL);
        /* The daemon ends the waiting; the bus only has to outlast it. */
        if (r == EXIT_OK)
                r = client_call(ctl, m, o->timeout_usec + 30 * USEC_PER_SEC, &reply);
        if (r != EXIT_OK)
                return r;
        r = sd_bus_message_read(reply, "st", &id, &seq);
        if (r < 0)
                return client_fail(ctl, NULL, r);
        if (ctl->json != JSON_OFF) {
                _cleanup_(writer_done) Writer w = {};

                writer_begin_object(&w, NULL);
                writer_string(&w, "id", id);
                writer_uint(&w, "seq", seq);
                writer_string(&w, "state", seq > 0 ? "stored" : "queued");
                writer_end_object(&w);
                r = print_json(ctl, &w);
                if (r < 0)
                        return client_fail(ctl, NULL, r);
        } else {
                puts(id);
        }
        if (o->stored && seq == 0) {
                if (ctl->json == JSON_OFF)
                        fputs("Still queued: it goes out by itself when the host is back\n",
                              stderr);
                return EXIT_WAITING;
        }
        return EXIT_OK;
}

/* All of standard input without its last LF. */
static int read_all(char **ret) {
        _cleanup_free_ char *text = NULL;
        size_t n = 0, allocated = 0;

        for (;;) {
                size_t k;

                if (allocated - n < 2) {
                        char *grown;

                        allocated = MAX(allocated * 2, (size_t) 4096);
                        grown = realloc(text, allocated);
                        if (!grown)
                                return -ENOMEM;
                        text = grown;
                }
                k = fread(text + n, 1, allocated - n - 1, stdin);
                n += k;
                if (k == 0)
                        break;
                if (n > 1024 * 1024)
                        return -E2BIG; /* the daemon takes 16,384 bytes, and says so of less */
        }
        if (ferror(stdin))
                return -EIO;
        if (memchr(text, 0, n))
                return -EBADMSG;
        if (n > 0 && text[n - 1] == '\n')
                n--;
        text[n] = 0;
        *ret = TAKE_PTR(text);
        return 0;
}

static int send_lines(Ctl *ctl, const SendOptions *o) {
        _cleanup_free_ char *line = NULL;
        int worst = EXIT_OK;
        size_t size = 0;
        ssize_t n;

        while ((n = getline(&line, &size, stdin)) >= 0) {
                int r;

                if (n > 0 && line[n - 1] == '\n')
                        line[--n] = 0;
                if (n == 0)
                        continue;
                if (memchr(line, 0, (size_t) n))
                        return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                              "A line holds a NUL byte");
                r = send_one(ctl, o, line);
                if (r == EXIT_WAITING)
                        worst = r;
                else if (r != EXIT_OK)
                        return r;
        }
        return ferror(stdin) ? client_fail(ctl, NULL, -EIO) : worst;
}

static int join_words(char **words, int n, char **ret) {
        _cleanup_free_ char *text = strdup("");

        for (int i = 0; i < n && text; i++) {
                char *longer;

                if (asprintf(&longer, "%s%s%s", text, i > 0 ? " " : "", words[i]) < 0)
                        return -ENOMEM;
                free(text);
                text = longer;
        }
        if (!text)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}

static int verb_send(Ctl *ctl, int argc, char **argv) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        const char *arg_wait = NULL, *arg_id = NULL;
        uint64_t arg_timeout = SEND_TIMEOUT_SECONDS;
        bool arg_lines = false;
        const Option options[] = {
                { "wait", 0, OPTION_STRING, &arg_wait },
                { "timeout", 0, OPTION_UINT, &arg_timeout },
                { "id", 0, OPTION_STRING, &arg_id },
                { "lines", 0, OPTION_FLAG, &arg_lines },
                {},
        };
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        if (arg_wait && !streq(arg_wait, "queued") && !streq(arg_wait, "stored"))
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      "--wait takes queued or stored, not %s", arg_wait);
        if (arg_lines && (n_args > 1 || arg_id))
                return client_fail_as(
                        ctl, "BadRequest", EXIT_USAGE,
                        "--lines reads standard input; it goes with neither TEXT nor --id");
        if (arg_timeout > 24 * 3600)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      "--timeout takes at most a day in seconds");
        r = client_find_channel(ctl, args[0], &path);
        if (r != EXIT_OK)
                return r;
        SendOptions o = {
                .path = path,
                .id = arg_id,
                .stored = arg_wait && streq(arg_wait, "stored"),
                .timeout_usec = arg_timeout * USEC_PER_SEC,
        };

        if (arg_lines)
                return send_lines(ctl, &o);
        r = n_args > 1 ? join_words(args + 1, n_args - 1, &text) : read_all(&text);
        if (r == -EBADMSG)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE, "The text holds a NUL byte");
        if (r == -E2BIG)
                return client_fail_as(ctl, "TooLarge", EXIT_REFUSED,
                                      "The text is far longer than a message may be; send it in "
                                      "parts");
        if (r < 0)
                return client_fail(ctl, NULL, r);
        return send_one(ctl, &o, text);
}

const Verb verbs_send[] = {
        { "send", "CHANNEL [TEXT...]", 1, UINT_MAX, verb_send,
          "send text, or standard input (--lines --wait=queued|stored --timeout= --id=)" },
        {},
};
