/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the line that is typed at a terminal and the rows that stay above it, so that what arrives
 * is shown over both. Leaves what a line means to the chat. */
#include "ctl/chat/editor.h"

#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>

#include <readline/history.h>
#include <readline/readline.h>

#include "ctl/chat/history-file.h"
#include "ctl/chat/rows.h"
#include "ctl/chat/typed.h"

#define PARTIAL_MSEC 50 /* a key's bytes come together; over a slow line they take that long */

enum { KEY_INTERRUPT = 3, KEY_END = 4, KEY_STOP = 26, KEY_QUIT = 28 };
#define CONTROLS "\003\004\032\034"

struct Editor {
        const Ctl *ctl;             /* weak */
        const EditorEvents *events; /* weak */
        void *userdata;             /* weak */
        char *typed;                /* bytes that are not yet readline's */
        size_t n_typed, n_allocated;
        size_t at, n_keys; /* what readline may take now: from at to n_keys */
        char *entered;     /* a line, until readline has returned */
        int jump;
        bool has_jump, has_ended, is_partial;
        unsigned n_hidden;    /* 0: it is drawn */
        unsigned n_suspended; /* 0: the terminal is readline's */
        char *prompt, *above;
        unsigned columns, rows;
};

/* Readline has one state, and gives its callbacks none of ours. */
static Editor *the_editor;

/* -- what readline asks for */

static int get_key(FILE *f) {
        Editor *e = the_editor;

        /* Asked for more than was typed: what it began is given up, nothing waits for a key. */
        return e->at < e->n_keys ? (unsigned char) e->typed[e->at++] : '\a';
}

static int has_key(void) {
        return the_editor->at < the_editor->n_keys;
}

static int on_enter(int count, int key) {
        free(the_editor->entered);
        the_editor->entered = strdup(rl_line_buffer);
        return 0;
}

static int on_newline(int count, int key) {
        rl_insert_text("\n");
        return 0;
}

static int jump_to(int number) {
        the_editor->jump = number;
        the_editor->has_jump = true;
        return 0;
}

static int on_digit(int count, int key) {
        return jump_to((key & 0x7f) - '0');
}

static int on_next(int count, int key) {
        return jump_to(0);
}

static int on_previous(int count, int key) {
        return jump_to(-1);
}

/* Only an end: lines come by on_enter(). */
static void on_line(char *line) {
        free(line);
        the_editor->has_ended = the_editor->has_ended || !line;
}

static char **on_complete(const char *text, int start, int end) {
        Editor *e = the_editor;

        rl_attempted_completion_over = 1; /* never files */
        return e->events->complete(rl_line_buffer, (size_t) start, (size_t) end, e->userdata);
}

static void on_choices(char **matches, int n, int width) {
        Editor *e = the_editor;

        editor_hide(e);
        e->events->choices(matches, (size_t) n, e->userdata);
        editor_show(e);
}

/* -- drawing */

static unsigned height_above(const Editor *e) {
        unsigned column = 0;

        return e->above ? rows_below(e->above, strlen(e->above), e->columns, &column) : 0;
}

/* From the row where the line that is typed begins: the rows above, and all below. */
static void erase_from(unsigned n_up) {
        if (n_up > 0)
                fprintf(rl_outstream, "\033[%uA", n_up);
        fputs("\r\033[J", rl_outstream);
}

/* The size that the terminal has now is what is drawn for from here on. */
static bool take_size(Editor *e) {
        struct winsize size;

        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < 2 ||
            (size.ws_col == e->columns && size.ws_row == e->rows))
                return false;
        e->columns = size.ws_col;
        e->rows = size.ws_row;
        rl_set_screen_size(size.ws_row, size.ws_col);
        return true;
}

/* A terminal of another width wrapped anew what is there: where the line began follows from that.
 */
static void erase_wrapped(const Editor *e) {
        unsigned column = 0, up = height_above(e);

        up += rows_below(e->prompt, strlen(e->prompt), e->columns, &column);
        up += rows_below(rl_line_buffer, (size_t) rl_point, e->columns, &column);
        erase_from(e->rows > 0 ? MIN(up, e->rows - 1) : up);
}

void editor_hide(Editor *e) {
        if (!e || e->n_hidden++ > 0)
                return;
        if (take_size(e))
                erase_wrapped(e);
        else {
                rl_clear_visible_line();
                erase_from(height_above(e));
        }
        fflush(rl_outstream);
}

static void put_above(const Editor *e) {
        for (const char *p = e->above ?: ""; *p; p++)
                if (*p == '\n')
                        fputs("\r\n", rl_outstream);
                else if (*p != '\001' && *p != '\002')
                        fputc(*p, rl_outstream);
}

