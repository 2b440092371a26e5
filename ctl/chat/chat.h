/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what one talk consists of, for the files of this folder. Each of them has one idea: the
 * line (editor.h), channels (rooms.c), what is said (talk.c) and waits (pending.c), who is there
 * (people.c), commands (command.c, words.c, verbs.c), completion (choices.c). */
#pragma once

#include "ctl/chat/editor.h"
#include "ctl/client/client-talk.h"

/* A channel of this person. */
typedef struct Room Room;
struct Room {
        unsigned number; /* from 1 on, for as long as the talk lasts */
        char *path, *name, *state, *reason;
        uint64_t cursor; /* seq of the last entry that was shown; 0: none yet */
        uint64_t oldest; /* of the first one */
        uint64_t marked; /* what the daemon was told that it is read */
        uint32_t unread, mentions, outbox, n_members;
        bool is_open;       /* was in focus before, so that it goes on at its cursor */
        bool is_present;    /* the daemon has it */
        bool was_live_told; /* what waits was said once, until it is live again */
        Room *next;
};

/* A message that was typed here and is not known to be stored. */
typedef struct Pending Pending;
struct Pending {
        char id[UUID_STRING_SIZE];
        Room *room; /* weak */
        char *text;
        bool is_over;
        Pending *next;
};

#define PEOPLE_MAX 500 /* a page of GetMembers: beyond, nobody follows who comes and goes */
typedef struct Person {
        char *name;
        bool is_here; /* GetMembers has them; away or not */
} Person;
typedef struct People {
        Person people[PEOPLE_MAX];
        size_t n;
        bool is_known; /* of the channel in focus */
} People;

typedef struct Chat {
        Ctl *ctl;       /* weak */
        Editor *editor; /* NULL: the plain form */
        Room *rooms;    /* in the order of their numbers */
        Room *focus;    /* weak; NULL: none yet */
        Pending *pending;
        People people;
        char *username; /* NULL: nobody is signed in */
        char *tracker_state;
        ClientKeyWatch keys;
        int signal_fd;
        bool is_away;                                                      /* the daemon */
        bool has_entries, has_outbox, has_members, has_objects, has_owner; /* there is news of */
        bool has_left, was_interrupted;
} Chat;

/* -- chat.c: how things are shown */

/* A text that is shown already as it is to be, LF included. */
void chat_print(Chat *c, const char *text);
/* A line of the chat's own; what others wrote is escaped. is_urgent: what went wrong. */
_printf_(2, 3) void chat_say(Chat *c, const char *format, ...);
_printf_(2, 3) void chat_fail(Chat *c, const char *format, ...);
/* The rows above the line and its prompt, as things are now. */
void chat_draw(Chat *c);

/* -- rooms.c */

/* From the daemon; tells what became of those that were open, and of the tracker. → exit status */
int rooms_update(Chat *c);
Room *rooms_free(Room *r);
/* NULL: there is none. */
Room *rooms_find(const Chat *c, const char *name);
Room *rooms_find_number(const Chat *c, unsigned number);
/* The next one (or the previous) of those that are there; NULL: there is none. */
Room *rooms_beside(const Chat *c, bool forwards);
/* "lobby [2:den +3]> ": names, and what is new elsewhere. *ret is the caller's. 0 or -ENOMEM. */
int rooms_prompt(const Chat *c, char **ret);
/* A line each, with what is new there. */
void rooms_list(Chat *c);

/* -- talk.c */

/* From here on it is what typed lines go to. */
void talk_focus(Chat *c, Room *room);
/* By name, after the daemon was asked for what there is; false: there is none, which was told. */
bool talk_focus_name(Chat *c, const char *name);
void talk_show_new(Chat *c);
void talk_show_older(Chat *c);
void talk_send(Chat *c, Room *room, const char *text);

/* -- pending.c */

int pending_add(Chat *c, Room *room, const char *id, const char *text);
/* It is shown as an entry now. */
void pending_drop(Chat *c, const char *id);
/* Tells what was refused, and why, once each; forgets that and what is stored. */
void pending_look(Chat *c);
/* Lines for above the one that is typed. */
void pending_write(const Chat *c, FILE *f, unsigned columns);
Pending *pending_free(Pending *p);

/* -- people.c */

/* Asks who is there; tells who came and went since. */
void people_update(Chat *c);
void people_forget(Chat *c);
/* Somebody said something: they are known, for completion. */
void people_heard(Chat *c, const char *name);

/* -- command.c, verbs.c, words.c, choices.c */

/* What was typed: a text, or a command. */
void command_line(Chat *c, const char *line);
/* Commands of the chat, then verbs, then other spellings; NULL behind the last. */
const char *command_name(const Ctl *ctl, size_t i);
/* Lines that have or may have a secret are not kept. */
bool command_is_secret(const char *line);
/* Runs a verb of this program as a process of its own: what it asks is asked at the terminal, and
 * Ctrl-C ends it alone. words: with the verb. → its exit status, or negative errno */
int verb_run(Chat *c, const Verb *verb, char **words, size_t n);
/* With the channel in focus where the verb takes one and none is named. words has room for one
 * more and NULL. */
void verb_complete(const Chat *c, const Verb *verb, char **words, size_t *n);
const Verb *verb_find(const Chat *c, const char *name);
/* Split at spaces, quotes ("…", '…') keep them; at most max. *ret_copy is freed with the words,
 * which point into it. → how many, -EINVAL: a quote has no end, or negative errno */
int words_split(const char *line, char **words, size_t max, char **ret_copy);
/* What of line stands behind its first n words. */
const char *words_rest(const char *line, size_t n);
char **choices_find(const char *line, size_t start, size_t end, void *chat);
void choices_show(char **matches, size_t n, void *chat);
