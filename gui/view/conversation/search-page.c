/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a person looks for words in a channel and picks what was found; leaves finding to
 * model/search.h, showing the place to conversation-view.h. */
#include "gui/view/conversation/search-page.h"

#include "gui/i18n.h"
#include "gui/model/match.h"
#include "gui/model/now.h"
#include "gui/model/search.h"
#include "gui/model/text.h"
#include "gui/view/banner.h"
#include "gui/view/shown.h"

/* So near to the list's end the next page is asked for, pixels. */
#define NEAR_END 600

struct _ChatSearchPage {
        AdwBin parent;
        ChatSearch *search;  /* NULL: there is no channel */
        gboolean is_entered; /* the first that is found is shown */

        GtkSearchEntry *entry;
        GtkStack *stack;
        GtkListView *list;
        GtkScrolledWindow *scrolled;
        ChatBanner *trouble;
        GtkLabel *rest;
        AdwStatusPage *status;
        GtkSpinner *spinner;
};

enum { SIGNAL_FOUND, SIGNAL_CLOSED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(ChatSearchPage, chat_search_page, ADW_TYPE_BIN)

static void tell(ChatSearchPage *self, const char *title, const char *description) {
        g_autofree char *escaped = g_markup_escape_text(description, -1);

        adw_status_page_set_title(self->status, title);
        adw_status_page_set_description(self->status, escaped);
        gtk_stack_set_visible_child_name(self->stack, "status");
}

static void tell_error(ChatSearchPage *self, const GError *error) {
        g_autofree char *text = chat_error_dup_text(error, NULL);

        tell(self,
             g_error_matches(error, CHAT_ERROR, ERROR_BAD_REQUEST)
                     ? _("This Cannot Be Searched For")
                     : _("The Search Failed"),
             text);
}

static void tell_nothing(ChatSearchPage *self) {
        tell(self, _("Nothing Found"),
             chat_search_get_first_seq(self->search) > 1
                     ? _("No message that is kept on this computer has all these words. Older "
                         "messages are not kept here: go to the first message of the channel to "
                         "fetch them.")
                     : _("No message of this channel has all these words."));
}

static void show(ChatSearchPage *self, guint position) {
        g_autoptr(ChatMessage) message =
                self->search ? g_list_model_get_item(G_LIST_MODEL(self->search), position) : NULL;

        self->is_entered = FALSE;
        if (message)
                g_signal_emit(self, signals[SIGNAL_FOUND], 0, chat_message_get_seq(message));
}

/* Later: the list has not heard yet of what was found. */
static void show_first(gpointer userdata) {
        g_autoptr(ChatSearchPage) self = userdata;

        if (self->is_entered)
                show(self, 0);
}

/* What is not there, beside what is. */
static void update_rest(ChatSearchPage *self) {
        const GError *error = chat_search_get_error(self->search);
        g_autofree char *text = error ? chat_error_dup_text(error, NULL) : g_strdup("");

        chat_banner_set(self->trouble, text, error ? _("Try Again") : "");
        gtk_widget_set_visible(GTK_WIDGET(self->rest),
                               chat_search_is_complete(self->search) &&
                                       chat_search_get_first_seq(self->search) > 1);
}

static void update(ChatSearchPage *self) {
        const gboolean is_loading = self->search && chat_search_is_loading(self->search);
        const GError *error = self->search ? chat_search_get_error(self->search) : NULL;

        gtk_spinner_set_spinning(self->spinner, is_loading);
        if (self->search && g_list_model_get_n_items(G_LIST_MODEL(self->search)) > 0) {
                gtk_stack_set_visible_child_name(self->stack, "results");
                update_rest(self);
                if (self->is_entered)
                        g_idle_add_once(show_first, g_object_ref(self));
        } else if (error)
                tell_error(self, error);
        else if (!self->search || *chat_search_get_query(self->search) == '\0')
                tell(self, _("Search This Channel"),
                     _("Messages that have all the words are found; words in quotation marks stand "
                       "together. What is kept on this computer is searched."));
        else if (!is_loading)
                tell_nothing(self);
}

static void on_changed(ChatSearchPage *self) {
        g_autofree char *query = g_strdup(gtk_editable_get_text(GTK_EDITABLE(self->entry)));

        if (self->search && chat_search_set_query(self->search, g_strstrip(query)))
                self->is_entered = FALSE;
        update(self);
}

static void on_again(ChatSearchPage *self) {
        chat_search_more(self->search);
}

static void on_stop(ChatSearchPage *self) {
        g_signal_emit(self, signals[SIGNAL_CLOSED], 0);
}

static void on_row(ChatSearchPage *self, guint position) {
        show(self, position);
}

/* Enter shows the newest of what is looked for: of what was typed last, too. */
static void on_enter(ChatSearchPage *self) {
        on_changed(self);
        self->is_entered = TRUE;
        update(self);
}

static void on_scrolled(ChatSearchPage *self) {
        GtkAdjustment *a = gtk_scrolled_window_get_vadjustment(self->scrolled);
        const double below = gtk_adjustment_get_upper(a) - gtk_adjustment_get_page_size(a) -
                             gtk_adjustment_get_value(a);

        /* What failed is asked again by who reads. */
        if (self->search && !chat_search_get_error(self->search) && below < NEAR_END)
                chat_search_more(self->search);
}

/* ---- rows ---- */

static void on_setup(ChatSearchPage *self, GtkListItem *item) {
        GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 3);
        GtkWidget *head = gtk_label_new(NULL), *text = gtk_label_new(NULL);

