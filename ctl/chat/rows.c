/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows where on a terminal of some width a text comes to its end, as readline shows it. */
#include "ctl/chat/rows.h"

#include <wchar.h>

#include "base/cleanup.h"

unsigned rows_below(const char *s, size_t n, unsigned columns, unsigned *column) {
        unsigned row = 0, x = *column;
        bool is_hidden = false;
        mbstate_t state = {};

        columns = MAX(columns, 2U);
        for (size_t k = 0; k < n;) {
                wchar_t c;
                size_t size = mbrtowc(&c, s + k, n - k, &state);
                int width = 4; /* readline shows \377 */

                if (size == (size_t) -1 || size == (size_t) -2) {
                        state = (mbstate_t){};
                        size = 1;
                } else if (size == 0)
                        size = 1;
                else if (c < 0x20 || c == 0x7f)
                        width = 2;
                else
                        width = wcwidth(c);
                if (s[k] == '\001' || s[k] == '\002')
                        is_hidden = s[k] == '\001';
                else if (s[k] == '\n') {
                        row++;
                        x = 0;
                } else if (!is_hidden && width > 0) {
                        if (x + (unsigned) width > columns) { /* a wide one is never cut */
                                row++;
                                x = 0;
                        }
                        x += (unsigned) width;
                        if (x >= columns) {
                                row++;
                                x = 0;
                        }
                }
                k += size;
        }
        *column = x;
        return row;
}
