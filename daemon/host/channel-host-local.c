/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the local user writes into a channel that is hosted here: by the queue that everybody
 * else uses. Leaves the bus to its callers. */
#include "daemon/host/channel-host-internal.h"

int local_push(ChannelHost *h, Work *w) {
        Failure f;

        if (h->closing)
                return -ESHUTDOWN;
        if (queue_admit(h, w->n_bytes, &f) < 0)
                return -ENOBUFS;
        queue_push(h, w);
        return 0;
}

int channel_host_send(ChannelHost *h, const Actor *actor, const LocalMessage *messages, size_t n,
                      channel_host_sent_fn done, void *userdata) {
        _cleanup_(work_freep) Work *w = NULL;
        int r;

        if (n < 1 || n > BATCH_ENTRIES_MAX)
                return -EINVAL;
        r = work_new(WORK_MESSAGES, actor, n, &w);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                if (!uuid_is_valid(messages[i].id))
                        return -EINVAL;
                memcpy(w->messages[i].id, messages[i].id, sizeof(w->messages[i].id));
                r = entry_extra_message(messages[i].text, messages[i].meta, &w->messages[i].extra,
                                        &w->messages[i].n_extra);
                w->n_bytes += w->messages[i].n_extra;
        }
        if (r < 0)
                return r;
        w->sent = done;
        w->userdata = userdata;
        r = local_push(h, w);
        if (r < 0)
                return r;
        TAKE_PTR(w);
        return 0;
}

int local_new_change(ChannelHost *h, WorkKind kind, const Actor *actor, channel_host_done_fn done,
                     void *userdata, Work **ret) {
        int r = work_new(kind, actor, 1, ret);

        if (r < 0)
                return r;
        random_uuid(h->rt->random, (*ret)->messages[0].id);
        (*ret)->done = done;
        (*ret)->userdata = userdata;
        return 0;
}

int channel_host_set_permissions(ChannelHost *h, const Actor *actor, const Permissions *p,
                                 channel_host_done_fn done, void *userdata) {
        _cleanup_(work_freep) Work *w = NULL;
        int r;

        r = local_new_change(h, WORK_VIEW, actor, done, userdata, &w);
        if (r < 0)
                return r;
        w->permissions = *p;
        r = local_push(h, w);
        if (r < 0)
                return r;
        TAKE_PTR(w);
        return 0;
}

int channel_host_set_topic(ChannelHost *h, const Actor *actor, const char *topic,
                           channel_host_done_fn done, void *userdata) {
        _cleanup_(work_freep) Work *w = NULL;
        int r;

        if (strlen(topic) > TOPIC_BYTES_MAX || !text_is_valid(topic, strlen(topic), false))
                return -EINVAL;
        r = local_new_change(h, WORK_TOPIC, actor, done, userdata, &w);
        if (r < 0)
                return r;
        r = free_and_strdup(&w->topic, topic);
        if (r < 0)
                return r;
        r = local_push(h, w);
        if (r < 0)
                return r;
        TAKE_PTR(w);
        return 0;
}

int channel_host_authorize(ChannelHost *h, const Actor *actor, const char *target, Role role,
                           const char *reason, channel_host_done_fn done, void *userdata) {
        _cleanup_(work_freep) Work *w = NULL;
        int r;

        if (!name_is_valid(target) || (reason && (strlen(reason) > REASON_BYTES_MAX ||
                                                  !text_is_valid(reason, strlen(reason), false))))
                return -EINVAL;
        r = local_new_change(h, WORK_ROLE, actor, done, userdata, &w);
        if (r < 0)
                return r;
        strcpy(w->target, target);
        w->role = role;
        r = free_and_strdup(&w->reason, reason && reason[0] ? reason : NULL);
        if (r >= 0)
                r = local_push(h, w);
        if (r < 0)
                return r;
        TAKE_PTR(w);
        return 0;
}

int channel_host_redact(ChannelHost *h, const Actor *actor, uint64_t seq, const char *reason,
                        channel_host_done_fn done, void *userdata) {
        _cleanup_(work_freep) Work *w = NULL;
        int r;

        if (reason &&
            (strlen(reason) > REASON_BYTES_MAX || !text_is_valid(reason, strlen(reason), false)))
                return -EINVAL;
        r = local_new_change(h, WORK_REDACT, actor, done, userdata, &w);
        if (r < 0)
                return r;
        w->target_seq = seq;
        r = free_and_strdup(&w->reason, reason);
        if (r >= 0)
                r = local_push(h, w);
        if (r < 0)
                return r;
        TAKE_PTR(w);
        return 0;
}
