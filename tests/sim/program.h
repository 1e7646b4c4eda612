/* Running another built program from a test. */
#ifndef CAPSCOPE_TESTS_PROGRAM_H
#define CAPSCOPE_TESTS_PROGRAM_H

/* Runs argument[0], named from the folder this program lies in, with its standard output and error
 * passed on to standard error. Returns its exit status, 128 + n when signal n ended it, -1 when it
 * could not be run. */
int program_run(const char *const *argument);

/* The folder this program lies in, without a slash at its end. */
const char *program_folder(void);

#endif
