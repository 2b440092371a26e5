/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how --system becomes the tracker operator's program; leaves all else to that. */
#include "ctl/system-program.h"

#include <limits.h>

#include "ctl/client/client-call.h"

#define PROGRAM "p2pchat-trackerctl"

/* *ret is the path of a program beside this one; "" where nobody can tell where this is. */
static void path_beside(char ret[static PATH_MAX + sizeof(PROGRAM)]) {
        ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - 1);
        char *slash;

        ret[n > 0 ? n : 0] = '\0';
        slash = strrchr(ret, '/');
        if (slash)
                strcpy(slash + 1, PROGRAM);
}

int system_program_run(Ctl *ctl, int option, char **argv) {
        static char name[] = PROGRAM;
        char path[PATH_MAX + sizeof(PROGRAM)];

        argv[0] = name;
        for (char **a = argv + option; *a; a++)
                *a = a[1];
        path_beside(path);
        (void) execv(path, argv);
        (void) execvp(PROGRAM, argv);
        return client_fail_as(ctl, "NoSuchProgram", EXIT_NO_DAEMON,
                              _("There is no %s beside this program or in PATH (%s); --system is "
                                "for the machine of a tracker: install p2pchat there, and run it "
                                "there"),
                              PROGRAM, strerror(errno));
}
