/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows log-level, which every service here has. */
#pragma once

#include "ctl/ctl.h"

extern const Verb verbs_log_level[]; /* ends with {} */
