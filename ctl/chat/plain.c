/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how lines come from a pipe, or from a terminal that edits them itself. */
#include "ctl/chat/plain.h"

#define READ_SIZE 4096
#define LINE_BYTES_MAX (256 * 1024) /* a message has 16 KiB; what is no text costs no more */

void plain_done(Plain *p) {
        free(p->bytes);
        *p = (Plain){};
}

/* Other systems end a line by CR LF, and a CR is nothing that somebody says. */
static void take_line(Chat *c, char *line, size_t n) {
        if (n > 0 && line[n - 1] == '\r')
                n--;
        line[n] = 0;
        command_line(c, line);
}

int plain_read(Plain *p, Chat *c) {
        char *grown, *end;
        ssize_t k;

        if (p->n > LINE_BYTES_MAX)
                return -E2BIG;
        /* Read by hand: stdio would hide lines from poll(). */
        grown = realloc(p->bytes, p->n + READ_SIZE + 1);
        if (!grown)
                return -ENOMEM;
        p->bytes = grown;
        k = read(STDIN_FILENO, p->bytes + p->n, READ_SIZE);
        if (k < 0)
                return errno == EINTR || errno == EAGAIN ? 0 : -errno;
        if (k == 0) {
                take_line(c, p->bytes, p->n);
                c->has_left = true;
                return 0;
        }
        p->n += (size_t) k;
        while ((end = memchr(p->bytes, '\n', p->n)) && !c->has_left) {
                size_t used = (size_t) (end - p->bytes) + 1;

                take_line(c, p->bytes, used - 1);
                memmove(p->bytes, p->bytes + used, p->n - used);
                p->n -= used;
        }
        return 0;
}
