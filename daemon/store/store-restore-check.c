/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what must be true of each row before it is believed, as if a host or a tracker had sent it;
 * leaves types, foreign keys and pages to sql/file.h. */
#include "daemon/store/store-archive-internal.h"
#include "net/chain.h"
#include "wire/json-scan.h"

static bool column_is_text(sqlite3_stmt *stmt, int column, size_t min, size_t max, bool multiline) {
        const char *s = sql_column_text(stmt, column);
        size_t n = strlen(s);

        return n >= min && n <= max && text_is_valid(s, n, multiline);
}

static bool column_is_name(sqlite3_stmt *stmt, int column, bool may_be_empty) {
        const char *s = sql_column_text(stmt, column);

        return name_is_valid(s) || (may_be_empty && !*s);
}

static bool column_is_uuid(sqlite3_stmt *stmt, int column, bool may_be_empty) {
        const char *s = sql_column_text(stmt, column);

        return uuid_is_valid(s) || (may_be_empty && !*s);
}

static bool tracker_is_good(SqlTx *tx, sqlite3_stmt *stmt) {
        _cleanup_(chain_freep) Chain *chain = NULL;
        const char *address = sql_column_text(stmt, 2);
        _cleanup_free_ char *host = NULL;
        uint16_t port;

        return strlen(address) <= TRACKER_ADDRESS_BYTES_MAX &&
               host_port_parse(address, TRACKER_PORT, &host, &port) >= 0 &&
               chain_from_pem(sql_column_text(stmt, 3), &chain) >= 0 &&
               streq(chain_get_tracker_id(chain), sql_column_text(stmt, 0)) &&
               streq(chain_get_pin(chain), sql_column_text(stmt, 1));
}

static bool identity_is_good(SqlTx *tx, sqlite3_stmt *stmt) {
        UserType type = user_type_from_string(sql_column_text(stmt, 0));
        const char *name = sql_column_text(stmt, 1);

        if (sqlite3_column_int64(stmt, 2) != 0 &&
            (type != USER_REGISTERED || sqlite3_column_int64(stmt, 2) != 1))
                return false;
        return type == USER_GUEST        ? name_is_guest(name)
               : type == USER_REGISTERED ? name_is_user(name)
                                         : false;
}

static bool channel_is_good(SqlTx *tx, sqlite3_stmt *stmt) {
        for (int i = 4; i < 8; i++)
                if (sqlite3_column_int64(stmt, i) > 1)
                        return false;
        return column_is_uuid(stmt, 0, false) && column_is_name(stmt, 1, false) &&
               column_is_name(stmt, 2, true) && column_is_name(stmt, 3, true) &&
               column_is_text(stmt, 8, 0, REASON_BYTES_MAX, false) &&
               role_from_string(sql_column_text(stmt, 9)) >= 0 &&
               view_permission_from_string(sql_column_text(stmt, 10)) >= 0 &&
               send_permission_from_string(sql_column_text(stmt, 11)) >= 0 &&
               column_is_text(stmt, 12, 0, TOPIC_BYTES_MAX, false) &&
               column_is_uuid(stmt, 13, true) && column_is_uuid(stmt, 14, true) &&
               column_is_text(stmt, 15, 0, ADDRESSES_MAX * ADDRESS_STRING_SIZE, false) &&
               column_is_uuid(stmt, 16, true);
}

