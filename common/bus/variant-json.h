/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how an a{sv} of the bus is said in JSON; leaves what it means, and how much of it may be,
 * to others. */
#pragma once

#include <systemd/sd-bus.h>

/* Reads an a{sv} and gives it as the text of one JSON object, the caller's. Strings, booleans,
 * numbers, arrays, structs, and dictionaries with string keys; -EINVAL for anything else, for
 * numbers that JSON has not, and for deeper nesting than a frame may have. */
int variant_json_read_dict(sd_bus_message *m, char **ret);
