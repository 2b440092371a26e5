/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows every bound on what comes from outside, and why; leaves enforcing to who reads it. */
#pragma once

#include "base/names.h"

/* protocol §2 */
#define FRAME_BYTES_MAX 65536          /* one frame, header and LF included */
#define FRAME_BYTES_ANONYMOUS_MAX 8192 /* before sign-in or join: strangers get less */
#define HEADER_BYTES_MAX 24
#define REQUEST_ID_BYTES_MAX 64
#define JSON_DEPTH_MAX 8 /* BODY is 1 */
#define NUMBER_MAX ((UINT64_C(1) << 53) - 1)
#define IN_FLIGHT_PEER 32                         /* unanswered requests a connection, on a host */
#define IN_FLIGHT_TRACKER 1000                    /* … on the tracker */
#define IN_FLIGHT_BYTES_MAX (2 * FRAME_BYTES_MAX) /* … as text; parsed, 300 times that at worst */
#define REQUEST_TIMEOUT_USEC (10 * USEC_PER_SEC)
#define FEATURES_MAX 32
#define AGENT_BYTES_MAX 64
#define ADDRESSES_MAX 8
#define TOPIC_BYTES_MAX 512
#define REASON_BYTES_MAX 256
#define QUERY_BYTES_MAX 64
#define PASSWORD_BYTES_MIN 8
#define PASSWORD_BYTES_MAX 256
#define RECOVERY_CODE_BYTES_MAX 64 /* ours: people may space theirs as they like */
#define CSR_BYTES_MAX 4096
#define MESSAGE_BYTES_MAX 16384
#define META_BYTES_MAX 1024
#define MESSAGES_PER_REQUEST_MAX 64
#define ENTRY_EXTRA_BYTES_MAX 4096 /* keys of kinds that this version does not know */
#define LIST_LIMIT_MAX 200
#define RETENTION_DAYS_MAX 36500 /* a century: longer is for ever, and ends in year 9999 */
#define HISTORY_LIMIT_MAX 500
#define MEMBERS_LIMIT_MAX 500
/* Online in a channel; of more only the number is pushed: each who comes or goes would be told to
 * all others. */
#define PRESENCE_ONLINE_MAX 500
#define WHY_MAX 8         /* sentences of ACCESS: what there is to say of one person */
#define WHY_BYTES_MAX 256 /* … of a line or two each; a longer reason ends in an ellipsis */

/* Ours: an invitation. The longest of our own has some 600 bytes with each byte of a host's name
 * percent-encoded; keys of a later version have as much room again, and programs pass on links of
 * 2,000 bytes unharmed. */
#define INVITE_BYTES_MAX 2000
#define INVITE_HOST_BYTES_MAX 253 /* DNS; more than any numeric address */

/* protocol §3 */
#define PING_INTERVAL_USEC (20 * USEC_PER_SEC) /* ± 10 % */
#define SILENCE_MAX_USEC (45 * USEC_PER_SEC)   /* two pings and a bit: half-open connections end */
#define HELLO_TIMEOUT_USEC (10 * USEC_PER_SEC)
#define TLS_TIMEOUT_USEC (10 * USEC_PER_SEC)
#define CONNECT_TIMEOUT_USEC (10 * USEC_PER_SEC)
#define LINGER_USEC (1 * USEC_PER_SEC) /* reading drained before a close */

/* protocol §1, §4 */
#define TRACKER_PORT 22236
#define PEER_PORT 22237
#define LEASE_USEC (60 * USEC_PER_SEC)
#define CERTIFICATE_USER_DAYS 7
#define CERTIFICATE_GUEST_HOURS 24
#define CERTIFICATE_TRACKER_DAYS 90
/* Of one tracker, one after the other. By then the first of its authorities is old: an operator who
 * changes it each year has eight years. */
