/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the lines of standard input become messages in their order, many of them on the way at
 * once, and which of them was the first that did not; leaves one message to verb-send. */
#include <inttypes.h>
#include <poll.h>

#include "base/clock.h"
#include "ctl/show/progress.h"
#include "ctl/verb/send.h"
#include "wire/error.h"

/* A batch is written to the daemon's disk together; 1 MiB at most is on the way. */
#define BATCH_MAX 64
/* The outbox of a channel holds so many (QueueFull). Near that lines go one by one: otherwise one
 * could be refused and the one behind it, for which there is room by then, be taken. */
#define OUTBOX_ROOM 10000
#define PROGRESS_FROM 1000 /* lines; less is there before anybody wonders */

typedef struct Line {
        uint64_t number; /* in the input, from 1 */
        char *text;
        sd_bus_message *reply;
        sd_bus_slot *slot;
        struct Batch *batch;
} Line;

typedef struct Batch {
        Line lines[BATCH_MAX];
        size_t n, n_answered;
} Batch;

static void batch_reset(Batch *b) {
        for (size_t i = 0; i < b->n; i++) {
                sd_bus_slot_unref(b->lines[i].slot);
                sd_bus_message_unref(b->lines[i].reply);
                free(b->lines[i].text);
                b->lines[i] = (Line){};
        }
        b->n = b->n_answered = 0;
}

typedef struct Input {
        char data[SEND_TEXT_MAX + 2]; /* a line of full length and its CR LF */
        size_t n;
        uint64_t number; /* of the line that was taken last */
        bool ended;
} Input;

/* What a run has; large, so it is on the heap. */
typedef struct Sends {
        Ctl *ctl;               /* weak */
        const SendOptions *how; /* weak */
        Input input;
        Batch batch;
        size_t room;     /* that the outbox has at least, as far as it is known */
        uint64_t n_sent; /* lines */
        Progress progress;
        int worst; /* EXIT_OK or EXIT_WAITING */
} Sends;

static Sends *sends_free(Sends *s) {
        if (!s)
                return NULL;
        progress_done(&s->progress);
        batch_reset(&s->batch);
        free(s);
        return NULL;
}
DEFINE_CLEANUP(Sends *, sends_free);

/* What a person does about the lines that were not taken. */
static int fail_at(Sends *s, uint64_t number, const char *name, int exit_status,
                   const char *message) {
        progress_done(&s->progress);
        return client_fail_as(s->ctl, name, exit_status,
                              _("Line %" PRIu64 " was not sent: %s The lines before it were; to "
                                "go on from it: tail -n +%" PRIu64
                                " FILE | p2pchatctl send %s --lines"),
                              number, message, number, s->how->channel);
}

static bool is_utf8(const char *text) {
        return mbstowcs(NULL, text, 0) != (size_t) -1;
}

/* Lets the input have a whole line, or its end: 1. 0: it has none yet, and would have to wait. */
static int input_fill(Input *in, bool wait) {
        while (!in->ended && !memchr(in->data, '\n', in->n) && in->n < sizeof(in->data)) {
                struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
                ssize_t k;

                k = poll(&p, 1, wait ? -1 : 0);
                if (k == 0)
                        return 0;
                if (k > 0)
                        k = read(STDIN_FILENO, in->data + in->n, sizeof(in->data) - in->n);
                if (k < 0 && errno != EINTR)
                        return -errno;
                if (k == 0)
                        in->ended = true;
                if (k > 0)
                        in->n += (size_t) k;
        }
        return 1;
}

/* The next line that is not empty: 1; 0: none now. What is wrong with it is told: its exit status,
 * negated. */
