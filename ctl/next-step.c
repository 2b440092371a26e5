/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a person does next whom the daemon has refused something; leaves what went wrong to
 * the daemon's own words, which are for every client. */
#include "ctl/next-step.h"

#define PREFIX "org.p2pchat.Error."

static const struct {
        const char *error; /* behind PREFIX */
        const char *verb;  /* NULL: any; the first that fits counts */
        const char *step;
} steps[] = {
        { "AlreadySignedIn", NULL, N_("p2pchatctl signout") },
        { "BadCredentials", "recover",
          N_("p2pchatctl recover NAME, with the code as it was shown") },
        { "BadCredentials", NULL,
          N_("p2pchatctl signin NAME tries again; with your recovery code: p2pchatctl recover "
             "NAME") },
        { "Banned", NULL, N_("p2pchatctl access CHANNEL says by whom, why and until when") },
        { "CertificateExpired", NULL, N_("p2pchatctl signin NAME") },
        { "ChannelExists", "host",
          N_("p2pchatctl join NAME to be in it, or p2pchatctl host with another name") },
        { "GuestsNotAllowed", NULL, N_("p2pchatctl signup NAME makes a user of you") },
        { "HostOffline", NULL,
          N_("p2pchatctl status CHANNEL says what can be done; p2pchatctl log CHANNEL shows what "
             "is here") },
        { "InvalidName", "signup", N_("p2pchatctl signup with another name") },
        { "NameTaken", NULL,
          N_("p2pchatctl signup with another name; if it is yours: p2pchatctl signin NAME") },
        { "NoSuchChannel", NULL,
          N_("p2pchatctl list shows what there is, p2pchatctl channels what you are in") },
        { "NoSuchEntry", NULL, N_("p2pchatctl log CHANNEL shows what there is, with its numbers") },
        { "NoSuchUser", NULL, N_("p2pchatctl members CHANNEL shows who is there") },
        { "NotModerator", NULL,
          N_("p2pchatctl access CHANNEL says what you may do there, and why") },
        { "NotOwner", NULL, N_("p2pchatctl access CHANNEL says what you may do there, and why") },
        { "NotSignedIn", NULL,
          N_("p2pchatctl signup, which leads you through; or p2pchatctl signin NAME") },
        { "QueueFull", NULL, N_("p2pchatctl outbox shows what waits, and why") },
        { "ReadOnly", NULL, N_("p2pchatctl access CHANNEL says who may write there") },
        { "Restricted", NULL,
          N_("its owner or a moderator lets you in: p2pchatctl authorize CHANNEL YOU; p2pchatctl "
             "access CHANNEL says why you are not") },
        { "Revoked", NULL, N_("p2pchatctl signin NAME") },
        { "TrackerUnreachable", NULL,
          N_("p2pchatctl status says what is tried; if it has moved: p2pchatctl tracker ADDRESS") },
        { "WeakPassword", NULL,
          N_("the same again with a longer one: p2pchatctl signup, or passwd") },
};

const char *next_step(const Ctl *ctl, const char *error) {
        if (strncmp(error, PREFIX, strlen(PREFIX)) != 0)
                return NULL;
        error += strlen(PREFIX);
        for (size_t i = 0; i < ELEMENTSOF(steps); i++)
                if (streq(steps[i].error, error) &&
                    (!steps[i].verb || (ctl->verb && streq(steps[i].verb, ctl->verb->name))))
                        return _(steps[i].step);
        return NULL;
}
