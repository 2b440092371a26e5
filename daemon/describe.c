/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a daemon is described in one piece of JSON, for people and scripts; leaves showing it
 * to clients. */
#include "daemon/describe.h"

#include "version.h"
#include "wire/writer.h"

static void write_account(Writer *w, const Account *a) {
        const char *username = account_get_username(a);

        writer_begin_object(w, "account");
        writer_string(w, "tracker", account_get_tracker_address(a));
        writer_string(w, "tracker_pin", account_get_pin(a));
        writer_string(w, "tracker_state", tracker_state_to_string(account_get_tracker_state(a)));
        writer_string(w, "tracker_reason", account_get_tracker_reason(a));
        if (username) {
                writer_string(w, "username", username);
                writer_string(w, "user_type", user_type_to_string(account_get_user_type(a)));
                writer_time(w, "expires", account_get_certificate_expires(a));
        } else {
                writer_null(w, "username");
                writer_null(w, "user_type");
                writer_null(w, "expires");
        }
        writer_end_object(w);
}

static void write_store(Writer *w, const Manager *m) {
        uint64_t since = manager_get_store_since(m);

        writer_begin_object(w, "store");
        writer_string(w, "state", store_state_to_string(manager_get_store_state(m)));
        writer_string(w, "reason", manager_get_store_reason(m));
        if (since != 0)
                writer_time(w, "since", since);
        else
                writer_null(w, "since");
        if (*manager_get_store_aside(m))
                writer_string(w, "aside", manager_get_store_aside(m));
        else
                writer_null(w, "aside");
        writer_end_object(w);
}

static int write_channel(ChannelMember *c, void *userdata) {
        Writer *w = userdata;

        writer_begin_object(w, NULL);
        writer_string(w, "channel_name", channel_member_get_name(c));
        writer_string(w, "channel_id", channel_member_get_id(c));
        writer_string(w, "state", member_state_to_string(channel_member_get_state(c)));
        writer_string(w, "state_reason", channel_member_get_state_reason(c));
        writer_string(w, "state_text", channel_member_get_state_text(c));
        writer_string(w, "previous", channel_member_get_previous(c));
        writer_string(w, "successor", channel_member_get_successor(c));
        writer_string(w, "role", role_to_string(channel_member_get_role(c)));
        writer_string(w, "owner", channel_member_get_owner(c));
        writer_string(w, "host", channel_member_get_host(c));
        writer_string(w, "view_permission", view_permission_to_string(channel_member_get_view(c)));
        writer_string(w, "send_permission", send_permission_to_string(channel_member_get_send(c)));
        writer_string(w, "topic", channel_member_get_topic(c));
        writer_uint(w, "synced_seq", channel_member_get_synced_seq(c));
        writer_uint(w, "last_seq", channel_member_get_last_seq(c));
        writer_uint(w, "read_seq", channel_member_get_read_seq(c));
        writer_uint(w, "unread", channel_member_get_n_unread(c));
        writer_uint(w, "mentions", channel_member_get_n_mentions(c));
        writer_string(w, "notify", notify_to_string(channel_member_get_notify(c)));
        writer_uint(w, "outbox", channel_member_get_n_outbox(c));
        writer_uint(w, "members_online", channel_member_get_n_online(c));
        writer_end_object(w);
        return 0;
}

static void write_addresses(Writer *w, const char *key, const Address *addresses, size_t n) {
        char address[ADDRESS_STRING_SIZE];

        writer_begin_array(w, key);
        for (size_t i = 0; i < n; i++) {
                address_print(&addresses[i], address);
                writer_string(w, NULL, address);
        }
        writer_end_array(w);
}

int describe_manager(const Manager *m, char **ret) {
        const Account *a = manager_get_account(m);
        _cleanup_(writer_done) Writer w = {};
        size_t n_channels, n_members, n;
        const Address *addresses, *observed;
        int r;

        writer_begin_object(&w, NULL);
        writer_string(&w, "version", P2PCHAT_VERSION);
        if (a)
                write_account(&w, a);
        else
                writer_null(&w, "account");
        write_store(&w, m);
        writer_bool(&w, "invisible", manager_is_invisible(m));
        manager_get_hosting(m, &n_channels, &n_members);
        writer_uint(&w, "hosting", n_channels);
        writer_string(&w, "lingering", manager_get_lingering(m));
        writer_uint(&w, "outbox", manager_get_n_outbox(m));
        writer_int(&w, "clock_offset", manager_get_clock_offset(m));
        n = manager_get_listen_addresses(m, &addresses);
        write_addresses(&w, "listen", addresses, n);
        n = manager_get_advertised_addresses(m, &addresses);
        write_addresses(&w, "advertised", addresses, n);
        observed = manager_get_observed_address(m);
        write_addresses(&w, "observed", observed, observed ? 1 : 0);
        writer_string(&w, "reachable", manager_get_reachable(m));
        writer_string(&w, "reachable_reason", manager_get_reachable_reason(m));
        writer_begin_array(&w, "channels");
        r = manager_each_channel(m, write_channel, &w);
        if (r < 0)
                return r;
        writer_end_array(&w);
        writer_end_object(&w);
        return writer_take(&w, ret, NULL);
}
