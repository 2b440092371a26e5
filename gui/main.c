/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starts the window. */
#include <locale.h>

#include "gui/application.h"
#include "gui/i18n.h"
#include "version.h"

int main(int argc, char *argv[]) {
        g_autoptr(ChatApplication) application = NULL;

        setlocale(LC_ALL, "");
        bindtextdomain(P2PCHAT_GETTEXT_DOMAIN, P2PCHAT_LOCALE_DIR);
        bind_textdomain_codeset(P2PCHAT_GETTEXT_DOMAIN, "UTF-8");
        textdomain(P2PCHAT_GETTEXT_DOMAIN);
        application = chat_application_new();
        return g_application_run(G_APPLICATION(application), argc, argv);
}
