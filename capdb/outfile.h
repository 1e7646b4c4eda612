/* Files that a command makes in one go. Until such a file is whole it is called NAME-partial, so that
 * nobody takes a half for it: a signal that ends the program removes that, and what SIGKILL or a
 * power cut leave of it the next run replaces. */
#ifndef CAPSCOPE_CAPDB_OUTFILE_H
#define CAPSCOPE_CAPDB_OUTFILE_H

#include <stdbool.h>
#include <stdio.h>

/* --- any file, databases with what SQLite puts beside them too --- */

struct partial;

/* Removes what an earlier run left. NULL: errno tells why. */
struct partial *partial_begin(const char *path);
/* The name to make it under, until the end. */
const char *partial_name(const struct partial *p);
/* Onto the disk and under its name, in place of what has it unless it has to be `new`. False: it
 * is removed, and errno tells why. */
bool partial_keep(struct partial *p, bool new);
/* Removes it; NULL: nothing. */
void partial_drop(struct partial *p);
/* What stands there is on the disk: of a file, or with O_DIRECTORY the names in a folder. */
bool outfile_sync(const char *path, int flags);

/* Would writing `path` spoil the file `read`? It is that file, under whatever name, or one that
 * SQLite and recorders keep beside it. */
bool outfile_spoils(const char *path, const char *read);

/* --- text --- */

struct outfile {
    FILE *file;
    const char *path;
    struct partial *partial; /* NULL: a pipe, a device or standard output, written as it comes */
};

/* path NULL: standard output. False: errno tells why; a pipe that nobody reads is waited for
 * OUTFILE_READER_MS at most (ENXIO). */
enum { OUTFILE_READER_MS = 1000 };
bool outfile_open(struct outfile *f, const char *path);
/* With `whole` false it is removed. False: writing failed, now or before; errno tells why. */
bool outfile_close(struct outfile *f, bool whole);

#endif
