/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the forms that log and search show entries in; leaves which entries to them. */
#pragma once

#include "ctl/show/print-entry.h"

typedef enum EntryForm {
        FORM_SHORT,
        FORM_JSON,
        FORM_CAT,    /* what was said alone */
        FORM_EXPORT, /* the same bytes as export's */
} EntryForm;
#define ENTRY_FORMS "short|json|cat|export" /* the option's value */

/* output: what -o says; NULL: by ctl->json. EXIT_OK, or what is wrong was told. */
int entry_form_parse(Ctl *ctl, const char *output, EntryForm *ret);
/* In JSON all are shown, whoever is ignored. */
bool entry_form_is_json(EntryForm form);
void entry_form_show(EntryForm form, const EntryView *e, const EntryStyle *style);
