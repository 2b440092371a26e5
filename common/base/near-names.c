/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which names somebody may have meant who wrote one that nobody has; leaves where the names
 * come from to others. */
#include "base/near-names.h"

#include "base/cleanup.h"

#define FAR (NEAR_DISTANCE_MAX + 1)

static unsigned least(unsigned a, unsigned b, unsigned c) {
        unsigned ab = MIN(a, b);

        return MIN(ab, c);
}

unsigned name_distance(const char *a, const char *b) {
        const size_t n = strnlen(a, NAME_SIZE), m = strnlen(b, NAME_SIZE);
        unsigned d[NAME_SIZE][NAME_SIZE];
        uint8_t last_row[256] = {}; /* of each letter of a, from 1; 0: not yet */

        if (n > NAME_MAX_BYTES || m > NAME_MAX_BYTES || (n > m ? n - m : m - n) > NEAR_DISTANCE_MAX)
                return FAR;
        for (size_t i = 0; i <= n; i++)
                for (size_t j = 0; j <= m; j++)
                        d[i][j] = FAR; /* away from the diagonal it is more anyway */
        for (size_t i = 0; i <= MIN(n, (size_t) NEAR_DISTANCE_MAX); i++)
                d[i][0] = (unsigned) i;
        for (size_t j = 0; j <= MIN(m, (size_t) NEAR_DISTANCE_MAX); j++)
                d[0][j] = (unsigned) j;

        for (size_t i = 1; i <= n; i++) {
                const size_t begin = i > NEAR_DISTANCE_MAX ? i - NEAR_DISTANCE_MAX : 1,
                             end = MIN(m, i + NEAR_DISTANCE_MAX);
                size_t last_column = 0;

                /* A swap may reach back to a column before the diagonal's. */
                for (size_t j = begin > NEAR_DISTANCE_MAX ? begin - NEAR_DISTANCE_MAX : 1;
                     j < begin; j++)
                        if (a[i - 1] == b[j - 1])
                                last_column = j;
                for (size_t j = begin; j <= end; j++) {
                        const size_t row = last_row[(uint8_t) b[j - 1]];
                        const bool same = a[i - 1] == b[j - 1];
                        unsigned best = least(d[i - 1][j] + 1, d[i][j - 1] + 1,
                                              d[i - 1][j - 1] + (same ? 0 : 1));

                        if (row > 0 && last_column > 0)
                                best = MIN(best, d[row - 1][last_column - 1] +
                                                         (unsigned) (i - row - 1 + 1 + j -
                                                                     last_column - 1));
                        if (same)
                                last_column = j;
                        d[i][j] = MIN(best, (unsigned) FAR);
                }
                last_row[(uint8_t) a[i - 1]] = (uint8_t) i;
        }
        return d[n][m];
}

void near_names_init(NearNames *near, const char *wanted) {
        *near = (NearNames){};
        snprintf(near->wanted, sizeof(near->wanted), "%s", wanted);
}

void near_names_add(NearNames *near, const char *name) {
        const unsigned distance = name_distance(near->wanted, name);
        size_t at = 0;

        if (distance == 0 || distance > NEAR_DISTANCE_MAX ||
            distance >= MIN(strlen(near->wanted), strlen(name)))
                return;
        while (at < near->n &&
               (near->found[at].distance < distance ||
                (near->found[at].distance == distance && strcmp(near->found[at].name, name) < 0)))
                at++;
        if (at == NEAR_NAMES_MAX || (at < near->n && streq(near->found[at].name, name)))
                return;
        if (near->n < NEAR_NAMES_MAX)
                near->n++;
        for (size_t i = near->n - 1; i > at; i--)
                near->found[i] = near->found[i - 1];
        snprintf(near->found[at].name, sizeof(near->found[at].name), "%s", name);
        near->found[at].distance = distance;
}

void near_names_print(const NearNames *near, char ret[static NEAR_NAMES_TEXT_SIZE]) {
        size_t n = 0;

        ret[0] = '\0';
        for (size_t i = 0; i < near->n; i++) {
                const char *between = i == 0 ? "" : i + 1 == near->n ? " or " : ", ";
                int r = snprintf(ret + n, NEAR_NAMES_TEXT_SIZE - n, "%s%s", between,
                                 near->found[i].name);

                n += r > 0 ? (size_t) r : 0;
        }
}

static int tell(const char *name, name_each_near_fn fn, void *userdata) {
        return name_is_valid(name) ? fn(name, userdata) : 0;
}

int name_each_near(const char *name, name_each_near_fn fn, void *userdata) {
        static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
        const size_t n = strnlen(name, NAME_SIZE);
        char other[NAME_SIZE + 1];
        int r;

        if (n > NAME_MAX_BYTES)
                return 0;
        for (size_t at = 0; at <= n; at++) {
                memcpy(other, name, at);
                if (at < n) {
                        strcpy(other + at, name + at + 1);
                        r = tell(other, fn, userdata);
                        if (r != 0)
                                return r;
                }
                if (at + 1 < n && name[at] != name[at + 1]) {
                        strcpy(other + at, name + at);
                        other[at] = name[at + 1];
                        other[at + 1] = name[at];
                        r = tell(other, fn, userdata);
                        if (r != 0)
                                return r;
                }
                for (const char *letter = letters; *letter; letter++) {
                        other[at] = *letter;
                        strcpy(other + at + 1, name + at);
                        r = tell(other, fn, userdata);
                        if (r != 0)
                                return r;
                        if (at == n || name[at] == *letter)
                                continue;
                        strcpy(other + at + 1, name + at + 1);
                        r = tell(other, fn, userdata);
                        if (r != 0)
                                return r;
                }
        }
        return 0;
}
