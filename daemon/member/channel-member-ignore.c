/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows whose messages the person does not want to read in a channel; nobody else hears of it.
 * Leaves hiding them to who shows a log. */
#include "daemon/member/channel-member-internal.h"

char **member_names_free(char **names, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(names[i]);
        free(names);
        return NULL;
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

int member_load_ignored(ChannelMember *c, const char *text) {
        size_t n = 1;

        for (const char *p = text; p && *p; p++)
                n += *p == ' ';
        c->ignored = new0(char *, n + 1);
        if (!c->ignored)
                return -ENOMEM;
        while (text && *text) {
                size_t length = strcspn(text, " ");

                c->ignored[c->n_ignored] = strndup(text, length);
                if (!c->ignored[c->n_ignored])
                        return -ENOMEM;
                c->n_ignored++;
                text += length + (text[length] == ' ');
        }
        qsort(c->ignored, c->n_ignored, sizeof(char *), compare_names);
        return 0;
}

char *const *channel_member_get_ignored(const ChannelMember *c) {
        return c->ignored;
}

uint64_t channel_member_get_ignored_generation(const ChannelMember *c) {
        return c->ignored_generation;
}

bool channel_member_is_ignored(const ChannelMember *c, const char *username) {
        return c->n_ignored > 0 &&
               bsearch(&username, c->ignored, c->n_ignored, sizeof(char *), compare_names);
}

bool channel_member_is_hidden(const ChannelMember *c, const Entry *e) {
        return e->kind == ENTRY_MESSAGE && channel_member_is_ignored(c, e->username);
}

/* ---- change ---- */

/* Names that sort, each once; x owns them. */
static int take_names(MemberChange *x, char *const *names, size_t n, Failure *f) {
        x->names = new0(char *, n + 1);
        if (!x->names)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                char folded[NAME_SIZE];

                if (name_fold(names[i], folded) < 0 || !name_is_valid(folded))
                        return failure_set(f, ERROR_INVALID_NAME,
                                           "Nobody can have such a name. Names have 2 to 32 of "
                                           "a-z 0-9 . _ - and begin with a letter or digit.");
                if (streq(folded, x->member->me.username))
                        return failure_set(f, ERROR_BAD_REQUEST,
                                           "That is you. One's own messages are always shown.");
                x->names[i] = strdup(folded);
                if (!x->names[i])
                        return -ENOMEM;
                x->n_names++;
        }
        qsort(x->names, n, sizeof(char *), compare_names);
        n = x->n_names;
        x->n_names = 0;
        for (size_t i = 0; i < n; i++) {
                char *name = TAKE_PTR(x->names[i]);

                if (x->n_names > 0 && streq(name, x->names[x->n_names - 1]))
                        free(name);
                else
                        x->names[x->n_names++] = name;
        }
        return 0;
}

static void on_saved(int r, uint64_t n_unread, uint64_t n_mentions, void *userdata) {
        MemberChange *x = userdata;
        ChannelMember *c = x->member;
        Failure f;

        x->job = NULL;
        if (r < 0) {
                member_fail_store(c, &f, r, "Cannot keep who is ignored");
                member_change_end(x, &f);
                return;
        }
        member_names_free(c->ignored, c->n_ignored);
        c->ignored = TAKE_PTR(x->names);
        c->n_ignored = x->n_names;
        x->n_names = 0;
        c->ignored_generation++;
        c->stored.n_unread = n_unread;
        c->stored.n_mentions = n_mentions;
        member_changed(c);
        member_change_end(x, NULL);
}

int channel_member_set_ignored(ChannelMember *c, char *const *names, member_done_fn done,
                               void *userdata, MemberOp **ret_op) {
        MemberOp *op = member_op_new(c, &member_done_type, userdata);
        MemberChange *x = NULL;
        Failure f = {};
        size_t n = 0;
        int r;

        if (!op)
                return -ENOMEM;
        op->fn.done = done;
        while (names && names[n])
                n++;
        r = member_change_new(c, NULL, op, &x);
        if (r < 0)
                return member_change_begun(x, r, op, ret_op);
        if (n > IGNORED_MAX)
                r = failure_set(&f, ERROR_BAD_REQUEST,
                                "At most %d people can be ignored in a channel.", IGNORED_MAX);
        else
                r = take_names(x, names, n, &f);
        if (f.code != ERROR_NONE) {
                member_change_free(x);
                return member_op_return(op, ret_op, &f);
        }
        if (r >= 0)
                r = store_save_ignored(c->store, c->stored.row, x->names, x->n_names, on_saved, x,
                                       &x->job);
        return member_change_begun(x, r, op, ret_op);
}