/* As a member takes it from its host, which mends texts that no text may be. */
static bool entry_is_good(SqlTx *tx, sqlite3_stmt *stmt) {
        _cleanup_(value_unrefp) Value *value = NULL;
        _cleanup_(writer_done) Writer w = {};
        const char *kind = sql_column_text(stmt, 1), *sender = sql_column_text(stmt, 5), *bad;
        Entry e = {
                .seq = sql_column_u64(stmt, 0),
                .kind = entry_kind_from_string(kind),
                .user_type = user_type_from_string(sql_column_text(stmt, 4)),
                .time = sql_column_u64(stmt, 6),
                .extra = (char *) sql_column_text(stmt, 7),
        }, read;
        _cleanup_free_ char *text = NULL;
        bool is_good;
        size_t n;

        e.n_extra = strlen(e.extra);
        if (e.user_type < 0 || strlen(kind) >= sizeof(e.kind_name) ||
            store_column_copy(stmt, 2, e.id, sizeof(e.id)) < 0 ||
            store_column_copy(stmt, 3, e.username, sizeof(e.username)) < 0 ||
            (*sender && !name_is_valid(sender) && !hex_is_valid(sender, KEY_ID_SIZE - 1)) ||
            e.extra[0] != '{' || json_scan(e.extra, e.n_extra, NULL, NULL) < 0)
                return false;
        strcpy(e.kind_name, kind);
        entry_write(&w, NULL, &e);
        if (writer_take(&w, &text, &n) < 0 || value_parse(text, n, &value) < 0 ||
            entry_read(value, &read, &bad) < 0)
                return false;
        is_good = read.seq == e.seq && streq(read.id, e.id) && streq(read.username, e.username) &&
                  (streq(read.extra, e.extra) ||
                   sql_run(tx, "UPDATE entry SET extra = ? WHERE channel = ? AND seq = ?", "stt",
                           read.extra, sql_column_u64(stmt, 8), e.seq) >= 0);
        entry_done(&read);
        return is_good;
}

static bool outbox_is_good(SqlTx *tx, sqlite3_stmt *stmt) {
        bool has_meta = sqlite3_column_type(stmt, 3) != SQLITE_NULL;
        _cleanup_free_ char *extra = NULL;
        size_t n;

        return uuid_is_valid(sql_column_text(stmt, 0)) &&
               outbox_state_from_string(sql_column_text(stmt, 1)) >= 0 &&
               entry_extra_message(sql_column_text(stmt, 2),
                                   has_meta ? sql_column_text(stmt, 3) : NULL, &extra, &n) >= 0;
}

static bool retention_is_good(SqlTx *tx, sqlite3_stmt *stmt) {
        uint64_t days = sql_column_u64(stmt, 1);

        return column_is_name(stmt, 0, false) && days >= 1 && days <= RETENTION_DAYS_MAX;
}

static bool redaction_is_good(SqlTx *tx, sqlite3_stmt *stmt) {
        return column_is_name(stmt, 0, false);
}

static bool role_key_is_good(SqlTx *tx, sqlite3_stmt *stmt) {
        return column_is_name(stmt, 0, false) &&
               hex_is_valid(sql_column_text(stmt, 1), KEY_ID_SIZE - 1);
}

static bool ignored_is_good(SqlTx *tx, sqlite3_stmt *stmt) {
        return column_is_name(stmt, 0, false) && sql_column_u64(stmt, 1) <= IGNORED_MAX;
}

static bool is_bad(SqlTx *tx, sqlite3_stmt *stmt) {
        return false;
}

/* No hole, and no more or less than the channel says. */
static bool log_is_good(SqlTx *tx, sqlite3_stmt *stmt) {
        uint64_t first = sql_column_u64(stmt, 0), synced = sql_column_u64(stmt, 1);
        uint64_t n = sql_column_u64(stmt, 2);

        if (n == 0)
                return first == 0 && synced == 0;
        return first >= 1 && sql_column_u64(stmt, 3) == first &&
               sql_column_u64(stmt, 4) == synced && n == synced - first + 1;
}