        gtk_label_set_xalign(GTK_LABEL(head), 0);
        gtk_widget_add_css_class(head, "caption-heading");
        gtk_label_set_xalign(GTK_LABEL(text), 0);
        gtk_label_set_wrap(GTK_LABEL(text), TRUE);
        gtk_label_set_wrap_mode(GTK_LABEL(text), PANGO_WRAP_WORD_CHAR);
        gtk_label_set_lines(GTK_LABEL(text), 3);
        gtk_label_set_ellipsize(GTK_LABEL(text), PANGO_ELLIPSIZE_END);
        gtk_box_append(GTK_BOX(box), head);
        gtk_box_append(GTK_BOX(box), text);
        gtk_widget_add_css_class(box, "directory-row");
        gtk_list_item_set_child(item, box);
}

/* What was looked for is to be seen in the row, and told from the rest. */
static void show_text(ChatSearchPage *self, GtkLabel *label, const char *text) {
        const char *query = chat_search_get_query(self->search);
        g_autofree char *excerpt = chat_match_excerpt(text, query);
        g_autoptr(GArray) matches = chat_match_find(excerpt, query);
        PangoAttrList *attributes = pango_attr_list_new();

        for (guint i = 0; i < matches->len; i++) {
                const ChatMatch *match = &g_array_index(matches, ChatMatch, i);
                PangoAttribute *bold = pango_attr_weight_new(PANGO_WEIGHT_BOLD);

                bold->start_index = (guint) match->begin;
                bold->end_index = (guint) match->end;
                pango_attr_list_insert(attributes, bold);
        }
        gtk_label_set_label(label, excerpt);
        gtk_label_set_attributes(label, attributes);
        pango_attr_list_unref(attributes);
}

static void on_bind(ChatSearchPage *self, GtkListItem *item) {
        ChatMessage *message = gtk_list_item_get_item(item);
        GtkWidget *head = gtk_widget_get_first_child(gtk_list_item_get_child(item));
        g_autofree char *who = chat_isolate(chat_message_get_sender(message));
        g_autofree char *when = chat_date_and_time(chat_message_get_time(message));
        /* Who said it, when. */
        g_autofree char *both = g_strdup_printf(_("%s, %s"), who, when);

        gtk_label_set_label(GTK_LABEL(head), both);
        show_text(self, GTK_LABEL(gtk_widget_get_next_sibling(head)),
                  chat_message_get_text(message));
}

/* ---- which channel ---- */

static void forget(ChatSearchPage *self) {
        gtk_list_view_set_model(self->list, NULL);
        if (self->search)
                g_signal_handlers_disconnect_by_data(self->search, self);
        g_clear_object(&self->search);
        self->is_entered = FALSE;
}

