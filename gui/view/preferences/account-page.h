/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a person sees and changes of an account: its tracker, its devices, its password, its
 * end. */
#pragma once

#include <adwaita.h>

#include "gui/model/account.h"

AdwPreferencesPage *chat_account_page_new(ChatAccount *account);
