/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a verb of the command line runs from within a talk, as a process of its own: what it
 * asks is asked at the terminal, its options are its own, and Ctrl-C ends it alone. */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "ctl/chat/chat.h"
#include "ctl/program.h"

#define WORDS_MAX 64

extern char **environ;

const Verb *verb_find(const Chat *c, const char *name) {
        char *words[] = { (char *) name, NULL };
        size_t n;

        return *name && !streq(name, "chat") ? program_find_verb(c->ctl->program, words, &n) : NULL;
}

typedef struct Arguments {
        char **words; /* borrowed; [0] is the verb */
        size_t n;
        const char *first; /* borrowed; the first that is neither an option nor the value of one */
        size_t n_given;    /* of such */
} Arguments;

/* Whether the value of this option is the next word: "-n 5", not "-n5". As getopt_long() has it. */
static bool takes_next(const Option *options, const char *word) {
        size_t length = strlen(word);

        for (const Option *o = options; word[1] == '-' && o && o->name; o++)
                if (strncmp(o->name, word + 2, length - 2) == 0)
                        return o->kind != OPTION_FLAG;
        for (const char *letter = word + 1; word[1] != '-' && *letter; letter++)
                for (const Option *o = options; o && o->name; o++)
                        if (o->letter == *letter && o->kind != OPTION_FLAG)
                                return !letter[1];
        return false;
}

static void find_arguments(const Option *options, void *userdata) {
        Arguments *a = userdata;
        bool has_options = true;

        for (size_t i = 1; i < a->n; i++) {
                const char *word = a->words[i];

                if (!has_options || word[0] != '-' || !word[1]) {
                        a->first = a->first ?: word;
                        a->n_given++;
                } else if (streq(word, "--"))
                        has_options = false;
                else if (takes_next(options, word))
                        i++;
        }
}

void verb_complete(const Chat *c, const Verb *verb, char **words, size_t *n) {
        Arguments a = { .words = words, .n = *n };
        Ctl ask = { .program = c->ctl->program,
                    .verb = verb,
                    .on_options = find_arguments,
                    .on_options_userdata = &a };

        if (!c->focus || strncmp(verb->arguments, "CHANNEL", strlen("CHANNEL")) != 0)
                return;
        (void) verb->run(&ask, 1, words);
        if (a.n_given >= verb->min_args && a.first && rooms_find(c, a.first))
                return;
        memmove(words + 2, words + 1, (*n - 1) * sizeof(char *));
        words[1] = c->focus->name;
        words[++*n] = NULL;
}

/* Ctrl-C and Ctrl-Z at the terminal are for it as well as for us: it stops, and so do we. */
static int wait_child(pid_t pid) {
        int status;

        for (;;) {
                if (waitpid(pid, &status, WUNTRACED) < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (!WIFSTOPPED(status))
                        break;
                (void) kill(getpid(), SIGSTOP);
                (void) kill(pid, SIGCONT);
        }
        return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
}

/* What was meant for the verb: the talk goes on. */
static void drop_interrupt(void) {
        const struct timespec at_once = {};
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTSTP);
        while (sigtimedwait(&set, NULL, &at_once) > 0)
                ;
}

int verb_run(Chat *c, const Verb *verb, char **words, size_t n) {
        static char program[] = "p2pchatctl", no_pager[] = "--no-pager", in_chat[] = "--in-chat";
        char *argv[WORDS_MAX + 4] = { program, no_pager, in_chat };
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t none;
        pid_t pid;
        int r;

        if (n > WORDS_MAX)
                return -E2BIG;
        memcpy(argv + 3, words, n * sizeof(char *));
        r = -posix_spawn_file_actions_init(&actions);
        if (r < 0)
                return r;
        r = -posix_spawnattr_init(&attributes);
        if (r < 0) {
                posix_spawn_file_actions_destroy(&actions);
                return r;
        }
        sigemptyset(&none);
        r = -posix_spawnattr_setsigmask(&attributes, &none);
        if (r >= 0)
                r = -posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
        /* The lines of a pipe are the talk's own. */
        if (r >= 0 && !isatty(STDIN_FILENO))
                r = -posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY,
                                                      0);
        editor_suspend(c->editor);
        fflush(stdout);
        if (r >= 0)
                r = -posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, argv, environ);
        if (r >= 0)
                r = wait_child(pid);
        if (c->editor)
                drop_interrupt();
        editor_resume(c->editor);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        return r;
}
