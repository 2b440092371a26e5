/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows where the CA's key and certificate are kept; leaves using them to authority.c. */
#pragma once

#include "net/identity.h"

/* See authority_new(). */
int authority_files_open(const char *state_directory, const char *credentials_directory,
                         uint64_t now_realtime, Key **ret_key, Certificate **ret_ca);
