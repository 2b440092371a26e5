/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a person types to be somebody: a name, a password, a recovery code; leaves using it to
 * who shows it. */
#include "gui/view/welcome/identity-form.h"

#include "gui/i18n.h"
#include "gui/model/password.h"

struct _ChatIdentityForm {
        AdwBin parent;
        ChatSignIn how;

        GtkLabel *title, *explanation, *strength, *error;
        AdwEntryRow *username, *recovery_code, *password, *again;
        GtkLevelBar *level;
        GtkBox *strength_box;
        GtkButton *submit;
};

enum { SIGNAL_SUBMIT, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(ChatIdentityForm, chat_identity_form, ADW_TYPE_BIN)

static const struct {
        const char *title, *explanation, *submit;
        gboolean has_code, has_password, is_new; /* a password that is chosen here */
} forms[] = {
        [CHAT_SIGN_UP] = { N_("Sign Up"),
                           N_("A name has 2 to 32 characters: small letters, digits, dot, dash and "
                              "underscore. It is yours for ever, and what others see."),
                           N_("Sign Up"), FALSE, TRUE, TRUE },
        [CHAT_SIGN_IN] = { N_("Sign In"), N_("With an account that you have."), N_("Sign In"),
                           FALSE, TRUE, FALSE },
        [CHAT_SIGN_IN_GUEST] = { N_("Look Around as a Guest"),
                                 N_("For a day and without a password. “guest-” stands before the "
                                    "name. Some channels let no guests write. When you sign up, "
                                    "what you have here stays yours."),
                                 N_("Continue as a Guest"), FALSE, FALSE, FALSE },
        [CHAT_SIGN_IN_RECOVER] = { N_("Recover an Account"),
                                   N_("With the recovery code that was shown when you signed up, "
                                      "you choose another password. All other devices are signed "
                                      "out."),
                                   N_("Set the Password"), TRUE, TRUE, TRUE },
};

static const char *text_of(AdwEntryRow *row) {
        return gtk_editable_get_text(GTK_EDITABLE(row));
}

static void update(ChatIdentityForm *self) {
        const gboolean is_new = forms[self->how].is_new;
        ChatPasswordStrength strength =
                chat_password_strength(text_of(self->password), text_of(self->username));
        gboolean is_same = g_str_equal(text_of(self->password), text_of(self->again));
        gboolean is_good = *text_of(self->username) != '\0';

        gtk_level_bar_set_value(self->level, strength >= CHAT_PASSWORD_WEAK
                                                     ? strength - CHAT_PASSWORD_WEAK + 1
                                                     : 0);
        gtk_label_set_label(self->strength, *text_of(self->again) && !is_same
                                                    ? _("The two passwords differ.")
                                                    : chat_password_strength_text(strength));
        gtk_widget_set_visible(GTK_WIDGET(self->strength_box),
                               is_new && *text_of(self->password) != '\0');
        if (forms[self->how].has_code)
                is_good = is_good && *text_of(self->recovery_code) != '\0';
        if (is_new)
                is_good = is_good && is_same && strength >= CHAT_PASSWORD_WEAK;
        else if (forms[self->how].has_password)
                is_good = is_good && *text_of(self->password) != '\0';
        gtk_widget_set_sensitive(GTK_WIDGET(self->submit), is_good);
}

void chat_identity_form_clear(ChatIdentityForm *self) {
        AdwEntryRow *rows[] = { self->username, self->recovery_code, self->password, self->again };

        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
                gtk_editable_set_text(GTK_EDITABLE(rows[i]), "");
        chat_identity_form_tell(self, NULL);
}

void chat_identity_form_begin(ChatIdentityForm *self, ChatSignIn how) {
        self->how = how;
        chat_identity_form_clear(self);
        gtk_label_set_label(self->title, _(forms[how].title));
        gtk_label_set_label(self->explanation, _(forms[how].explanation));
        gtk_button_set_label(self->submit, _(forms[how].submit));
        gtk_widget_set_visible(GTK_WIDGET(self->recovery_code), forms[how].has_code);
        gtk_widget_set_visible(GTK_WIDGET(self->password), forms[how].has_password);
        gtk_widget_set_visible(GTK_WIDGET(self->again), forms[how].is_new);
        update(self);
        gtk_widget_grab_focus(GTK_WIDGET(self->username));
}

void chat_identity_form_tell(ChatIdentityForm *self, const GError *error) {
        g_autofree char *text = error ? chat_error_dup_text(error, NULL) : g_strdup("");

        gtk_label_set_label(self->error, text);
        gtk_widget_set_visible(GTK_WIDGET(self->error), error != NULL);
}

ChatSignIn chat_identity_form_get_how(ChatIdentityForm *self) {
        return self->how;
}

const char *chat_identity_form_get_username(ChatIdentityForm *self) {
        return text_of(self->username);
}

const char *chat_identity_form_get_secret(ChatIdentityForm *self) {
        return text_of(self->how == CHAT_SIGN_IN_RECOVER ? self->recovery_code : self->password);
}

const char *chat_identity_form_get_password(ChatIdentityForm *self) {
        return text_of(self->password);
}

static void on_submit(ChatIdentityForm *self) {
        if (!gtk_widget_get_sensitive(GTK_WIDGET(self->submit)))
                return;
        chat_identity_form_tell(self, NULL);
        g_signal_emit(self, signals[SIGNAL_SUBMIT], 0);
}

static void chat_identity_form_init(ChatIdentityForm *self) {
        gtk_widget_init_template(GTK_WIDGET(self));
}

#define BIND(name) gtk_widget_class_bind_template_child(widget_class, ChatIdentityForm, name)

static void chat_identity_form_class_init(ChatIdentityFormClass *class) {
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        gtk_widget_class_set_template_from_resource(
                widget_class, "/org/p2pchat/Chat/view/welcome/identity-form.ui");
        BIND(title);
        BIND(explanation);
        BIND(username);
        BIND(recovery_code);
        BIND(password);
        BIND(again);
        BIND(strength_box);
        BIND(level);
        BIND(strength);
        BIND(error);
        BIND(submit);
        gtk_widget_class_bind_template_callback(widget_class, update);
        gtk_widget_class_bind_template_callback(widget_class, on_submit);
        signals[SIGNAL_SUBMIT] = g_signal_new("submit", CHAT_TYPE_IDENTITY_FORM, G_SIGNAL_RUN_LAST,
                                              0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}
