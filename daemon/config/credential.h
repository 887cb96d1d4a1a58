/*
 * credential.h - secrets that do not stand in the config: "credential:NAME" in place of a value of
 * text is the content of $CREDENTIALS_DIRECTORY/NAME (systemd's LoadCredential=,
 * SetCredentialEncrypted=); where a file is named, it is that file.
 */
#ifndef TIDINGS_CONFIG_CREDENTIAL_H
#define TIDINGS_CONFIG_CREDENTIAL_H

#include <stdbool.h>

#include "base/err.h"

/* Does VALUE name a credential? */
bool credential_is(const char *value);
/* Its content, less one newline at the end (gives). DIR is $CREDENTIALS_DIRECTORY, NULL when there
 * is none. NULL and the reason when it is missing, too large, empty or not one line of text. */
char *credential_read(const char *dir, const char *value, struct td_err *err);
/* The path of that file (gives). NULL and the reason. */
char *credential_path(const char *dir, const char *value, struct td_err *err);
/* The content of the file at PATH under the same rules; a secret that everybody can read is none.
 */
char *credential_read_file(const char *path, struct td_err *err);
/* This process holds a secret from now on: no core dump, no debugger of the same user. */
void credential_seal(void);

#endif
