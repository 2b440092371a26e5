/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what operators search the journal for; leaves what it means to units/p2pchat.catalog. */
#pragma once

/* The disk, or the database on it: once for each change, never for each request. */
#define MESSAGE_STORE_FULL "646c47c81b504e74ae5216f4e27ab7dc"
#define MESSAGE_STORE_READ_ONLY "449843d919204a0bac7e04f379a304fa"
#define MESSAGE_STORE_FAILING "cf72a8f57df643fbadef7153f87d7d54"
#define MESSAGE_STORE_DAMAGED "23fd02164a904c6aa6da5457218b3733"
#define MESSAGE_STORE_SET_ASIDE "e11d64488019407890e164103b9b0a8e"
#define MESSAGE_STORE_BACK "4352efd2e01147ea8171af5f6a2039c8"

/* The tracker's key was rotated: CHAT_TRACKER, CHAT_PIN, CHAT_BEFORE. */
#define MESSAGE_TRACKER_PIN_CHANGED "4fc332537d6642d68863e527214a8b47"

/* Who has a role in a channel that is hosted here came with a key that was not seen there. */
#define MESSAGE_ROLE_KEY_NEW "296779bafaf24dbbb9ac95a620f62de0"

/* What moderators and the owner of a channel that is hosted here do: CHAT_CHANNEL, CHAT_USER (whom it
 * concerns; of the permissions, who set them), CHAT_BY. */
#define MESSAGE_ROLE_CHANGED "e85c60636692489e9a08d65a8c1378ec"
#define MESSAGE_USER_KICKED "6ad62bf7d40b4d51a30207f0a056caa9"
#define MESSAGE_USER_BANNED "368a4967cb0d4a72be1637336cf45326"
#define MESSAGE_USER_UNBANNED "7dc2fc5f201448afbd68e90ae374438d"
#define MESSAGE_PERMISSIONS_CHANGED "ca6c459ab0c14bbb84299bb7b5a55b79"