void editor_show(Editor *e) {
        if (!e || --e->n_hidden > 0)
                return;
        put_above(e);
        rl_on_new_line();
        rl_redisplay();
        fflush(rl_outstream);
}

void editor_resized(Editor *e) {
        editor_hide(e);
        editor_show(e);
}

void editor_set_look(Editor *e, const char *prompt, const char *above) {
        if (streq_ptr(e->prompt, prompt) && streq(e->above ?: "", above))
                return;
        editor_hide(e);
        if (free_and_strdup(&e->prompt, prompt) >= 0 && e->n_suspended == 0)
                rl_set_prompt(e->prompt);
        (void) free_and_strdup(&e->above, above);
        editor_show(e);
}

/* -- the terminal is readline's, or is not */

/* Ctrl-C and Ctrl-Z are keys here: what is pasted makes no signals. */
static void prep_terminal(int meta) {
        struct termios t;

        rl_prep_terminal(meta);
        if (tcgetattr(STDIN_FILENO, &t) == 0) {
                t.c_lflag &= ~(tcflag_t) ISIG;
                (void) tcsetattr(STDIN_FILENO, TCSADRAIN, &t);
        }
}

static void line_begin(Editor *e) {
        rl_callback_handler_install(e->prompt, on_line);
}

/* Forgets the line and what was undone in it; the history is where it was. */
static void line_end(void) {
        if (rl_undo_list)
                rl_revert_line(1, 0);
        rl_free_undo_list();
        rl_replace_line("", 1);
        rl_callback_handler_remove();
}

void editor_suspend(Editor *e) {
        if (!e)
                return;
        editor_hide(e);
        if (e->n_suspended++ == 0)
                rl_deprep_terminal();
}

void editor_resume(Editor *e) {
        if (!e)
                return;
        if (--e->n_suspended == 0)
                prep_terminal(1);
        if (e->n_suspended == 0 && e->prompt)
                rl_set_prompt(e->prompt);
        editor_show(e);
}

/* The line begins anew: what was typed is gone from the terminal and from readline. */
static void begin_anew(Editor *e) {
        rl_callback_sigcleanup(); /* a search ends, and draws its line */
        editor_hide(e);
        line_end();
        e->n_suspended++;
}

static void go_on(Editor *e) {
        e->n_suspended--;
        put_above(e);
        line_begin(e); /* draws */
        e->n_hidden--;
        fflush(rl_outstream);
}

bool editor_clear(Editor *e) {
        bool is_empty = rl_end == 0 && !RL_ISSTATE(RL_STATE_ISEARCH);

        begin_anew(e);
        go_on(e);
        return !is_empty;
}

/* -- input */

static void take(Editor *e, size_t n) {
        memmove(e->typed, e->typed + n, e->n_typed - n);
        e->n_typed -= n;
        e->at = e->n_keys = 0;
}

static void handle_line(Editor *e) {
        _cleanup_free_ char *line = TAKE_PTR(e->entered);

        begin_anew(e);
        e->events->line(line, e->userdata);
        go_on(e);
}

/* What readline does not get: it ends, interrupts or stops. */
static bool is_control(char key) {
        return key == KEY_INTERRUPT || key == KEY_STOP || key == KEY_QUIT ||
               (key == KEY_END && rl_end == 0);
}

static void handle_control(Editor *e, char key) {
        switch (key) {
        case KEY_INTERRUPT:
                e->events->interrupt(e->userdata);
                break;
        case KEY_STOP:
                e->events->stop(e->userdata);
                break;
        default:
                e->has_ended = true;
        }
}

static void give_keys(Editor *e, size_t n) {
        char key = e->typed[0];

        if (is_control(key)) {
                take(e, 1);
                handle_control(e, key);
                return;
        }
        for (e->n_keys = 1; e->n_keys < n; e->n_keys++)
                if (strchr(CONTROLS, e->typed[e->n_keys]))
                        break;
        e->at = 0;
        while (e->at < e->n_keys && !e->entered && !e->has_jump && !e->has_ended)
                rl_callback_read_char();
        take(e, e->at);
        if (e->entered)
                handle_line(e);
        if (e->has_jump) {
                e->has_jump = false;
                e->events->jump(e->jump, e->userdata);
        }
}

static void give_paste(Editor *e, size_t n) {
        _cleanup_free_ char *text = NULL;

        if (typed_paste(e->typed, n, &text) >= 0) {
                rl_insert_text(text);
                rl_redisplay();
        }
        take(e, n);
}

