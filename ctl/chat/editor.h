/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the line that is typed at a terminal and the rows that stay above it, so that what arrives
 * is shown over both. Leaves what a line means to the chat. There is one editor in a process:
 * readline has no more. */
#pragma once

#include <stddef.h>

#include "ctl/ctl.h"

typedef struct EditorEvents {
        /* Enter. The line is gone from the terminal, which is as programs expect one. */
        void (*line)(const char *line, void *userdata);
        void (*end)(void *userdata); /* Ctrl-D in an empty line, or the terminal is gone */
        /* Ctrl-C, Ctrl-Z: as keys, so that none of them is made by what is pasted. */
        void (*interrupt)(void *userdata);
        void (*stop)(void *userdata);
        /* Alt-1 to Alt-9: that channel; Alt-N and Alt-P: the next (0), the previous (-1). */
        void (*jump)(int number, void *userdata);
        /* What may stand for line[start…end): a list for readline (the first is what is common to
         * all), or NULL. */
        char **(*complete)(const char *line, size_t start, size_t end, void *userdata);
        /* Several may stand there, from 1 on. They are shown between hide and show. */
        void (*choices)(char **matches, size_t n, void *userdata);
} EditorEvents;

typedef struct Editor Editor;
int editor_new(const Ctl *ctl, const EditorEvents *events, void *userdata, Editor **ret);
Editor *editor_free(Editor *e); /* leaves the terminal as it was */
DEFINE_CLEANUP(Editor *, editor_free);

/* What was typed since; to be called when stdin is readable. 0 or negative errno. */
int editor_read(Editor *e);
/* How long until editor_read() is to be called though nothing was typed (ms); -1: never. */
int editor_timeout(const Editor *e);
/* Ctrl-C: forgets what is typed. false: nothing was. */
bool editor_clear(Editor *e);

/* Around whatever else is written to the terminal; they nest. show() draws again. */
void editor_hide(Editor *e);
void editor_show(Editor *e);
/* The same, and the terminal is as it was before the editor: for a program, or being stopped. */
void editor_suspend(Editor *e);
void editor_resume(Editor *e);
/* The prompt, and rows above it: lines without controls, cut to the width, each ends with LF;
 * escape sequences only between \001 and \002. Copies; draws again if that is another look. */
void editor_set_look(Editor *e, const char *prompt, const char *above);
/* The terminal has another size. */
void editor_resized(Editor *e);

/* For the arrow keys, in this chat and (file) in the next ones. */
void editor_remember(Editor *e, const char *line);
