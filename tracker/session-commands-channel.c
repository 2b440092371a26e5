/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the commands of hosts are spelt (HOST HEARTBEAT VIEW UNHOST); leaves what they do to
 * registry and directory. */
#include "base/log-pace.h"
#include "tracker/message-ids.h"
#include "tracker/session-internal.h"
#include "wire/limits.h"

typedef struct ChannelFields {
        const char *channel_name, *channel_id, *previous, *view_permission, *topic, *instance;
        const Value *addresses, *channels;
        uint64_t epoch, last_seq, members, revocations_after;
        bool take_over, forget;
} ChannelFields;

#define AT(f) offsetof(ChannelFields, f)

/* Lists of HEARTBEAT; the rest of the frame is for what stands around them. */
#define BEAT_BYTES_MAX (FRAME_BYTES_MAX - 512)

static int read_view(RpcRequest *request, const char *text, bool *ret_restricted) {
        if (!streq(text, "public") && !streq(text, "restricted")) {
                session_fail_field(request, "view_permission", "public or restricted.");
                return -EINVAL;
        }
        *ret_restricted = streq(text, "restricted");
        return 0;
}

static int check_topic(RpcRequest *request, const char *topic) {
        if (text_is_valid(topic, strlen(topic), false))
                return 0;
        session_fail_field(request, "topic", "text of one line without control characters.");
        return -EINVAL;
}

static int read_addresses(RpcRequest *request, const Value *list, Address *ret, size_t *ret_n) {
        size_t n = value_length(list);

        for (size_t i = 0; i < n; i++) {
                const char *s = value_string(value_at(list, i), NULL);

                if (!s || address_parse(s, false, &ret[i]) < 0) {
                        session_fail_field(request, "addresses", "ip:port or [ip6]:port, each.");
                        return -EINVAL;
                }
        }
        *ret_n = n;
        return 0;
}

/* Nobody who lost the key to another one gets it back by asking again. */
static bool check_instance(Session *s, RpcRequest *request, const char *instance) {
        HolderClaim claim = session_claim(s, instance);

        if (instance && !uuid_is_valid(instance)) {
                session_fail_field(request, "instance", "a UUID in lower case.");
                return false;
        }
        if (holders_admit(s->services->holders, &claim))
                return true;
        rpc_request_fail_code(request, ERROR_CONFLICT,
                              "The same identity hosts from another computer, which came later.");
        session_go_away(s, "replaced", 0);
        return false;
}

/* It was given a lease: whoever had the key until now hears that it has not any more. */
static void take_key(Session *s, const char *instance) {
        HolderClaim claim = session_claim(s, instance);
        Session *other = holders_take(s->services->holders, &claim);

        if (!other)
                return;
        log_paced(s->services->rt->pace, s->subject.name, LOG_NOTICE,
                  LOG_FIELDS("MESSAGE_ID", MESSAGE_TRACKER_HOST_REPLACED, "CHAT_USER",
                             s->subject.name, "CHAT_KEY", s->subject.key_id),
                  "%s hosts by one key over two connections: the older one is sent away.",
                  s->subject.name);
        session_go_away(other, "replaced", 0);
}

/* What a reply still needs when the disk has it. */
typedef struct HostReply {
        RpcRequest *request;
        Session *session; /* weak; gone with the request's connection */
        char instance[UUID_STRING_SIZE];
        uint64_t lease_usec;
        char channel_id[UUID_STRING_SIZE];
        char observed[ADDRESS_STRING_SIZE];
} HostReply;

static void on_hosted(const Failure *failure, uint64_t epoch, void *userdata) {
        _cleanup_free_ HostReply *h = userdata;
        _cleanup_(writer_done) Writer w = { 0 };

        if (failure) {
                rpc_request_fail(h->request, failure);
                return;
        }
        if (rpc_request_get_rpc(h->request))
                take_key(h->session, h->instance);
        writer_begin_object(&w, NULL);
        writer_string(&w, "channel_id", h->channel_id);
        writer_uint(&w, "epoch", epoch);
        writer_uint(&w, "lease_seconds", h->lease_usec / USEC_PER_SEC);
        writer_string(&w, "observed_address", h->observed[0] ? h->observed : NULL);
        writer_end_object(&w);
        rpc_request_reply(h->request, &w);
}

