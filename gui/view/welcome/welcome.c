/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the way from nothing to being signed in: a tracker whose pin a person compared, then a
 * name; leaves what comes after to the window. */
#include "gui/view/welcome/welcome.h"

#include <string.h>

#include "gui/i18n.h"
#include "gui/model/sign-in.h"
#include "gui/view/shown.h"
#include "gui/view/welcome/identity-form.h"

struct _ChatWelcome {
        AdwBin parent;
        ChatDaemon *daemon;
        GCancellable *cancellable; /* of what is under way; NULL: nothing */
        char *address, *pin;       /* of the tracker that was asked; the pin it offered */
        gboolean is_busy;

        GtkStack *steps;
        AdwEntryRow *address_row;
        GtkLabel *tracker_error, *pin_label, *pin_text, *mismatch_label, *mismatch_error;
        GtkLabel *choice_tracker, *code;
        AdwEntryRow *last_digits;
        GtkButton *tracker_next, *mismatch_trust, *back, *code_next;
        GtkCheckButton *code_noted;
        GtkSpinner *spinner;
        ChatIdentityForm *form;
};

enum { PROP_0, PROP_BUSY, N_PROPERTIES };
static GParamSpec *specs[N_PROPERTIES];

enum { SIGNAL_SETTLED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(ChatWelcome, chat_welcome, ADW_TYPE_BIN)

/* How many of the digits are typed to accept another pin than the one that is held. */
#define TYPED_DIGITS 8

gboolean chat_welcome_is_busy(ChatWelcome *self) {
        return self->is_busy;
}

static void welcome_set_busy(ChatWelcome *self, gboolean is_busy) {
        if (self->is_busy == is_busy)
                return;
        self->is_busy = is_busy;
        g_object_notify_by_pspec(G_OBJECT(self), specs[PROP_BUSY]);
}

static gboolean is_signed_in(ChatWelcome *self) {
        ChatAccount *account = chat_daemon_get_account(self->daemon);

        return account && chat_account_is_signed_in(account);
}

/* Who is signed in came here for another tracker, and can go without one. */
static void show(ChatWelcome *self, const char *step) {
        const gboolean is_first = g_str_equal(step, "tracker");

        gtk_stack_set_visible_child_name(self->steps, step);
        gtk_widget_set_visible(GTK_WIDGET(self->back),
                               !g_str_equal(step, "code") && (!is_first || is_signed_in(self)));
}

static void stop(ChatWelcome *self) {
        g_cancellable_cancel(self->cancellable);
        g_clear_object(&self->cancellable);
        gtk_spinner_set_spinning(self->spinner, FALSE);
}

static GCancellable *start(ChatWelcome *self) {
        stop(self);
        self->cancellable = g_cancellable_new();
        gtk_spinner_set_spinning(self->spinner, TRUE);
        return self->cancellable;
}

static void tell(GtkLabel *label, const GError *error) {
        g_autofree char *text = error ? chat_error_dup_text(error, NULL) : g_strdup("");

        gtk_label_set_label(label, text);
        gtk_widget_set_visible(GTK_WIDGET(label), error != NULL);
}

static void show_choice(ChatWelcome *self) {
        ChatAccount *account = chat_daemon_get_account(self->daemon);
        const char *tracker = account ? chat_remote_string(CHAT_REMOTE(account), "Tracker") : "";
        g_autofree char *text = g_strdup_printf(_("Your tracker is %s."), tracker);

        gtk_label_set_label(self->choice_tracker, text);
        show(self, "choice");
}

static void settle(ChatWelcome *self) {
        show_choice(self);
        g_signal_emit(self, signals[SIGNAL_SETTLED], 0);
}

static void show_pin(ChatWelcome *self, const char *step, const char *pin, GtkLabel *label) {
        g_autofree char *grouped = chat_sign_in_group_pin(pin);

        g_free(self->pin);
        self->pin = g_strdup(pin);
        gtk_label_set_label(label, grouped);
        gtk_editable_set_text(GTK_EDITABLE(self->last_digits), "");
        show(self, step);
}

static void on_tracker(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(ChatWelcome) self = userdata;
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = chat_remote_call_finish(CHAT_REMOTE(source), result, &error);
        g_autofree char *pin = error ? chat_sign_in_find_pin(error->message) : NULL;

        if (!reply && chat_error_is_cancelled(error))
                return;
        stop(self);
        if (reply) {
                tell(self->tracker_error, NULL);
                settle(self);
        } else if (pin && g_error_matches(error, CHAT_ERROR, ERROR_UNTRUSTED_TRACKER))
                show_pin(self, "pin", pin, self->pin_label);
        else if (pin && g_error_matches(error, CHAT_ERROR, ERROR_PIN_MISMATCH)) {
                tell(self->mismatch_error, NULL);
                show_pin(self, "mismatch", pin, self->mismatch_label);
        } else {
                tell(self->tracker_error, error);
                show(self, "tracker");
        }
}

static void ask_tracker(ChatWelcome *self, const char *pin) {
        chat_sign_in_set_tracker_async(self->daemon, self->address, pin, start(self), on_tracker,
                                       g_object_ref(self));
}

static void on_tracker_next(ChatWelcome *self) {
        g_autofree char *address = g_strdup(gtk_editable_get_text(GTK_EDITABLE(self->address_row)));

        g_strstrip(address);
        if (*address == '\0' || self->cancellable)
                return;
        g_free(self->address);
        self->address = g_steal_pointer(&address);
        ask_tracker(self, "");
}

static void on_address_changed(ChatWelcome *self) {
        gtk_widget_set_sensitive(GTK_WIDGET(self->tracker_next),
                                 *gtk_editable_get_text(GTK_EDITABLE(self->address_row)) != '\0');
}

static void on_pin_same(ChatWelcome *self) {
        if (self->cancellable)
                return;
        ask_tracker(self, self->pin);
}

static void on_pin_differs(ChatWelcome *self) {
        g_autoptr(GError) error = g_error_new_literal(
                CHAT_ERROR, ERROR_UNTRUSTED_TRACKER,
                _("Nothing was sent there. Ask the tracker’s operator for its address and its pin: "
                  "who answers at this address may be somebody else."));

        tell(self->tracker_error, error);
        show(self, "tracker");
}

static void on_mismatch_trust(ChatWelcome *self) {
        const char *typed = gtk_editable_get_text(GTK_EDITABLE(self->last_digits));
        g_autoptr(GError) error = NULL;

        if (self->cancellable)
                return;
        if (strlen(typed) == TYPED_DIGITS && g_str_has_suffix(self->pin, typed)) {
                ask_tracker(self, self->pin);
                return;
        }
        error = g_error_new_literal(CHAT_ERROR, ERROR_PIN_MISMATCH,
                                    _("These are not the last 8 digits of the new pin. If the "
                                      "operator told you others, this is not your tracker."));
        tell(self->mismatch_error, error);
}

static void ask_identity(ChatWelcome *self, ChatSignIn how) {
        chat_identity_form_begin(self->form, how);
        show(self, "identity");
}

static void on_sign_up(ChatWelcome *self) {
        ask_identity(self, CHAT_SIGN_UP);
}

static void on_sign_in(ChatWelcome *self) {
        ask_identity(self, CHAT_SIGN_IN);
}

static void on_guest(ChatWelcome *self) {
        ask_identity(self, CHAT_SIGN_IN_GUEST);
}

static void on_recover(ChatWelcome *self) {
        ask_identity(self, CHAT_SIGN_IN_RECOVER);
}

static void on_other_tracker(ChatWelcome *self) {
        chat_welcome_ask_tracker(self, "");
}

static void show_code(ChatWelcome *self, const char *code) {
        gtk_label_set_label(self->code, code);
        gtk_check_button_set_active(self->code_noted, FALSE);
        show(self, "code");
}

static void on_signed_in(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(ChatWelcome) self = userdata;
        g_autoptr(GError) error = NULL;
        g_autofree char *code = NULL;
        gboolean is_done = chat_sign_in_finish(CHAT_DAEMON(source), result, &code, &error);

        /* Given up, it may have been done all the same: then the window goes on by itself. */
        if (!is_done && chat_error_is_cancelled(error)) {
                welcome_set_busy(self, FALSE);
                return;
        }
        stop(self);
        if (code) {
                chat_identity_form_clear(self->form);
                show_code(self, code);
                return;
        }
        if (is_done)
                chat_identity_form_clear(self->form);
        else
                chat_identity_form_tell(self->form, error);
        welcome_set_busy(self, FALSE);
}

/* Busy before anybody is signed in: the code is seen before anything else. */
static void on_identity(ChatWelcome *self) {
        if (self->cancellable)
                return;
        welcome_set_busy(self, TRUE);
        chat_sign_in_async(self->daemon, chat_identity_form_get_how(self->form),
                           chat_identity_form_get_username(self->form),
                           chat_identity_form_get_secret(self->form),
                           chat_identity_form_get_password(self->form), start(self), on_signed_in,
                           g_object_ref(self));
}

static void on_code_noted(ChatWelcome *self) {
        gtk_widget_set_sensitive(GTK_WIDGET(self->code_next),
                                 gtk_check_button_get_active(self->code_noted));
}

static void on_code_copy(ChatWelcome *self) {
        gdk_clipboard_set_text(gtk_widget_get_clipboard(GTK_WIDGET(self)),
                               gtk_label_get_label(self->code));
}

static void on_code_next(ChatWelcome *self) {
        gtk_label_set_label(self->code, "");
        show_choice(self);
        welcome_set_busy(self, FALSE);
}

static void on_back(ChatWelcome *self) {
        const char *step = gtk_stack_get_visible_child_name(self->steps);

        stop(self);
        if (g_str_equal(step, "identity"))
                chat_identity_form_clear(self->form);
        if (g_str_equal(step, "identity") || is_signed_in(self))
                settle(self);
        else
                show(self, "tracker");
}

void chat_welcome_ask_tracker(ChatWelcome *self, const char *address) {
        stop(self);
        tell(self->tracker_error, NULL);
        gtk_editable_set_text(GTK_EDITABLE(self->address_row), address);
        on_address_changed(self);
        show(self, "tracker");
        if (*address)
                on_tracker_next(self);
}

void chat_welcome_begin(ChatWelcome *self) {
        if (self->is_busy || self->cancellable)
                return;
        if (chat_daemon_get_account(self->daemon))
                show_choice(self);
        else
                show(self, "tracker");
}

void chat_welcome_set_daemon(ChatWelcome *self, ChatDaemon *daemon) {
        g_set_object(&self->daemon, daemon);
}

static void chat_welcome_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
        if (id == PROP_BUSY)
                g_value_set_boolean(value, CHAT_WELCOME(object)->is_busy);
        else
                G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void chat_welcome_dispose(GObject *object) {
        ChatWelcome *self = CHAT_WELCOME(object);

        g_cancellable_cancel(self->cancellable);
        g_clear_object(&self->cancellable);
        g_clear_object(&self->daemon);
        g_clear_pointer(&self->address, g_free);
        g_clear_pointer(&self->pin, g_free);
        G_OBJECT_CLASS(chat_welcome_parent_class)->dispose(object);
}

static void chat_welcome_init(ChatWelcome *self) {
        gtk_widget_init_template(GTK_WIDGET(self));
        chat_shown_follow_pages(self->steps);
        on_address_changed(self);
        on_code_noted(self);
}

#define BIND(name) gtk_widget_class_bind_template_child(widget_class, ChatWelcome, name)
#define CALLBACK(name) gtk_widget_class_bind_template_callback(widget_class, name)

static void chat_welcome_class_init(ChatWelcomeClass *class) {
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = chat_welcome_dispose;
        G_OBJECT_CLASS(class)->get_property = chat_welcome_get_property;
        specs[PROP_BUSY] = g_param_spec_boolean("busy", NULL, NULL, FALSE,
                                                G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
        g_object_class_install_properties(G_OBJECT_CLASS(class), N_PROPERTIES, specs);
        g_type_ensure(CHAT_TYPE_IDENTITY_FORM);
        signals[SIGNAL_SETTLED] = g_signal_new("settled", CHAT_TYPE_WELCOME, G_SIGNAL_RUN_LAST, 0,
                                               NULL, NULL, NULL, G_TYPE_NONE, 0);
        gtk_widget_class_set_template_from_resource(widget_class,
                                                    "/org/p2pchat/Chat/view/welcome/welcome.ui");
        BIND(steps);
        BIND(address_row);
        BIND(tracker_error);
        BIND(tracker_next);
        BIND(pin_label);
        BIND(mismatch_label);
        BIND(mismatch_error);
        BIND(last_digits);
        BIND(choice_tracker);
        BIND(code);
        BIND(code_noted);
        BIND(code_next);
        BIND(back);
        BIND(spinner);
        BIND(form);
        CALLBACK(on_tracker_next);
        CALLBACK(on_address_changed);
        CALLBACK(on_pin_same);
        CALLBACK(on_pin_differs);
        CALLBACK(on_mismatch_trust);
        CALLBACK(on_sign_up);
        CALLBACK(on_sign_in);
        CALLBACK(on_guest);
        CALLBACK(on_recover);
        CALLBACK(on_other_tracker);
        CALLBACK(on_identity);
        CALLBACK(on_code_noted);
        CALLBACK(on_code_copy);
        CALLBACK(on_code_next);
        CALLBACK(on_back);
}
