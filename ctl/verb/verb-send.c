/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows send: text from arguments or from standard input into a channel's outbox. */
#include <limits.h>

#include "ctl/show/hint.h"
#include "ctl/show/print.h"
#include "ctl/verb/send.h"
#include "ctl/verb/verbs.h"

#define SEND_TIMEOUT_SECONDS 20 /* as the API's own */

int send_new_call(Ctl *ctl, const SendOptions *o, const char *text, sd_bus_message **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = client_new_call(ctl, FACE_CHANNEL, o->path, "Send", &m);
        if (r != EXIT_OK)
                return r;
        r = sd_bus_message_append(m, "s", text);
        if (r == -EINVAL)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE, _("The text is not UTF-8"));
        if (r < 0)
                return client_fail(ctl, NULL, r);
        /* An id that is NULL ends them. */
        r = client_append_options(ctl, m, "wait", "s", o->stored ? "stored" : "queued",
                                  "timeout_usec", "t", o->timeout_usec, "id", "s", o->id, NULL);
        if (r == EXIT_OK)
                *ret = TAKE_PTR(m);
        return r;
}

int send_show_reply(Ctl *ctl, const SendOptions *o, sd_bus_message *reply) {
        const char *id;
        uint64_t seq;
        int r;

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
                if (r != EXIT_OK)
                        return r;
        } else {
                puts(id);
        }
        if (o->stored && seq == 0) {
                if (ctl->json == JSON_OFF)
                        hint_print(
                                ctl, stderr,
                                _("Still queued: it goes out by itself when the host is back; what "
                                  "waits: p2pchatctl outbox\n"));
                return EXIT_WAITING;
        }
        return EXIT_OK;
}

static int send_one(Ctl *ctl, const SendOptions *o, const char *text) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        int r;

        r = send_new_call(ctl, o, text, &m);
        /* The daemon ends the waiting; the bus only has to outlast it. */
        if (r == EXIT_OK)
                r = client_call(ctl, m, o->timeout_usec + 30 * USEC_PER_SEC, &reply);
        return r == EXIT_OK ? send_show_reply(ctl, o, reply) : r;
}

/* Other systems end a line by CR LF: in a message it is LF. → the length that is left */
static size_t drop_crs(char *text, size_t n) {
        size_t k = 0;

        for (size_t i = 0; i < n; i++)
                if (text[i] != '\r' || (i + 1 < n && text[i + 1] != '\n'))
                        text[k++] = text[i];
        return k;
}

/* All of standard input without its last line end. */
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
        n = drop_crs(text, n);
        if (n > 0 && text[n - 1] == '\n')
                n--;
        text[n] = 0;
        *ret = TAKE_PTR(text);
        return 0;
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
                { "wait", 0, OPTION_STRING, &arg_wait, "queued|stored",
                  N_("until it is on this disk, or until the host has it") },
                { "timeout", 0, OPTION_UINT, &arg_timeout, "SECONDS",
                  N_("how long to wait; 20 unless said") },
                { "id", 0, OPTION_STRING, &arg_id, "UUID", N_("to repeat without sending twice") },
                { "lines", 0, OPTION_FLAG, &arg_lines, NULL,
                  N_("one message for each line of standard input") },
                {},
        };
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        if (arg_lines && (n_args > 1 || arg_id))
                return client_fail_as(
                        ctl, "BadRequest", EXIT_USAGE,
                        _("--lines reads standard input; it goes with neither TEXT nor --id"));
        if (arg_timeout > 24 * 3600)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("--timeout takes at most a day in seconds"));
        r = client_find_channel(ctl, args[0], &path);
        if (r != EXIT_OK)
                return r;
        SendOptions o = {
                .channel = args[0],
                .path = path,
                .id = arg_id,
                .stored = arg_wait && streq(arg_wait, "stored"),
                .timeout_usec = arg_timeout * USEC_PER_SEC,
        };

        if (arg_lines)
                return send_lines(ctl, &o);
        r = n_args > 1 ? join_words(args + 1, n_args - 1, &text) : read_all(&text);
        if (r == -EBADMSG)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("The text holds a NUL byte"));
        if (r == -E2BIG)
                return client_fail_as(ctl, "TooLarge", EXIT_REFUSED,
                                      _("The text is far longer than a message may be; send it in "
                                        "parts"));
        if (r < 0)
                return client_fail(ctl, NULL, r);
        return send_one(ctl, &o, text);
}

const Verb verbs_send[] = {
        { "send", "CHANNEL [TEXT...]", 1, UINT_MAX, verb_send,
          N_("send a text, or what standard input holds") },
        {},
};