int editor_timeout(const Editor *e) {
        return e->is_partial ? PARTIAL_MSEC : -1;
}

static int read_more(Editor *e) {
        struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };
        ssize_t n;

        if (poll(&fd, 1, 0) <= 0)
                return 0;
        if (e->n_allocated < e->n_typed + 4096) {
                char *grown = realloc(e->typed, e->n_typed + 4096);

                if (!grown)
                        return -ENOMEM;
                e->typed = grown;
                e->n_allocated = e->n_typed + 4096;
        }
        n = read(STDIN_FILENO, e->typed + e->n_typed, 4096);
        if (n < 0)
                return errno == EINTR || errno == EAGAIN ? 0 : -errno;
        if (n == 0)
                return -EIO;
        e->n_typed += (size_t) n;
        return 1;
}

int editor_read(Editor *e) {
        bool was_partial = e->is_partial;
        int r;

        r = read_more(e);
        if (r == -EIO) { /* the terminal is gone */
                e->events->end(e->userdata);
                return 0;
        }
        if (r < 0)
                return r;
        e->is_partial = false;
        while (e->n_typed > 0 && !e->has_ended) {
                size_t n;
                TypedKind kind = typed_next(e->typed, e->n_typed, &n);

                if (kind == TYPED_PASTE)
                        give_paste(e, n);
                else if (kind == TYPED_KEYS || (kind == TYPED_PARTIAL && was_partial && r == 0))
                        give_keys(e, n);
                else {
                        e->is_partial = kind == TYPED_PARTIAL;
                        break;
                }
        }
        if (e->has_ended) {
                e->has_ended = false;
                e->events->end(e->userdata);
        }
        return 0;
}

/* -- its life */

static void remember(const char *line) {
        add_history(line);
}

void editor_remember(Editor *e, const char *line) {
        HIST_ENTRY *last;

        using_history();
        last = previous_history();
        if (!last || !streq(last->line, line)) {
                add_history(line);
                history_file_add(line);
        }
        using_history();
}

static void bind_keys(void) {
        char digit[] = "\\e1";

        rl_bind_key('\r', on_enter);
        rl_bind_key('\n', on_enter);
        rl_bind_keyseq("\\e\\C-m", on_newline);
        rl_bind_keyseq("\\e\\C-j", on_newline);
        rl_bind_keyseq("\\en", on_next);
        rl_bind_keyseq("\\ep", on_previous);
        for (; digit[2] <= '9'; digit[2]++)
                rl_bind_keyseq(digit, on_digit);
}

int editor_new(const Ctl *ctl, const EditorEvents *events, void *userdata, Editor **ret) {
        _cleanup_(editor_freep) Editor *e = NULL;
        e = new0(Editor, 1);
        if (!e)
                return -ENOMEM;
        *e = (Editor){ .ctl = ctl, .events = events, .userdata = userdata };
        if (free_and_strdup(&e->prompt, "> ") < 0)
                return -ENOMEM;
        the_editor = e;
        rl_readline_name = "p2pchatctl";
        rl_catch_signals = 0;
        rl_catch_sigwinch = 0;
        rl_prep_term_function = prep_terminal;
        rl_getc_function = get_key;
        rl_input_available_hook = has_key;
        rl_attempted_completion_function = on_complete;
        rl_completion_display_matches_hook = on_choices;
        rl_completer_word_break_characters = " \n";
        rl_completer_quote_characters = "";
        rl_completion_query_items = 0; /* nothing waits for an answer */
        rl_change_environment = 0;     /* programs that run in between ask the terminal */
        using_history();
        stifle_history(HISTORY_LINES_MAX);
        history_file_read(remember);
        using_history();
        rl_initialize();
        (void) rl_variable_bind("enable-bracketed-paste", "on");
        (void) rl_variable_bind("show-all-if-ambiguous", "on");
        (void) rl_variable_bind("page-completions", "off");
        (void) rl_variable_bind("horizontal-scroll-mode", "off");
        (void) rl_variable_bind("show-mode-in-prompt", "off");
        (void) rl_variable_bind("bell-style", "none");
        bind_keys();
        e->columns = 80;
        (void) take_size(e);
        line_begin(e);
        *ret = TAKE_PTR(e);
        return 0;
}

Editor *editor_free(Editor *e) {
        if (!e)
                return NULL;
        if (the_editor == e) {
                editor_hide(e);
                line_end();
                rl_clear_history();
                the_editor = NULL;
        }
        free(e->typed);
        free(e->entered);
        free(e->prompt);
        free(e->above);
        free(e);
        return NULL;
}
