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

/* The tracker's key was rotated: CHAT_TRACKER, CHAT_PEER (its address), CHAT_PIN, CHAT_BEFORE. */
#define MESSAGE_PIN_FOLLOWED "4fc332537d6642d68863e527214a8b47"

/* Who has a role in a channel that is hosted here came with a key that was not seen there. */
#define MESSAGE_ROLE_KEY_NEW "296779bafaf24dbbb9ac95a620f62de0"

/* What moderators and the owner of a channel that is hosted here do: CHAT_CHANNEL, CHAT_USER (whom
 * it concerns; of the permissions, who set them), CHAT_BY. */
#define MESSAGE_ROLE_CHANGED "e85c60636692489e9a08d65a8c1378ec"
#define MESSAGE_USER_KICKED "6ad62bf7d40b4d51a30207f0a056caa9"
#define MESSAGE_USER_BANNED "368a4967cb0d4a72be1637336cf45326"
#define MESSAGE_USER_UNBANNED "7dc2fc5f201448afbd68e90ae374438d"
#define MESSAGE_PERMISSIONS_CHANGED "ca6c459ab0c14bbb84299bb7b5a55b79"

/* The service itself. */
#define MESSAGE_STARTED "aed6d829b55c47bf8e94f998ad45d20a"
#define MESSAGE_STOPPED "f601533f09bc48c093521ce38d3be8d7"

/* Who we are at the tracker, and whether it is the one that we know. CHAT_PEER: its address. */
#define MESSAGE_SIGNED_IN "689cf2e7d63046d59098420edb561b8e"
#define MESSAGE_SIGNED_OUT "eddf6288d66d4b8bb4dbf1c81ab579a3"
#define MESSAGE_SIGN_IN_FAILED "6dfb58462c344386b00ca1bf3fd3958a"
#define MESSAGE_CERTIFICATE_RENEWED "bb5c40bfa60a4237ad72d254d5b74c7e"
#define MESSAGE_CERTIFICATE_REFUSED "7c1bb2acb8ef40bba7b36e19db4ca3ba"
#define MESSAGE_PIN_MISMATCH "3ac6587ee6e54fa58af83ac7d4f91da8"
#define MESSAGE_PIN_ACCEPTED "04f64af2e46b401daedb7489241c793e"
#define MESSAGE_ONLINE "336db2895c2a4252af389a3915373a52"
#define MESSAGE_OFFLINE "6644a343983c4153992318474756845b"
#define MESSAGE_IDENTITY_COPIED "8f3443a471b5490d82c7611dd3e397f1"
#define MESSAGE_CLOCK_OFF "8dc449901ad84e3f9e52bbd0f6d3848c"

/* Who comes to what is hosted here. */
#define MESSAGE_CONNECTION_REFUSED "bf194d984355474894c921141807a553"
#define MESSAGE_PEER_REFUSED "3677936ee62143879cccb99a6edd85eb"
#define MESSAGE_KEY_REVOKED "dfe3ff60d99a485aaa219e902532a1d2"

/* The story of a channel that is hosted here. */
#define MESSAGE_HOSTED "b6949fff9455428b9a17152ddc6adba2"
#define MESSAGE_UNHOSTED "c5dc8618ea0342da81a67d18ad4b954b"
#define MESSAGE_HOSTING_LOST "a6d047116c17440cbfeef01777a8fc67"
#define MESSAGE_LEASE_GAINED "0fcb614c9b1e4b2a962d9a05eb9b4e92"
#define MESSAGE_LEASE_LOST "4d450fe1901142a998930be693be89ec"
#define MESSAGE_MEMBER_CAME "d913cce34ac74cac85408a449907a675"
#define MESSAGE_MEMBER_WENT "75d72d91ded4469081a92eff3861513c"
#define MESSAGE_MEMBER_DENIED "9edd3dc2d50c461280530a1d688ecc31"

/* The story of a channel that is hosted elsewhere. */
#define MESSAGE_JOINED "072bcd0917ce43e3b9126e5b0e9f8e62"
#define MESSAGE_LEFT "c09ef020919940f0879fd66c9e1d5ce5"
#define MESSAGE_JOIN_DENIED "d4421032e0bf4ae7b39e3e4c58a7c52e"
#define MESSAGE_HOST_AWAY "748d2b988a004abc829b049bf6cd82e0"
#define MESSAGE_HOST_BACK "f78051300f354c30b016a1acf6b5162e"
#define MESSAGE_CLOSED "db740619dcde4fa3b8d45ec5e45e1352"
#define MESSAGE_DIVERGED "f97b28b72c9b465aaa63b9b71c8d4404"