void session_host(Session *s, RpcRequest *request) {
        static const Field table[] = {
                { "channel_name", FIELD_STRING, AT(channel_name), true },
                { "channel_id", FIELD_STRING, AT(channel_id), true },
                { "addresses", FIELD_ARRAY, AT(addresses), true, 0, ADDRESSES_MAX },
                { "view_permission", FIELD_STRING, AT(view_permission), true },
                { "topic", FIELD_STRING, AT(topic), true, 0, TOPIC_BYTES_MAX },
                { "epoch", FIELD_UINT, AT(epoch), true },
                { "last_seq", FIELD_UINT, AT(last_seq), true },
                { "members", FIELD_UINT, AT(members), true },
                { "take_over", FIELD_BOOL, AT(take_over), false },
                { "instance", FIELD_STRING, AT(instance), false },
                { "previous", FIELD_STRING, AT(previous), false },
                {},
        };
        Registry *registry = s->services->registry;
        Address given[ADDRESSES_MAX], kept[ADDRESSES_MAX];
        _cleanup_free_ HostReply *h = NULL;
        ChannelFields f = { 0 };
        size_t n_given, n_kept;
        Failure failure;
        bool restricted;

        if (rpc_request_read(request, table, &f) < 0 ||
            !session_check_channel_name(request, f.channel_name) ||
            read_view(request, f.view_permission, &restricted) < 0 ||
            check_topic(request, f.topic) < 0 ||
            read_addresses(request, f.addresses, given, &n_given) < 0)
                return;
        if (!uuid_is_valid(f.channel_id)) {
                session_fail_field(request, "channel_id", "a UUID in lower case.");
                return;
        }
        if (!check_instance(s, request, f.instance))
                return;
        if (f.previous && (!uuid_is_valid(f.previous) || streq(f.previous, f.channel_id))) {
                session_fail_field(request, "previous", "the UUID of another channel.");
                return;
        }
        h = new0(HostReply, 1);
        if (!h) {
                rpc_request_fail_code(request, ERROR_INTERNAL, "Out of memory.");
                return;
        }
        h->request = request;
        h->session = s;
        snprintf(h->instance, sizeof(h->instance), "%s", f.instance ?: "");
        h->lease_usec = registry_get_lease_usec(registry);
        strcpy(h->channel_id, f.channel_id);
        asker_filter_addresses(&s->asker, given, n_given, &s->address, kept, &n_kept, h->observed);
        if (registry_host(registry,
                          &(HostRequest){
                                  .owner = s->subject.name,
                                  .key = s->subject.key_id,
                                  .channel_name = f.channel_name,
                                  .channel_id = f.channel_id,
                                  .previous = f.previous,
                                  .topic = f.topic,
                                  .addresses = kept,
                                  .n_addresses = n_kept,
                                  .restricted = restricted,
                                  .over_loopback = s->asker.over_loopback,
                                  .take_over = f.take_over,
                                  .epoch = f.epoch,
                                  .last_seq = f.last_seq,
                                  .members = f.members,
                          },
                          on_hosted, h, &failure) < 0)
                rpc_request_fail(request, &failure);
        else
                TAKE_PTR(h);
}

typedef struct HeartbeatReply {
        RpcRequest *request;
        Writer payload;
} HeartbeatReply;

static void heartbeat_reply_free(HeartbeatReply *h) {
        writer_done(&h->payload);
        free(h);
}

static void on_heartbeat_stored(const Failure *failure, uint64_t epoch, void *userdata) {
        HeartbeatReply *h = userdata;

        if (failure)
                rpc_request_fail(h->request, failure);
        else
                rpc_request_reply(h->request, &h->payload);
        heartbeat_reply_free(h);
}

/* All elements are read before the first has an effect: a bad one refuses the whole. */
static int read_beats(RpcRequest *request, const Value *list, HostRequest *beats) {
        static const Field table[] = {
                { "channel_name", FIELD_STRING, AT(channel_name), true },
                { "epoch", FIELD_UINT, AT(epoch), true },
                { "last_seq", FIELD_UINT, AT(last_seq), true },
                { "members", FIELD_UINT, AT(members), true },
                {},
        };

        for (size_t i = 0; i < value_length(list); i++) {
                ChannelFields f = { 0 };
                const char *bad;

                if (fields_read(value_at(list, i), table, &f, &bad) < 0) {
                        session_fail_field(request, "channels",
                                           "objects of channel_name, epoch, last_seq, members.");
                        return -EINVAL;
                }
                if (!session_check_channel_name(request, f.channel_name))
                        return -EINVAL;
                beats[i] = (HostRequest){
                        .channel_name = f.channel_name,
                        .epoch = f.epoch,
                        .last_seq = f.last_seq,
                        .members = f.members,
                };
        }
        return 0;
}

