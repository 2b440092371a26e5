/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows one log entry (protocol §5 ENTRY) as a struct and as JSON; leaves its effect to others. */
#pragma once

#include "base/names.h"
#include "base/random.h"
#include "wire/directory-entry.h"
#include "wire/fields.h"

typedef enum UserType {
        USER_REGISTERED,
        USER_GUEST,
        USER_TYPE_MAX,
        USER_TYPE_INVALID = -EINVAL,
} UserType;
const char *user_type_to_string(UserType t); /* "REGISTERED", "GUEST" */
UserType user_type_from_string(const char *s);

/* What is shown of who is here; a later one is more. */
typedef enum Presence {
        PRESENCE_OFFLINE,
        PRESENCE_AWAY,
        PRESENCE_ONLINE,
        PRESENCE_MAX,
        PRESENCE_INVALID = -EINVAL,
} Presence;
const char *presence_to_string(Presence p); /* "offline", "away", "online" */
Presence presence_from_string(const char *s);

typedef enum EntryKind {
        ENTRY_MESSAGE,
        ENTRY_CREATE,
        ENTRY_HOST,
        ENTRY_TOPIC,
        ENTRY_VIEW,
        ENTRY_ROLE,
        ENTRY_KICK,
        ENTRY_BAN,
        ENTRY_UNBAN,
        ENTRY_REDACT,
        ENTRY_OTHER, /* a kind of a later version: stored, served, counted, without effect */
        ENTRY_KIND_MAX,
        ENTRY_KIND_INVALID = -EINVAL,
} EntryKind;
const char *entry_kind_to_string(EntryKind k);
EntryKind entry_kind_from_string(const char *s); /* ENTRY_OTHER for what is not known */

typedef enum Role {
        ROLE_NONE,
        ROLE_MEMBER,
        ROLE_MODERATOR,
        ROLE_OWNER,
        ROLE_MAX,
        ROLE_INVALID = -EINVAL
} Role;
const char *role_to_string(Role r);
Role role_from_string(const char *s);

/* Owned strings. `kind_name` is the kind as written; `extra` is a JSON object text with all members
 * beyond seq, id, kind, username, user_type, time, e.g. {"message_content":"hi"}; it is what the
 * store keeps, so that unknown keys survive. */
typedef struct Entry {
        uint64_t seq;
        uint64_t time; /* µs since the epoch, the host's clock */
        EntryKind kind;
        UserType user_type;
        char id[UUID_STRING_SIZE];
        char username[NAME_SIZE];
        char kind_name[33];
        char *extra; /* owned */
        size_t n_extra;
        bool mentions; /* not of the wire: it speaks to who has the log, as a store has found */
} Entry;

void entry_done(Entry *e);
int entry_copy(const Entry *e, Entry *ret);
/* An array of n entries with their strings. */
Entry *entries_free(Entry *entries, size_t n);

/* Appends the entry as one JSON object. */
void entry_write(Writer *w, const char *key, const Entry *e);
/* -EBADMSG when it is no ENTRY by protocol §5, with *ret_bad naming the field. Text that is outside
 * §2's rule is not refused: U+FFFD takes its place. What a kind must carry beyond a message's text
 * is not looked at. Of a message that says `redacted` nothing else is taken. */
int entry_read(const Value *v, Entry *ret, const char **ret_bad);
/* Makes the extra of a message: {"message_content":…,"meta":…}. meta_json may be NULL. -EINVAL for
 * a text that is empty, over MESSAGE_BYTES_MAX or outside §2's rule, and for a meta that is no
 * object, over META_BYTES_MAX or nested too deeply for a frame. */
int entry_extra_message(const char *text, const char *meta_json, char **ret, size_t *ret_n);
/* What is left of a message whose content was removed by entry seq, of that user, then, and why
 * (NULL: not said; what is no reason by §2 is none): the same text on every copy. */
int entry_extra_redacted(const char *by, uint64_t seq, uint64_t time, const char *reason,
                         char **ret, size_t *ret_n);
/* Is extra what is left of a message? No other message's begins so. */
#define ENTRY_STUB_PREFIX "{\"redacted\":{"
bool entry_is_stub(const Entry *e);
