/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the way from nothing to an account, as somebody at a terminal is led along it: tracker,
 * pin, name, password, recovery code. Leaves asking to password.c, and what the daemon is asked to
 * the client. An empty answer or Ctrl-C ends it anywhere, and nothing is made by then. */
#include "ctl/verb/guided.h"

#include <signal.h>

#include "ctl/client/client.h"
#include "ctl/password.h"
#include "ctl/program.h"
#include "ctl/show/print.h"

#define PIN_PREFIX "sha256:"
#define PIN_DIGITS 64
#define PIN_SIZE (7 + PIN_DIGITS + 1)
#define PIN_DIGITS_MIN 8 /* as many as nobody hits by chance who was sent elsewhere */
#define PASSWORD_MIN 8   /* the tracker's own least, protocol §2 */

bool guided_may_ask(const Ctl *ctl, bool has_password_fd) {
        return ctl->json == JSON_OFF && !has_password_fd && isatty(STDIN_FILENO) > 0 &&
               isatty(STDERR_FILENO) > 0;
}

/* Ctrl-C is held back, so that it is answered in words, and never loses a recovery code. */
typedef struct Hold {
        sigset_t before;
} Hold;

static void hold_begin(Hold *h) {
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        (void) sigprocmask(SIG_BLOCK, &set, &h->before);
}

static void hold_end(Hold *h) {
        (void) sigprocmask(SIG_SETMASK, &h->before, NULL);
}

static bool is_interrupted(void) {
        sigset_t set;

        return sigpending(&set) >= 0 && sigismember(&set, SIGINT) > 0;
}

static int stopped(Ctl *ctl) {
        static const struct timespec now = {};
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        (void) sigtimedwait(&set, NULL, &now); /* it is answered by this */
        return client_fail_as(ctl, "Cancelled", EXIT_FAILED,
                              _("Stopped, and no account was made. To go on: %s %s"),
                              ctl->program->name, ctl->verb->name);
}

/* What was typed; "" is the end of it, and told. */
static int ask(Ctl *ctl, const char *prompt, char ret[static PASSWORD_SIZE]) {
        int r;

        r = terminal_ask(ctl, prompt, ret);
        if (r != EXIT_OK || (ret[0] && !is_interrupted()))
                return r;
        fputc('\n', stderr); /* behind the question */
        return stopped(ctl);
}

/* ---- the tracker ---- */

/* As it is shown for comparing: groups of four digits, 32 a line. */
static void show_pin(const char *pin) {
        const char *digits = pin + strlen(PIN_PREFIX);

        for (size_t i = 0; i < PIN_DIGITS; i += 4)
                fprintf(stderr, "%s%.4s", i % 32 == 0 ? "\n    " : " ", digits + i);
        fputs("\n\n", stderr);
}

/* Whether what was typed accepts that pin: "yes", or its beginning as somebody read it out, with
 * blanks as they like. */
static bool accepts(const char *typed, const char *pin) {
        const char *digits = pin + strlen(PIN_PREFIX);
        size_t n = 0;

        if (streq(typed, "yes"))
                return true;
        if (strncmp(typed, PIN_PREFIX, strlen(PIN_PREFIX)) == 0)
                typed += strlen(PIN_PREFIX);
        for (; *typed; typed++) {
                char c = *typed;

                if (c == ' ')
                        continue;
                if (c >= 'A' && c <= 'F')
                        c = (char) (c - 'A' + 'a');
                if (n == PIN_DIGITS || c != digits[n])
                        return false;
                n++;
        }
        return n >= PIN_DIGITS_MIN;
}

/* Whoever waits for an address that does not answer may end it, by the signal itself. */
static int set_tracker(Ctl *ctl, const char *address, const char *pin, sd_bus_error *ret_error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        sigset_t set;
        int r;

        r = client_new_call(ctl, FACE_MANAGER, NULL, "SetTracker", &m);
        if (r != EXIT_OK)
                return -ENOTCONN;
        r = sd_bus_message_append(m, "s", address);
        if (r >= 0)
                r = client_append_options(ctl, m, pin ? "pin" : NULL, "s", pin, NULL) == EXIT_OK
                            ? 0
                            : -ENOMEM;
        if (r < 0)
                return r;
        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        (void) sigprocmask(SIG_UNBLOCK, &set, NULL);
        r = client_try(ctl, m, IDENTITY_TIMEOUT_USEC, ret_error, NULL);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
        return r;
}

