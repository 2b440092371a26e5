/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows where the text of an entry is that may speak to somebody; leaves what speaks to them to
 * base/mention.h. */
#include "daemon/notify/mention-extra.h"

#include "base/mention.h"
#include "wire/fields.h"

bool mention_is_in_extra(const char *extra, size_t n_extra, const char *name) {
        _cleanup_(value_unrefp) Value *tree = NULL;
        const char *text;
        size_t n;

        /* Others may write the letters of a name as escapes; a copy keeps what its host wrote only
         * as we write it (entry_read), and we never do. */
        if (!mention_may_be_in(extra, n_extra, name) || value_parse(extra, n_extra, &tree) < 0 ||
            value_kind(tree) != VALUE_OBJECT || value_get(tree, "redacted"))
                return false;
        text = value_string(value_get(tree, "message_content"), &n);
        return text && mention_is_in(text, n, name);
}
