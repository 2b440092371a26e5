/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Has a program of ours find its translations where they were built; linked in front of it with
 * --wrap=bindtextdomain. */
#include <libintl.h>

char *__real_bindtextdomain(const char *domain, const char *directory);
char *__wrap_bindtextdomain(const char *domain, const char *directory);

char *__wrap_bindtextdomain(const char *domain, const char *directory) {
        return __real_bindtextdomain(domain, LOCALE_DIR);
}
