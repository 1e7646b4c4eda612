/* Reading a database file without asking anybody: no lock is taken, nothing beside it is made or
 * changed, and whatever locks others hold do not matter.
 *
 *     RUN          the pages
 *     RUN-wal      committed pages that are not in it yet, taken from there
 *     RUN-journal  pages as they were before a transaction that has not ended, taken from there
 *
 * So what is read is the last state that was committed when the file was opened.  Nobody is kept
 * from changing it meanwhile: readfile_stamp() before and after tells whether somebody did. */
#ifndef CAPSCOPE_CAPDB_READFILE_H
#define CAPSCOPE_CAPDB_READFILE_H

#include "lib/errors.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#define READFILE_VFS "capdb-read"

/* Makes READFILE_VFS known to SQLite. To be opened read-only, with immutable=1. ERR_NO_MEMORY. */
enum error readfile_register(void);

/* What changes when somebody writes to the three files. */
struct readfile_stamp {
    struct {
        bool there;
        dev_t device;
        ino_t inode;
        off_t size;
        struct timespec modified;
    } file[3];
};
void readfile_stamp(const char *path, struct readfile_stamp *out);
bool readfile_stamp_same(const struct readfile_stamp *a, const struct readfile_stamp *b);

/* The first page says that the newest pages are in RUN-wal, but there is none. Not while a journal
 * stands in for it: whoever wrote that page was ended before it counted. */
bool readfile_lacks_wal(const char *path);
/* The end of the file is missing: it is no whole number of pages, or has fewer than the first page says
 * and nothing beside it has the others.  SQLite would read zeros in their place. */
bool readfile_is_cut(const char *path);

#endif
