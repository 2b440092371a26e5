/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a hosting consists of; only manager-host*.c and manager-take-over.c see it. */
#pragma once

#include "daemon/manager/manager-internal.h"

struct Hosting {
        ManagedChannel *channel; /* weak */
        HostFlow *flow;          /* NULL: it came back by itself, or is done */
        ChannelHost *host;
        uint64_t epoch; /* of host, or what it will be */
        bool registered;
        TrackerCall *register_call, *view_call;
        ViewPermission said_view; /* to the tracker; VIEW_INVALID: it may not have it */
        char *said_topic;
        uint64_t register_sent;  /* boottime */
        uint64_t n_refreshed;    /* Manager's: which addresses were sent; 0: none that were taken */
        uint64_t delisted_until; /* boottime; an operator took it out of the directory, and HOST is
                                  * asked again then; 0: it is not known to be out */
        uint64_t held_until; /* boottime; another key holds the lease; 0: not as far as we know */
        char successor[UUID_STRING_SIZE]; /* what the name means now; "": this, or not known */
        TakeOver *take_over;              /* NULL: nobody serves it before us */
        Whois *whois;                     /* what it asks about people */
};

/* manager-host.c */
int hosting_register(Hosting *h);               /* HOST; nothing while it is asked already */
void hosting_serve(Hosting *h, uint64_t epoch); /* may free h */
int hosting_get(ManagedChannel *x);             /* has one from now on */
/* For good: who is there is told closed_reason, the person reason. Frees h. */
void hosting_give_up(Hosting *h, const char *closed_reason, const char *reason);

/* manager-host-delisted.c */
/* That is what HOST was refused for; may free h. */
void hosting_taken_out(Hosting *h, const Failure *f);

/* manager-host-view.c */
/* VIEW, where the tracker was told something else. Called whenever that may be so. */
void hosting_tell_view(Hosting *h);
/* The two members of HOST. */
void hosting_write_view(Hosting *h, const HostWish *wish, Writer *w);
void hosting_view_done(Hosting *h);