#define AUTHORITIES_MAX 8
#define CHAIN_BYTES_MAX 6144 /* in PEM, 8 of some 620 bytes: fits an answer to strangers */
/* How long what an authority signed counts when it has a successor: the life of what it signs. */
#define PREDECESSOR_USEC (CERTIFICATE_USER_DAYS * USEC_PER_DAY)
#define PREDECESSOR_SLACK_USEC (10 * USEC_PER_MINUTE) /* … and what it signs meanwhile */
#define CERTIFICATE_GRACE_USEC (10 * USEC_PER_MINUTE) /* a connection outlives its certificate */
#define DEVICE_UNSEEN_DAYS 180

/* Ours: what one process gives to all of its clients together. */
#define CONNECTIONS_MAX 8000           /* of 20,000 descriptors; the store needs some too */
#define CONNECTIONS_PER_SOURCE_MAX 256 /* one NAT's worth of people */
#define HANDSHAKES_MAX 256             /* unfinished: each costs CPU, nobody knows whose */
#define HANDSHAKES_PER_SOURCE_MAX 64   /* … but a few sources cannot take them all */
#define CONTROL_BYTES_MAX 65536        /* answers that wait unread; beyond: no more requests */
#define FRAMES_PER_TURN 32             /* one busy peer does not starve the others */
#define CHANNELS_HOSTED_MAX 1000
/* Who was refused and hears when it may come: ≈ 0.5 KiB each. Those beyond do not, and ask again
 * within the hour. */
#define REFUSED_PER_CHANNEL_MAX 1000  /* connections of a channel */
#define REFUSED_PER_CONNECTION_MAX 32 /* channels of a connection */
#define CHANNELS_JOINED_MAX 1000
#define ROLE_KEYS_PER_USER_MAX 16 /* that somebody with a role came with; the oldest is forgotten  \
                                   */
#define ROLE_KEYS_MAX 100000      /* of one channel, ≈ 15 MiB */
#define IGNORED_MAX 1000          /* people, in one channel: ≈ 20 KiB on the bus */
#define OUTBOX_ROWS_MAX 10000     /* a channel; QueueFull beyond */
#define OUTBOX_BYTES_MAX (64 * 1024 * 1024)
/* Revoked keys that a daemon remembers, ≈ 20 MiB: of a week, since no certificate lives longer.
 * The oldest is forgotten. */
#define REVOKED_KEYS_MAX 100000
#define DEVICES_LISTED_MAX 2000        /* in one list, ≈ 240 KiB on the bus */
#define HOST_BACKLOG_REQUESTS_MAX 4096 /* parked while a commit runs; `busy` beyond */

/* Names of whom a channel's host never saw, which it asks the tracker about before it gives them a
 * role or bans them. */
#define LOOKUPS_AT_ONCE_MAX 8   /* one moderator does not fill the tracker's connection */
#define LOOKUPS_WAITING_MAX 256 /* requests; `busy` beyond, so that there is room for messages */
#define LOOKUP_TIMEOUT_USEC (8 * USEC_PER_SEC) /* who asked the host gives up at ten */
#define NEAR_KNOWN_MAX 10000                   /* names here that one is compared with, ≈ 1 ms */

/* Ours: how much a channel takes from each, and a host from a connection. */
#define MESSAGE_RATE_DEFAULT 5 /* a second: faster than anybody types */
#define MESSAGE_BURST_DEFAULT 20
/* What one could set and mean: more is no limit. A burst is no more than an outbox holds. */
#define MESSAGE_RATE_MAX 1000
#define MESSAGE_BURST_MAX OUTBOX_ROWS_MAX
#define RATE_ROWS_MAX CONNECTIONS_MAX /* senders, ≈ 2 MiB; who spoke longest ago is forgotten */
/* Requests of each kind for a channel on a connection, a second and at once. HISTORY: who scrolls
 * asks for a few pages a second, who exports a log for many; 50 are ≈ 3 MB. RET_INFO, MEMBERS and the like: four
 * pages are a channel of 2,000, and who is there changes once a second. */
