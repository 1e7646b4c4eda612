/* Who records: a lock on RUN-lock beside the recording, which ends with the process that holds it,
 * however it ends.  The file names the holder for those who come second.  RUN is the name of the file
 * itself, not of a link that leads there. */
#ifndef CAPSCOPE_CAPDB_LOCK_H
#define CAPSCOPE_CAPDB_LOCK_H

#include "lib/errors.h"

#include <stdbool.h>
#include <stddef.h>

enum { LOCK_HOLDER = 256 };

/* In the place of a line, when only the recording itself is found to be locked. */
extern const char lock_nameless[];

/* Takes the lock for `path` and writes `who`, one line, into it.  ERR_REFUSED: somebody holds it,
 * whose line is in holder (LOCK_HOLDER bytes).  ERR_IO: errno says why.  *fd is -1 on failure. */
enum error lock_take(const char *path, const char *who, int *fd, char *holder);
void lock_release(const char *path, int fd);

/* A lock on the recording itself, which has to be there: one file has one recorder, whatever it is
 * called and whatever becomes of RUN-lock.  As lock_take(), without a line.  To be closed after SQLite
 * has closed the file, since closing any descriptor of it ends SQLite's own locks. */
enum error lock_take_itself(const char *path, int *fd);

/* Does anybody record into `path` now?  Whose line is then in holder (LOCK_HOLDER bytes), unless that
 * is NULL.  Only for who has not opened the recording by SQLite. */
bool lock_is_held(const char *path, char *holder);

#endif
