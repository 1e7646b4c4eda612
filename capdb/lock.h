/* Who records: a lock on RUN-lock beside the recording, which ends with the process that holds it,
 * however it ends.  The file names the holder for those who come second. */
#ifndef CAPSCOPE_CAPDB_LOCK_H
#define CAPSCOPE_CAPDB_LOCK_H

#include "lib/errors.h"

#include <stdbool.h>
#include <stddef.h>

enum { LOCK_HOLDER = 256 };

/* Takes the lock for `path` and writes `who`, one line, into it.  ERR_REFUSED: somebody holds it,
 * whose line is in holder (LOCK_HOLDER bytes).  ERR_IO: errno says why.  *fd is -1 on failure. */
enum error lock_take(const char *path, const char *who, int *fd, char *holder);
void lock_release(const char *path, int fd);

/* Does anybody record into `path` now?  Whose line is then in holder (LOCK_HOLDER bytes), unless that
 * is NULL. */
bool lock_is_held(const char *path, char *holder);

#endif