#define HISTORY_RATE 50
#define HISTORY_BURST 500
#define INFORMATION_RATE 20
#define INFORMATION_BURST 100
#define OWN_STATE_RATE 2 /* INVISIBLE, STATUS: people come and go, screens lock */
#define OWN_STATE_BURST 20
#define GOVERNANCE_RATE 50   /* each is a commit and an entry for ever: a quarter of a slow disk */
#define GOVERNANCE_BURST 200 /* a script that lets in a whole company */

/* Ours: search. A step of the index delays acknowledgements by ≈ 3 ms, 10 at worst, no more than
 * a slow disk does; a look at a page of what was found takes ≈ 25 ms of the reader. */
#define INDEX_STEP_ENTRIES 256 /* brought into the index in one transaction … */
#define INDEX_STEP_BYTES 65536 /* … or as much of their JSON, but one entry */
#define INDEX_MERGES 4         /* of segments, behind that and in the same transaction … */
#define INDEX_MERGE_PAGES 16   /* … of so many pages each: more than a step adds on the average */
#define INDEX_PURGE_PAGES 100  /* of ≈ 4 KiB, written anew in one transaction after a removal */
#define SEARCH_BYTES_MAX 1024  /* one query: a sentence or two of any script */
#define SEARCH_WORDS_MAX 16    /* each is looked for in each candidate */
#define SEARCH_GRAMS_MAX 32    /* asked of the index; a few make the candidates few */
#define SEARCH_STEP_MAX 8192   /* entries that one look reads, by the index or one by one */
#define SEARCH_INDEXED_PER_READ 64 /* entries that the index passes over in the time of one */
#define SEARCH_BYTES_PER_READ 512  /* a long entry costs as much as several */

/* Ours: what the tracker does for strangers. */
/* New devices of a user by SIGNIN, and as many by RECOVER; a script that signs in every quarter of
 * an hour stays below. Each may leave a revocation for a certificate's life and the week that hosts
 * keep it: by either ≈ 1,600 of REVOKED_KEYS_MAX. What is used up comes back one by one. */
#define SIGN_INS_PER_DAY 100
/* WHOIS of names that nobody has, by one asker: a list of a hundred people with typing errors goes
 * through; who guesses names learns at most three with each. */
#define WHOIS_MISSES_PER_MINUTE 120
#define NEAR_ROWS_MAX                                                                              \
        1000 /* that a search for near names reads around the wanted one, ≈ 0.5 ms               \
              */
/* At a time, ≈ 10 ms of the reader each with a million accounts; further misses are told none. */
#define NEAR_SEARCHES_MAX 8
#define THROTTLE_SOURCES_MAX 10000 /* remembered at a time, ≈ 1 MiB; the oldest is forgotten */
#define HOLDERS_MAX 20000        /* keys that host, ≈ 8 MiB; the one longest gone is forgotten */
#define INSTANCES_REPLACED_MAX 4 /* a key; nobody copies a state directory more often at a time */
#define CHANNELS_OWNED_MAX 1000  /* names bound to one user, ≈ 2 MiB; as many as one may host */
#define LOGS_RETIRED_MAX 1000    /* ids that new logs of one user took the place of, kept */
#define LIST_SCAN_MAX 1000       /* channels that one LIST looks at, ≈ 1 ms; then `next` */
/* What operators list: a page is ≈ 100 KiB on the bus, and takes ≈ 10 ms of the reader. */
#define OPERATOR_LIMIT_MAX 500
#define USERS_SCAN_MAX 10000
#define CHANNELS_SCAN_MAX 10000
#define OPERATOR_CALLS_MAX 256 /* unanswered: each is a page at most */
#define PASSWORD_JOBS_MAX 128    /* hashes wanted at a time, ≈ 3 s on two cores; then `busy` */
