/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how texts for people are marked for translation; leaves the translations to po/. */
#pragma once

#include <libintl.h>

/* The text in the person's language; a format stays one. */
#define _(text) gettext(text)
/* A text of a table, translated where it is shown. */
#define N_(text) (text)