static int input_take(Input *in, bool wait, char **ret, const char **ret_wrong) {
        for (;;) {
                size_t n, taken;
                char *end;
                int r;

                r = input_fill(in, wait);
                if (r <= 0)
                        return r;
                if (in->n == 0)
                        return 0;
                in->number++;
                end = memchr(in->data, '\n', in->n);
                n = end ? (size_t) (end - in->data) : in->n;
                taken = end ? n + 1 : n;
                /* Other systems end a line by CR LF. */
                if (n > 0 && n <= SEND_TEXT_MAX + 1 && in->data[n - 1] == '\r')
                        n--;
                if (n > SEND_TEXT_MAX) {
                        *ret_wrong = _("it has more than 16384 bytes; make it two.");
                        return -E2BIG;
                }
                if (memchr(in->data, 0, n)) {
                        *ret_wrong = _("it holds a NUL byte.");
                        return -EBADMSG;
                }
                if (n > 0) {
                        *ret = strndup(in->data, n);
                        if (!*ret)
                                return -ENOMEM;
                }
                memmove(in->data, in->data + taken, in->n - taken);
                in->n -= taken;
                if (n == 0)
                        continue;
                if (!is_utf8(*ret)) {
                        *ret_wrong = _("it is not UTF-8.");
                        return -EBADMSG;
                }
                return 1;
        }
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        Line *line = userdata;

        (void) ret_error;
        line->reply = sd_bus_message_ref(m);
        line->batch->n_answered++;
        return 1;
}

/* Asks for lines[from…to), in their order, and waits for all answers. */
static int batch_run(Sends *s, size_t from, size_t to) {
        Batch *b = &s->batch;
        int r;

        b->n_answered = 0;
        for (size_t i = from; i < to; i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
                Line *line = b->lines + i;

                line->slot = sd_bus_slot_unref(line->slot);
                line->reply = sd_bus_message_unref(line->reply);
                line->batch = b;
                r = send_new_call(s->ctl, s->how, line->text, &m);
                if (r != EXIT_OK)
                        return r;
                /* The daemon ends the waiting; the bus only has to outlast it. */
                r = sd_bus_call_async(s->ctl->bus, &line->slot, m, on_reply, line,
                                      s->how->timeout_usec + 30 * USEC_PER_SEC);
                if (r < 0)
                        return client_fail(s->ctl, NULL, r);
        }
        while (b->n_answered < to - from) {
                r = client_wait(s->ctl);
                if (r < 0)
                        return client_fail(s->ctl, NULL, r);
        }
        return EXIT_OK;
}

static bool is_full(const Line *line) {
        const sd_bus_error *e = sd_bus_message_get_error(line->reply);

        return e && error_from_dbus(e->name) == ERROR_QUEUE_FULL;
}

static int fail_line(Sends *s, const Line *line, size_t n_behind) {
        const sd_bus_error *e = sd_bus_message_get_error(line->reply);
        ErrorCode code = error_from_dbus(e->name);

        progress_done(&s->progress);
        if (code <= 0) {
                fprintf(stderr,
                        _("Line %" PRIu64 " is the first that is not known to be sent; look with: "
                          "p2pchatctl outbox list\n"),
                        line->number);
                return client_fail(s->ctl, e, 0);
        }
        if (n_behind == 0)
                return fail_at(s, line->number, strrchr(e->name, '.') + 1,
                               error_info(code)->exit_status, e->message);
        return client_fail_as(
                s->ctl, strrchr(e->name, '.') + 1, error_info(code)->exit_status,
                _("Line %" PRIu64 " was not sent: %s Of the %zu behind it, up to line %" PRIu64
                  ", %zu were; what was: p2pchatctl outbox list, p2pchatctl log %s"),
                line->number, e->message, (size_t) (s->batch.lines + s->batch.n - line) - 1,
                s->batch.lines[s->batch.n - 1].number, n_behind, s->how->channel);
}

static int on_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        (void) m, (void) ret_error;
        *(bool *) userdata = true;
        return 0;
}

/* The outbox is full: tries the line again each time that the channel changes, and in the end once
 * more. */
static int wait_for_room(Sends *s, size_t at) {
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *match = NULL;
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(clock_freep) Clock *clock = NULL;
        uint64_t end;
        bool changed = false, over = false;
        int r;

        r = sd_bus_match_signal(s->ctl->bus, &match, NULL, s->how->path,
                                "org.freedesktop.DBus.Properties", "PropertiesChanged", on_changed,
                                &changed);
        if (r >= 0)
                r = sd_event_new(&event);
        if (r >= 0)
                r = clock_new(event, &clock);
        if (r < 0)
                return client_fail(s->ctl, NULL, r);
        end = clock_boottime(clock) + s->how->timeout_usec;
        for (;;) {
                r = batch_run(s, at, at + 1);
                if (r != EXIT_OK || !is_full(s->batch.lines + at) || over)
                        return r;
                progress_show(&s->progress, _("Waiting for room in the outbox"), 0, 0);
                for (changed = false; !changed && !over;) {
                        uint64_t now = clock_boottime(clock);

                        r = now >= end ? -ETIMEDOUT : client_wait_with(s->ctl, -1, end - now);
                        over = r == -ETIMEDOUT;
                        if (r < 0 && !over)
                                return client_fail(s->ctl, NULL, r);
                }
        }
}