void chat_search_page_set_channel(ChatSearchPage *self, ChatChannel *channel, const char *own) {
        g_autoptr(GtkNoSelection) model = NULL;

        forget(self);
        gtk_editable_set_text(GTK_EDITABLE(self->entry), "");
        if (!channel)
                return;
        self->search = chat_search_new(channel, own);
        g_signal_connect_swapped(self->search, "notify", G_CALLBACK(update), self);
        g_signal_connect_swapped(self->search, "items-changed", G_CALLBACK(update), self);
        model = gtk_no_selection_new(G_LIST_MODEL(g_object_ref(self->search)));
        gtk_list_view_set_model(self->list, GTK_SELECTION_MODEL(model));
        update(self);
}

void chat_search_page_begin(ChatSearchPage *self) {
        if (self->search && g_list_model_get_n_items(G_LIST_MODEL(self->search)) == 0)
                chat_search_more(self->search); /* it was not through */
        gtk_widget_grab_focus(GTK_WIDGET(self->entry));
        gtk_editable_select_region(GTK_EDITABLE(self->entry), 0, -1);
}

void chat_search_page_end(ChatSearchPage *self) {
        self->is_entered = FALSE;
        if (self->search)
                chat_search_stop(self->search);
}

static void chat_search_page_dispose(GObject *object) {
        ChatSearchPage *self = CHAT_SEARCH_PAGE(object);

        if (self->search)
                g_signal_handlers_disconnect_by_data(self->search, self);
        g_clear_object(&self->search);
        G_OBJECT_CLASS(chat_search_page_parent_class)->dispose(object);
}

static void chat_search_page_init(ChatSearchPage *self) {
        gtk_widget_init_template(GTK_WIDGET(self));
        chat_shown_follow_pages(self->stack);
        g_signal_connect_object(gtk_scrolled_window_get_vadjustment(self->scrolled),
                                "value-changed", G_CALLBACK(on_scrolled), self,
                                G_CONNECT_SWAPPED);
}

static void chat_search_page_class_init(ChatSearchPageClass *class) {
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = chat_search_page_dispose;
        g_type_ensure(CHAT_TYPE_BANNER);
        gtk_widget_class_set_template_from_resource(
                widget_class, "/org/p2pchat/Chat/view/conversation/search-page.ui");
        gtk_widget_class_bind_template_child(widget_class, ChatSearchPage, entry);
        gtk_widget_class_bind_template_child(widget_class, ChatSearchPage, stack);
        gtk_widget_class_bind_template_child(widget_class, ChatSearchPage, list);
        gtk_widget_class_bind_template_child(widget_class, ChatSearchPage, scrolled);
        gtk_widget_class_bind_template_child(widget_class, ChatSearchPage, trouble);
        gtk_widget_class_bind_template_child(widget_class, ChatSearchPage, rest);
        gtk_widget_class_bind_template_child(widget_class, ChatSearchPage, status);
        gtk_widget_class_bind_template_child(widget_class, ChatSearchPage, spinner);
        gtk_widget_class_bind_template_callback(widget_class, on_changed);
        gtk_widget_class_bind_template_callback(widget_class, on_again);
        gtk_widget_class_bind_template_callback(widget_class, on_stop);
        gtk_widget_class_bind_template_callback(widget_class, on_enter);
        gtk_widget_class_bind_template_callback(widget_class, on_row);
        gtk_widget_class_bind_template_callback(widget_class, on_setup);
        gtk_widget_class_bind_template_callback(widget_class, on_bind);
        signals[SIGNAL_FOUND] = g_signal_new("found", CHAT_TYPE_SEARCH_PAGE, G_SIGNAL_RUN_LAST, 0,
                                             NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_UINT64);
        signals[SIGNAL_CLOSED] =
                g_signal_new("closed", CHAT_TYPE_SEARCH_PAGE, G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION,
                             0, NULL, NULL, NULL, G_TYPE_NONE, 0);
        gtk_widget_class_add_binding_signal(widget_class, GDK_KEY_Escape, 0, "closed", NULL);
}
