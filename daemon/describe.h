/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a daemon is described in one piece of JSON, for people and scripts; leaves showing it
 * to clients. */
#pragma once

#include "daemon/manager/manager.h"

/* One object: version, account, store, what it hosts, how it is reached, channels. The caller's. */
int describe_manager(const Manager *m, char **ret);
