/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the forms that log and search show entries in; leaves which entries to them. */
#include "ctl/verb/entry-form.h"

#include "ctl/show/print.h"
#include "ctl/show/wrap.h"

static const char *const forms[] = {
        [FORM_SHORT] = "short",
        [FORM_JSON] = "json",
        [FORM_CAT] = "cat",
        [FORM_EXPORT] = "export",
};

int entry_form_parse(Ctl *ctl, const char *output, EntryForm *ret) {
        *ret = ctl->json != JSON_OFF ? FORM_JSON : FORM_SHORT;
        if (!output)
                return EXIT_OK;
        for (size_t i = 0; i < ELEMENTSOF(forms); i++)
                if (streq(output, forms[i])) {
                        *ret = (EntryForm) i;
                        return EXIT_OK;
                }
        return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                              _("-o takes short, json, cat or export, not %s"), output);
}

bool entry_form_is_json(EntryForm form) {
        return form == FORM_JSON || form == FORM_EXPORT;
}

static void print_wrapped(const EntryView *e, const EntryStyle *style) {
        EntryStyle wrapped = *style;

        wrapped.columns = wrap_columns(style->ctl, STDOUT_FILENO);
        print_entry_as(stdout, e, &wrapped);
}

void entry_form_show(EntryForm form, const EntryView *e, const EntryStyle *style) {
        switch (form) {
        case FORM_SHORT:
                print_wrapped(e, style);
                break;
        case FORM_JSON:
                print_entry_json(stdout, style->ctl->json, e);
                break;
        case FORM_CAT:
                print_entry_body(stdout, e);
                break;
        case FORM_EXPORT:
                print_json_text(stdout, JSON_SHORT, e->json);
                break;
        }
}