/* The pin is shown and accepted. EXIT_USAGE: it was not, and another address may be tried. */
static int accept_pin(Ctl *ctl, const char *address, const char *pin) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        char typed[PASSWORD_SIZE] = {};
        int r;

        fputs(_("The tracker there is known by this pin:\n"), stderr);
        show_pin(pin);
        fputs(_("Compare it with the one that its operator gives you, by a way that you trust.\n"),
              stderr);
        for (;;) {
                r = ask(ctl, _("Type its first 8 digits as the operator says them, or yes: "),
                        typed);
                if (r != EXIT_OK)
                        return r;
                if (accepts(typed, pin))
                        break;
                if (streq(typed, "no"))
                        return EXIT_USAGE;
                fputs(_("That is not this pin. If the operator's is another one, this is not "
                        "their tracker: type no.\n"),
                      stderr);
        }
        r = set_tracker(ctl, address, pin, &error);
        return r < 0 ? client_fail(ctl, &error, r) : EXIT_OK;
}

/* The pin that the message of UntrustedTracker names (org.p2pchat.Peer1.Manager.SetTracker). */
static bool find_pin(const char *message, char ret[static PIN_SIZE]) {
        const char *p = message ? strstr(message, PIN_PREFIX) : NULL;

        if (!p || strnlen(p, PIN_SIZE) < PIN_SIZE - 1)
                return false;
        snprintf(ret, PIN_SIZE, "%.*s", PIN_SIZE - 1, p);
        return hex_is_valid(ret + strlen(PIN_PREFIX), PIN_DIGITS);
}

/* EXIT_USAGE: it is not that one, which was told. */
static int try_tracker(Ctl *ctl, const char *address) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        char pin[PIN_SIZE];
        int r;

        fputs(_("Looking for it…\n"), stderr);
        r = set_tracker(ctl, address, NULL, &error);
        if (r >= 0)
                return EXIT_OK;
        if (sd_bus_error_has_name(&error, "org.p2pchat.Error.UntrustedTracker") &&
            find_pin(error.message, pin))
                return accept_pin(ctl, address, pin);
        r = client_fail(ctl, &error, r);
        return r == EXIT_NO_DAEMON ? r : EXIT_USAGE;
}

static int find_tracker(Ctl *ctl) {
        _cleanup_(snapshot_done) Snapshot s = {};
        char address[PASSWORD_SIZE] = {};
        int r;

        r = client_get_snapshot(ctl, &s);
        if (r != EXIT_OK || (s.account.path && *s.account.pin))
                return r;
        fputs(_("A tracker knows who is who, and where channels are. Which one is yours? Whoever "
                "runs it for you\nand your friends tells you; localhost is this computer's.\n"),
              stderr);
        do {
                r = ask(ctl, _("Tracker (HOST or HOST:PORT): "), address);
                if (r == EXIT_OK)
                        r = try_tracker(ctl, address);
        } while (r == EXIT_USAGE);
        return r;
}

int guided_tracker(Ctl *ctl) {
        Hold hold;
        int r;

        hold_begin(&hold);
        r = find_tracker(ctl);
        hold_end(&hold);
        return r;
}

/* ---- the name ---- */

static int ask_name(Ctl *ctl, char ret[static NAME_SIZE]) {
        char typed[PASSWORD_SIZE] = {};
        int r;

        for (;;) {
                r = ask(ctl, _("Name: "), typed);
                if (r != EXIT_OK)
                        return r;
                if (name_fold(typed, ret) >= 0 && name_is_user(ret))
                        return EXIT_OK;
                fputs(_("A name has 2 to 32 of the letters a to z, digits, and . _ - inside it; "
                        "guest- is for guests. An empty line ends this.\n"),
                      stderr);
        }
}

int guided_name(Ctl *ctl, char ret[static NAME_SIZE]) {
        Hold hold;
        int r;

        hold_begin(&hold);
        r = ask_name(ctl, ret);
        hold_end(&hold);
        return r;
}

/* ---- the account ---- */

