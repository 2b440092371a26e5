/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which object path belongs to which id; leaves whether there is such an object to others. */
#pragma once

#include "bus/bus.h"

void bus_path_account(const char *tracker_id, char ret[static BUS_PATH_SIZE]);
void bus_path_channel(const char *channel_id, char ret[static BUS_PATH_SIZE]);
