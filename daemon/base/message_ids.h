/*
 * message_ids.h - MESSAGE_ID of the lines one alerts on. systemd/tidings.catalog explains each to
 * `journalctl -x` (tests/lint/catalog.py compares the two). An id keeps its meaning for ever.
 */
#ifndef TIDINGS_BASE_MESSAGE_IDS_H
#define TIDINGS_BASE_MESSAGE_IDS_H

#define MSG_READY           "af74e9eac9fc405f8800479aece3f76c"
#define MSG_STOPPED         "cb6b5576e7a44752a0bb5e74a98f4416"
#define MSG_CONFIG_REFUSED  "f59eadd6bd7741ea9b7963ba24cda34a"
#define MSG_RELOADED        "12043062485547139b1f868cd4b20323"
#define MSG_RELOAD_REFUSED  "bf5ba4e2b147440da1204e383e1997d7"
#define MSG_FEED_FAILING    "d307d7617ca14d9dba5b47cd7d29a142"
#define MSG_FEED_WORKS      "62d72c82612a47afa8d6c384280dba8c"
#define MSG_FEED_GONE       "6cf98050cdcf43678bb95e9f7768cf36"
#define MSG_STORE_TROUBLE   "599ac4f3f330426f825923fe4294e6ba"
#define MSG_STORE_WORKS     "2da97e4a1cbd4ecaa2289f99f72d90ba"
#define MSG_STORE_UNUSABLE  "05863b4f33df452fb3eef42a481bafda"
#define MSG_STORE_MIGRATING "78c0ebb242d44f68bd847d5deb6d19eb"
#define MSG_PARSERS_BROKEN  "ac89096e86a341e6b34a2ae22c0127d0"
#define MSG_API_REFUSED     "bfffc338de0a483797d7e156bc6e0ac6"
#define MSG_SUB_FAILING     "e77721fde5cb4eb3b2d0b54db1c3cb99"
#define MSG_SUB_WORKS       "47f1085659da41c38a3d4a6f34e2080a"
#define MSG_SUB_DISABLED    "b6486885459f44e1be23d706c7462359"
#define MSG_SUB_DEAD        "b65fbeb70d424ea398212586d7dce629"
#define MSG_SUB_GAP         "43bb7d95c5ab4d4d80b225c7f91dac56"
#define MSG_STUCK           "1e8a1df3aab448eb98ca6ec0c9f20567"

#endif