static int ask_password(Ctl *ctl, char ret[static PASSWORD_SIZE]) {
        int r;

        for (;;) {
                r = password_try(ctl, _("Password, 8 bytes or more: "), ret);
                if (is_interrupted() || r == -ENODATA || r == -EINTR)
                        return stopped(ctl);
                if (r == -EAGAIN)
                        fputs(_("The two passwords differ.\n"), stderr);
                else if (r < 0)
                        return client_fail(ctl, NULL, r);
                else if (strlen(ret) < PASSWORD_MIN)
                        fputs(_("That is too short: a few words are long, and easy to keep.\n"),
                              stderr);
                else
                        return EXIT_OK;
                explicit_bzero(ret, PASSWORD_SIZE);
        }
}

typedef enum SignUpResult {
        SIGN_UP_DONE,
        SIGN_UP_OTHER_NAME,     /* another one is to be found; the password is still good */
        SIGN_UP_OTHER_PASSWORD, /* likewise */
        SIGN_UP_FAILED,
} SignUpResult;

/* What went wrong was told; *ret_exit says it, too. */
static SignUpResult try_sign_up(Ctl *ctl, const char *name, const char *password,
                                sd_bus_message **ret_reply, int *ret_exit) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        *ret_exit = client_new_call(ctl, FACE_MANAGER, NULL, "SignUp", &m);
        if (*ret_exit != EXIT_OK)
                return SIGN_UP_FAILED;
        (void) sd_bus_message_sensitive(m);
        r = sd_bus_message_append(m, "ss", name, password);
        if (r >= 0 && client_append_options(ctl, m, NULL) != EXIT_OK)
                r = -ENOMEM;
        if (r >= 0)
                r = client_try(ctl, m, IDENTITY_TIMEOUT_USEC, &error, ret_reply);
        if (r >= 0)
                return SIGN_UP_DONE;
        *ret_exit = client_fail(ctl, &error, r);
        if (sd_bus_error_has_names(&error, "org.p2pchat.Error.NameTaken",
                                   "org.p2pchat.Error.InvalidName"))
                return SIGN_UP_OTHER_NAME;
        return sd_bus_error_has_name(&error, "org.p2pchat.Error.WeakPassword")
                       ? SIGN_UP_OTHER_PASSWORD
                       : SIGN_UP_FAILED;
}

static int make_account(Ctl *ctl, const char *name, sd_bus_message **ret_reply) {
        char password[PASSWORD_SIZE] = {}, folded[NAME_SIZE] = {};
        bool has_name = name && name_fold(name, folded) >= 0 && name_is_user(folded);
        SignUpResult result = SIGN_UP_FAILED;
        int r;

        do {
                r = has_name ? EXIT_OK : ask_name(ctl, folded);
                if (r == EXIT_OK && !password[0])
                        r = ask_password(ctl, password);
                if (r != EXIT_OK)
                        break;
                result = try_sign_up(ctl, folded, password, ret_reply, &r);
                has_name = result != SIGN_UP_OTHER_NAME;
                if (result == SIGN_UP_OTHER_PASSWORD)
                        explicit_bzero(password, sizeof(password));
        } while (result == SIGN_UP_OTHER_NAME || result == SIGN_UP_OTHER_PASSWORD);
        explicit_bzero(password, sizeof(password));
        return r;
}

/* The code is seen before anything goes on. */
static int show_account(Ctl *ctl, sd_bus_message *reply) {
        char nothing[PASSWORD_SIZE] = {};
        int r;

        r = identity_show_reply(ctl, reply);
        return r == EXIT_OK ? terminal_ask(ctl, _("Written down? Press Enter. "), nothing) : r;
}

static int sign_up(Ctl *ctl, const char *name) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(snapshot_done) Snapshot s = {};
        int r;

        r = client_get_snapshot(ctl, &s);
        if (r == EXIT_OK && s.account.path && streq(s.account.user_type, "registered"))
                return client_fail_as(ctl, "AlreadySignedIn", EXIT_FAILED,
                                      _("You are signed in as %s; for another account: p2pchatctl "
                                        "signout"),
                                      s.account.username);
        if (r == EXIT_OK)
                r = find_tracker(ctl);
        if (r == EXIT_OK)
                r = make_account(ctl, name, &reply);
        return r == EXIT_OK ? show_account(ctl, reply) : r;
}

int guided_sign_up(Ctl *ctl, const char *name) {
        Hold hold;
        int r;

        hold_begin(&hold);
        r = sign_up(ctl, name);
        hold_end(&hold);
        return r;
}