/* The number of leases that it kept. */
static size_t run_beats(Session *s, HostRequest *beats, size_t n, uint64_t revocations_after,
                        Writer *w, DbProgress **progress, size_t *n_progress) {
        Registry *registry = s->services->registry;
        size_t n_kept = 0;
        ErrorCode error;

        writer_begin_object(w, NULL);
        writer_uint(w, "lease_seconds", registry_get_lease_usec(registry) / USEC_PER_SEC);
        writer_begin_array(w, "lost");
        for (size_t i = 0; i < n; i++) {
                beats[i].owner = s->subject.name;
                beats[i].key = s->subject.key_id;
                error = registry_heartbeat(registry, &beats[i], progress, n_progress);
                if (error == ERROR_NONE) {
                        n_kept++;
                        continue;
                }
                writer_begin_object(w, NULL);
                writer_string(w, "channel_name", beats[i].channel_name);
                writer_string(w, "error", error_info(error)->wire);
                writer_end_object(w);
        }
        writer_end_array(w);
        revocations_write(s->services->revocations, w, revocations_after,
                          w->size < BEAT_BYTES_MAX ? BEAT_BYTES_MAX - w->size : 0);
        writer_end_object(w);
        return n_kept;
}

void session_heartbeat(Session *s, RpcRequest *request) {
        static const Field table[] = {
                { "channels", FIELD_ARRAY, AT(channels), true, 0, CHANNELS_HOSTED_MAX },
                { "revocations_after", FIELD_UINT, AT(revocations_after), true },
                { "instance", FIELD_STRING, AT(instance), false },
                {},
        };
        _cleanup_free_ DbProgress *progress = NULL;
        _cleanup_free_ HostRequest *beats = NULL;
        size_t n_progress = 0;
        ChannelFields f = { 0 };
        HeartbeatReply *h;
        Failure failure;

        if (rpc_request_read(request, table, &f) < 0 ||
            (value_length(f.channels) > 0 && !check_instance(s, request, f.instance)))
                return;
        beats = new0(HostRequest, value_length(f.channels) + 1);
        h = new0(HeartbeatReply, 1);
        if (!beats || !h) {
                free(h);
                rpc_request_fail_code(request, ERROR_INTERNAL, "Out of memory.");
                return;
        }
        h->request = request;
        if (read_beats(request, f.channels, beats) < 0) {
                heartbeat_reply_free(h);
                return;
        }
        if (run_beats(s, beats, value_length(f.channels), f.revocations_after, &h->payload,
                      &progress, &n_progress) > 0)
                take_key(s, f.instance);
        if (n_progress == 0)
                on_heartbeat_stored(NULL, 0, h);
        else if (registry_put_progress(s->services->registry, progress, n_progress,
                                       on_heartbeat_stored, h, &failure) < 0)
                on_heartbeat_stored(&failure, 0, h);
}

static void on_changed(const Failure *failure, uint64_t epoch, void *userdata) {
        if (failure)
                rpc_request_fail(userdata, failure);
        else
                rpc_request_reply(userdata, NULL);
}

void session_view(Session *s, RpcRequest *request) {
        static const Field table[] = {
                { "channel_name", FIELD_STRING, AT(channel_name), true },
                { "view_permission", FIELD_STRING, AT(view_permission), false },
                { "topic", FIELD_STRING, AT(topic), false, 0, TOPIC_BYTES_MAX },
                {},
        };
        ChannelFields f = { 0 };
        bool restricted = false;
        Failure failure;

        if (rpc_request_read(request, table, &f) < 0 ||
            !session_check_channel_name(request, f.channel_name) ||
            (f.view_permission && read_view(request, f.view_permission, &restricted) < 0) ||
            (f.topic && check_topic(request, f.topic) < 0))
                return;
        if (registry_view(s->services->registry, f.channel_name, s->subject.name,
                          f.view_permission ? &restricted : NULL, f.topic, on_changed, request,
                          &failure) < 0)
                rpc_request_fail(request, &failure);
}

void session_unhost(Session *s, RpcRequest *request) {
        static const Field table[] = {
                { "channel_name", FIELD_STRING, AT(channel_name), true },
                { "forget", FIELD_BOOL, AT(forget), true },
                {},
        };
        Registry *registry = s->services->registry;
        ChannelFields f = { 0 };
        Failure failure;
        int r;

        if (rpc_request_read(request, table, &f) < 0 ||
            !session_check_channel_name(request, f.channel_name))
                return;
        r = f.forget ? registry_forget(registry, f.channel_name, s->subject.name, on_changed,
                                       request, &failure)
                     : registry_unhost(registry, f.channel_name, s->subject.name, s->subject.key_id,
                                       on_changed, request, &failure);
        if (r < 0)
                rpc_request_fail(request, &failure);
}
