/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Has the window and what it is made of find translations in the folder that TEXTDOMAINDIR names, as gettext(1) does:
 * GTK and libadwaita ask the program's bindtextdomain() before libc's. */
#include <dlfcn.h>
#include <libintl.h>
#include <stdlib.h>

__attribute__((visibility("default"))) char *bindtextdomain(const char *domain, const char *directory) {
        char *(*real)(const char *, const char *) =
                (char *(*)(const char *, const char *)) dlsym(RTLD_NEXT, "bindtextdomain");

        return real(domain, getenv("TEXTDOMAINDIR") ?: directory);
}
