/* Opening what somebody names to be read, so that nothing waits for ever.
 *
 * A named pipe without a writer, opened in the usual way, waits until one comes.  Files of text are
 * read through pipes all the same, since <(COMMAND) and /dev/stdin are natural there; files that
 * are mapped or read out of order have to be regular ones. */
#ifndef CAPSCOPE_LIB_HOST_INPUT_H
#define CAPSCOPE_LIB_HOST_INPUT_H

#include <stdio.h>

/* A regular file, /dev/null, a terminal, or a pipe that somebody writes into: one is waited for
 * INPUT_WRITER_MS at most, and a pipe into which nothing was written is refused, since whoever
 * should have written failed. NULL: *why says why not; it holds until the next call. */
enum { INPUT_WRITER_MS = 1000 };
FILE *input_text(const char *path, const char **why);

/* A regular file: its descriptor, or -1 and *why. */
int input_file(const char *path, const char **why);

#endif
