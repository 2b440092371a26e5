/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows whose daemon this is: the account that the store remembers, and what changes when somebody
 * signs in or out. Leaves the tracker's conversation to account.h. */
#include "base/log.h"
#include "daemon/manager/manager-internal.h"
#include "daemon/message-ids.h"

void manager_started(Manager *m, int r) {
        if (m->has_started)
                return;
        m->has_started = true;
        manager_state_is_read(m);
        if (m->observer.on_started)
                m->observer.on_started(m, r, m->observer_userdata);
}

int manager_check_identity(const Manager *m, bool registered, Failure *f) {
        if (manager_check_store(m, f) < 0)
                return -EBUSY;
        if (!m->account)
                return failure_set(f, ERROR_NOT_SIGNED_IN,
                                   "Set a tracker first (p2pchatctl tracker ADDRESS), then sign up "
                                   "(p2pchatctl signup NAME).");
        if (!m->me.username[0])
                return failure_set(f, ERROR_NOT_SIGNED_IN,
                                   "Sign in first (p2pchatctl signin NAME).");
        if (m->sign_out)
                return failure_set(f, ERROR_BUSY, "%s is being signed out.", m->me.username);
        if (m->channels_job)
                return failure_set(f, ERROR_BUSY,
                                   "What is here of %s is still being read; try again.",
                                   m->me.username);
        if (registered && m->me.user_type != USER_REGISTERED)
                return failure_set(f, ERROR_GUESTS_NOT_ALLOWED,
                                   "Guests cannot do this; sign up first (p2pchatctl signup "
                                   "NAME).");
        if (account_get_dismissed(m->account) != ERROR_NONE)
                return failure_set(f, account_get_dismissed(m->account), "%s",
                                   account_get_tracker_reason(m->account));
        return 0;
}

/* Whoever comes to us, and whoever we go to. */
static int check_peer(const Subject *peer, void *userdata) {
        Manager *m = userdata;

        return revoked_keys_check(m->revoked, peer);
}

static void on_revoked(const char *key_id, void *userdata) {
        Manager *m = userdata;

        peer_server_cut_key(m->peers, key_id);
        if (m->links)
                host_links_cut_key(m->links, key_id);
}

static int make_tls(tls_check_fn check, void *check_userdata, void *userdata, TlsConfig **ret) {
        Manager *m = userdata;

        return account_new_peer_tls(m->account, check, check_userdata, ret);
}

/* Who we may be towards peers has changed. */
static void update_tls(Manager *m) {
        _cleanup_(tls_config_freep) TlsConfig *tls = NULL;
        int r;

        if (!m->me.username[0]) {
                peer_server_sign_out(m->peers);
                return;
        }
        r = account_new_peer_tls(m->account, check_peer, m, &tls);
        if (r < 0)
                log_error_errno(r, "Cannot show our certificate to peers");
        peer_server_set_tls(m->peers, tls);
}

/* ---- what the account tells ---- */

void manager_account_settled(Manager *m) {
        if (m->account_op && !m->load_job && !m->channels_job &&
            account_get_tracker_state(m->account) != TRACKER_CONNECTING)
                (void) operation_complete_later(m->account_op, m->rt->event, NULL);
}

static void on_changed(Account *a, void *userdata) {
        Manager *m = userdata;
        TrackerState state = account_get_tracker_state(a);

        if (m->account != a)
                return;
        manager_account_settled(m);
        if (m->account_announced && m->observer.on_account_changed)
                m->observer.on_account_changed(m, a, m->observer_userdata);
        if (state == TRACKER_UNTRUSTED)
                manager_trust_settings(m);
        if (account_is_replaced(a))
                manager_stop_hosting(m, "moved", "replaced");
        else if (!account_may_host(a))
                manager_stop_hosting(m, "unhosted", "revoked");
        if (state != TRACKER_CONNECTING && state != TRACKER_ONLINE)
                manager_serve_all(m);
}

static void on_signed_in(Account *a, void *userdata) {
        Manager *m = userdata;
        int r;

        m->me = (Actor){ .user_type = account_get_user_type(a) };
        snprintf(m->me.username, sizeof(m->me.username), "%s", account_get_username(a));
        account_get_key_id(a, m->me.key_id);
        log_fields(LOG_INFO, 0,
                   LOG_FIELDS("MESSAGE_ID", MESSAGE_SIGNED_IN, "CHAT_USER", m->me.username,
                              "CHAT_KEY", m->me.key_id, "CHAT_TRACKER", account_get_tracker_id(a)),
                   "Signed in as %s.", m->me.username);
        m->account = a;
        manager_keep_identity(m, account_get_identity(a));
        update_tls(m);
        r = host_links_new(m->rt, make_tls, check_peer, m, &m->links);
        if (r >= 0)
                r = manager_load_channels(m);
        if (r < 0) {
                log_error_errno(r, "Cannot read the channels of %s", m->me.username);
                manager_started(m, r);
                account_is_shown(a);
        }
}