/* Shows what became of the batch, in its order, and sends again what found the outbox full. */
static int batch_settle(Sends *s) {
        Batch *b = &s->batch;
        int r;

        for (size_t i = 0; i < b->n; i++) {
                Line *line = b->lines + i;
                size_t n_behind = 0;

                for (size_t k = i + 1; k < b->n; k++)
                        n_behind += b->lines[k].reply &&
                                    !sd_bus_message_is_method_error(b->lines[k].reply, NULL);
                if (is_full(line) && n_behind == 0) {
                        r = wait_for_room(s, i);
                        if (r != EXIT_OK)
                                return r;
                }
                if (sd_bus_message_is_method_error(line->reply, NULL)) {
                        for (size_t k = i + 1; k < b->n; k++)
                                if (!sd_bus_message_is_method_error(b->lines[k].reply, NULL))
                                        (void) send_show_reply(s->ctl, s->how, b->lines[k].reply);
                        return fail_line(s, line, n_behind);
                }
                progress_done(&s->progress);
                r = send_show_reply(s->ctl, s->how, line->reply);
                if (r == EXIT_WAITING)
                        s->worst = r;
                else if (r != EXIT_OK)
                        return r;
                s->n_sent++;
        }
        fflush(stdout);
        if (s->n_sent >= PROGRESS_FROM)
                progress_show(&s->progress, _("Sending"), s->n_sent, 0);
        return EXIT_OK;
}

static int learn_room(Sends *s) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        uint32_t n = 0;
        int r;

        r = client_new_get(s->ctl, FACE_CHANNEL, s->how->path, "OutboxCount", &m);
        if (r == EXIT_OK)
                r = client_call(s->ctl, m, 0, &reply);
        if (r != EXIT_OK)
                return r;
        r = sd_bus_message_read(reply, "v", "u", &n);
        s->room = OUTBOX_ROOM - MIN(n, (uint32_t) OUTBOX_ROOM);
        return r < 0 ? client_fail(s->ctl, NULL, r) : EXIT_OK;
}

int send_lines(Ctl *ctl, const SendOptions *o) {
        _cleanup_(sends_freep) Sends *s = new0(Sends, 1);
        int taken = 1, r;

        if (!s)
                return client_fail(ctl, NULL, -ENOMEM);
        s->ctl = ctl;
        s->how = o;
        do {
                const char *wrong = NULL;
                size_t max;

                if (s->room <= BATCH_MAX) {
                        r = learn_room(s);
                        if (r != EXIT_OK)
                                return r;
                }
                max = s->room > BATCH_MAX ? BATCH_MAX : 1;
                batch_reset(&s->batch);
                while (s->batch.n < max) {
                        Line *line = s->batch.lines + s->batch.n;

                        taken = input_take(&s->input, s->batch.n == 0, &line->text, &wrong);
                        if (taken <= 0) {
                                free(line->text), line->text = NULL;
                                break;
                        }
                        line->number = s->input.number;
                        s->batch.n++;
                }
                s->room -= MIN(s->room, s->batch.n);
                r = batch_run(s, 0, s->batch.n);
                if (r == EXIT_OK)
                        r = batch_settle(s);
                if (r != EXIT_OK)
                        return r;
                if (wrong)
                        return fail_at(s, s->input.number,
                                       taken == -E2BIG ? "TooLarge" : "BadRequest",
                                       taken == -E2BIG ? EXIT_REFUSED : EXIT_USAGE, wrong);
                if (taken < 0)
                        return client_fail(ctl, NULL, taken);
        } while (!s->input.ended || s->input.n > 0);
        return s->worst;
}
