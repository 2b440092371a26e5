/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the a{sv} at the end of every method is read; leaves what options mean to each method.
 */
#include "bus/options.h"

#include "bus/error.h"
#include "bus/variant-json.h"

#define OPTIONS_MAX 32 /* of one table: a bit each */

char **strv_free(char **strings) {
        for (char **s = strings; s && *s; s++)
                free(*s);
        free(strings);
        return NULL;
}

static const char *const signatures[] = {
        [OPTION_STRING] = "s",   [OPTION_BOOL] = "b",     [OPTION_TRISTATE] = "b",
        [OPTION_UINT] = "u",     [OPTION_UINT64] = "t",   [OPTION_OBJECT] = "o",
        [OPTION_STRINGS] = "as", [OPTION_JSON] = "a{sv}",
};

static int read_value(sd_bus_message *m, OptionType type, void *target) {
        uint32_t u;
        int b, r;

        switch (type) {
        case OPTION_STRING:
        case OPTION_OBJECT:
        case OPTION_UINT64:
                return sd_bus_message_read_basic(m, signatures[type][0], target);
        case OPTION_BOOL:
                r = sd_bus_message_read_basic(m, 'b', &b);
                if (r >= 0)
                        *(bool *) target = b;
                return r;
        case OPTION_TRISTATE:
                return sd_bus_message_read_basic(m, 'b', target);
        case OPTION_UINT:
                r = sd_bus_message_read_basic(m, 'u', &u);
                if (r >= 0)
                        *(uint64_t *) target = u;
                return r;
        case OPTION_STRINGS:
                return sd_bus_message_read_strv(m, (char ***) target);
        case OPTION_JSON:
                return variant_json_read_dict(m, (char **) target);
        }
        return -EINVAL;
}

static int read_option(sd_bus_message *m, const Option *table, void *target, uint32_t *seen,
                       sd_bus_error *error) {
        const char *name, *contents;
        const Option *o;
        int r;

        r = sd_bus_message_read_basic(m, 's', &name);
        if (r < 0)
                return r;
        for (o = table; o && o->name; o++)
                if (streq(o->name, name))
                        break;
        if (!o || !o->name) {
                if (strncmp(name, "x-", 2) == 0)
                        return sd_bus_message_skip(m, "v");
                return bus_error_arguments(error, "Unknown option \"%.64s\".", name);
        }
        assert(o - table < OPTIONS_MAX);
        if (*seen & UINT32_C(1) << (o - table))
                return bus_error_arguments(error, "Option \"%s\" is given twice.", name);
        *seen |= UINT32_C(1) << (o - table);
        r = sd_bus_message_peek_type(m, NULL, &contents);
        if (r < 0)
                return r;
        if (!streq(contents, signatures[o->type]))
                return bus_error_arguments(error, "Option \"%s\" must be of type %s, not %.64s.",
                                           name, signatures[o->type], contents);
        r = sd_bus_message_enter_container(m, 'v', contents);
        if (r < 0)
                return r;
        r = read_value(m, o->type, (char *) target + o->offset);
        if (r == -EINVAL)
                return bus_error_arguments(error, "Option \"%s\" holds what JSON cannot say.",
                                           name);
        if (r == -EBADMSG) /* sd-bus takes no U+FFFE and the like */
                return bus_error_code(error, ERROR_BAD_REQUEST,
                                      "Option \"%s\" holds characters that no text may have.",
                                      name);
        if (r < 0)
                return r;
        return sd_bus_message_exit_container(m);
}

int options_read(sd_bus_message *m, const Option *table, void *target, sd_bus_error *error) {
        uint32_t seen = 0;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = read_option(m, table, target, &seen, error);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        return sd_bus_message_exit_container(m);
}