static bool on_leaving(Account *a, void *userdata) {
        return manager_sign_out_begin(userdata);
}

static void on_signing_out(Account *a, void *userdata) {
        Manager *m = userdata;

        manager_sign_out_done(m);
        log_fields(LOG_INFO, 0,
                   LOG_FIELDS("MESSAGE_ID", MESSAGE_SIGNED_OUT, "CHAT_USER", m->me.username,
                              "CHAT_TRACKER", account_get_tracker_id(a)),
                   "Signed out %s.", m->me.username);
        manager_stop_backup(m);
        manager_release_all(m);
        manager_drop_channels(m);
        m->me = (Actor){};
        update_tls(m);
        manager_changed(m);
}

static void on_not_erased(Account *a, uint64_t identity, bool is_deleted, void *userdata) {
        manager_delete_row(userdata, is_deleted ? store_delete_identity : store_sign_out, identity);
}

static void on_certificate(Account *a, void *userdata) {
        update_tls(userdata);
}

static void on_online(Account *a, void *userdata) {
        Manager *m = userdata;

        manager_changed(m);
        manager_ask_revocations(m);
        manager_sweep_soon(m);
        if (!m->me.username[0] || m->channels_job)
                return;
        (void) manager_refresh_addresses(m);
        manager_register_all(m);
        manager_locate_all(m);
}

static void on_directory(Account *a, const DirectoryEntry *changed, size_t n_changed,
                         const char *const *removed, size_t n_removed, bool reset,
                         uint64_t generation, void *userdata) {
        Manager *m = userdata;

        manager_directory(m, changed, n_changed, removed, n_removed, reset);
        if (m->observer.on_directory_changed)
                m->observer.on_directory_changed(m, generation, m->observer_userdata);
}

static const AccountHandlers account_handlers = {
        .on_changed = on_changed,
        .on_signed_in = on_signed_in,
        .on_leaving = on_leaving,
        .on_signing_out = on_signing_out,
        .on_not_erased = on_not_erased,
        .on_certificate = on_certificate,
        .on_online = on_online,
        .on_directory = on_directory,
};

/* ---- coming and going ---- */

void manager_drop_account(Manager *m) {
        Account *a = m->account;

        manager_sign_out_done(m);
        manager_drop_channels(m);
        m->me = (Actor){};
        peer_server_set_tls(m->peers, NULL);
        if (!a)
                return;
        if (m->account_announced && m->observer.on_account_removed)
                m->observer.on_account_removed(m, a, m->observer_userdata);
        m->account_announced = false;
        m->account = NULL;
        account_free(a);
        m->revoked = revoked_keys_free(m->revoked);
}

int manager_set_account(Manager *m, const StoredTracker *tracker, const StoredIdentity *identity) {
        int r;

        manager_drop_account(m);
        r = account_new(m->rt, m->store, tracker, &account_handlers, m, &m->account);
        if (r >= 0 && tracker->pin[0])
                r = revoked_keys_new(m->rt, m->store, tracker, on_revoked, m, &m->revoked);
        if (r < 0) {
                m->account = account_free(m->account);
                return r;
        }
        r = account_start(m->account, identity);
        if (r < 0)
                log_error_errno(r, "Cannot use the identity that is stored: sign in again");
        m->account_announced = true;
        if (m->observer.on_account_added)
                m->observer.on_account_added(m, m->account, m->observer_userdata);
        return 0;
}

int manager_set_account_from_settings(Manager *m) {
        StoredTracker tracker = { .address = m->tracker_address };

        return m->tracker_address ? manager_set_account(m, &tracker, NULL) : 0;
}

static void on_loaded(int r, const StoredTracker *tracker, const StoredIdentity *identity,
                      void *userdata) {
        Manager *m = userdata;
        bool is_later;
        Failure f;

        m->load_job = NULL;
        if (identity && manager_is_to_erase(m, identity->row))
                identity = NULL;
        if (r >= 0)
                r = tracker ? manager_set_account(m, tracker, identity)
                            : manager_set_account_from_settings(m);
        is_later = manager_load_later(m, r);
        if (r < 0) {
                log_fields(store_log_level(m->store, r), r, NULL, "Cannot read %s/p2pchat.db%s",
                           m->state_path,
                           r == -EPROTONOSUPPORT ? ", which a newer version of p2pchatd wrote: "
                                                   "install that one"
                           : r == -EBADMSG       ? ", in which something is not as it should be: "
                                                   "bring back a copy, or move it away to begin anew"
                                                 : "");
                (void) store_fail(m->store, &f, r, "Cannot read what is stored");
        }
        /* With an identity its channels are part of the state. */
        if (!m->channels_job)
                manager_started(m, is_later ? 0 : r);
        if (r < 0)
                operation_complete(m->account_op, &f);
        else if (m->account)
                manager_account_settled(m);
        manager_archive_loaded(m, r);
}

int manager_load(Manager *m) {
        return store_load(m->store, on_loaded, m, &m->load_job);
}