static const struct {
        const char *what, *query;
        bool (*is_good)(SqlTx *tx, sqlite3_stmt *stmt);
} checks[] = {
        { "a tracker", "SELECT tracker_id, pin, address, ca_pem FROM tracker", tracker_is_good },
        { "an identity", "SELECT user_type, username, invisible FROM identity", identity_is_good },
        { "a channel",
          "SELECT channel_id, name, owner, host, hosted, wanted, closed, went_back,"
          " coalesce(reason, ''), role, view_permission, send_permission, coalesce(topic, ''),"
          " previous, successor, addresses, begin_id FROM channel",
          channel_is_good },
        { "an entry",
          "SELECT seq, kind, id, username, user_type, coalesce(sender, ''), time, extra, channel"
          " FROM entry",
          entry_is_good },
        { "a text that waits", "SELECT id, state, text, meta FROM outbox", outbox_is_good },
        { "what is to be removed", "SELECT username, days FROM retention", retention_is_good },
        { "what was removed", "SELECT username FROM redaction", redaction_is_good },
        { "who is ignored", "SELECT username, count(*) OVER (PARTITION BY channel) FROM ignored",
          ignored_is_good },
        { "a key of who has a role", "SELECT username, key FROM role_key", role_key_is_good },
        { "an entry of no channel",
          "SELECT 1 FROM entry WHERE channel NOT IN (SELECT id FROM channel) LIMIT 1", is_bad },
        { "who is spoken to",
          "SELECT 1 FROM entry WHERE mention NOT IN (0, 1) OR (mention <> 0 AND kind <> 'message')"
          " UNION ALL"
          " SELECT 1 FROM channel WHERE notify NOT IN ('all', 'mentions', 'none') LIMIT 1",
          is_bad },
        { "a log",
          "SELECT c.first_seq, c.synced_seq, count(e.seq), coalesce(min(e.seq), 0),"
          " coalesce(max(e.seq), 0)"
          " FROM channel c LEFT JOIN entry e ON e.channel = c.id GROUP BY c.id",
          log_is_good },
};

static int check_number_of_channels(SqlTx *tx) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx,
                        "SELECT coalesce(max(n), 0)"
                        " FROM (SELECT count(*) AS n FROM channel GROUP BY identity)",
                        "", &stmt);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r < 0)
                return r;
        return sql_column_u64(stmt, 0) > BACKUP_CHANNELS_MAX ? -EBADMSG : 0;
}

/* Of two, who reads could show one and ask the other. */
static int check_current_tracker(SqlTx *tx) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "SELECT count(*) FROM tracker WHERE is_current", "", &stmt);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r < 0)
                return r;
        return sql_column_u64(stmt, 0) > 1 ? -EBADMSG : 0;
}

/* What is kept beside the log, so that it need not be counted each time. */
static int count_again(SqlTx *tx) {
        return sql_run(
                tx,
                "UPDATE channel SET last_seq = max(last_seq, synced_seq),"
                " read_seq = min(read_seq, synced_seq), n_unread = (SELECT count(*)"
                " FROM entry e, identity i WHERE e.channel = channel.id"
                " AND i.id = channel.identity AND e.kind = 'message'"
                " AND e.seq > min(channel.read_seq, channel.synced_seq)"
                " AND NOT (e.username = i.username AND e.user_type = i.user_type)"
                " AND NOT EXISTS (SELECT 1 FROM ignored g"
                "  WHERE g.channel = channel.id AND g.username = e.username)),"
                " n_mentions = (SELECT count(*) FROM entry e WHERE e.channel = channel.id"
                " AND e.mention <> 0 AND e.seq > min(channel.read_seq, channel.synced_seq)"
                " AND NOT EXISTS (SELECT 1 FROM ignored g"
                "  WHERE g.channel = channel.id AND g.username = e.username)),"
                " outbox_position = max(outbox_position,"
                " (SELECT coalesce(max(position), 0) FROM outbox WHERE channel = channel.id))",
                "");
}

int archive_check(SqlFile *f, const char **ret_what) {
        SqlTx *tx = sql_file_get_tx(f);
        sqlite3_stmt *stmt;
        int r;

        *ret_what = "the number of channels";
        r = check_number_of_channels(tx);
        if (r >= 0) {
                *ret_what = "its tracker";
                r = check_current_tracker(tx);
        }
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(checks); i++) {
                *ret_what = checks[i].what;
                r = sql_prepare(tx, checks[i].query, "", &stmt);
                while (r >= 0 && (r = sql_step(stmt)) > 0)
                        if (!checks[i].is_good(tx, stmt))
                                r = -EBADMSG;
        }
        return r < 0 ? r : count_again(tx);
}
