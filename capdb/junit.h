/* Results as JUnit's XML, which every build server shows: one suite of cases. */
#ifndef CAPSCOPE_CAPDB_JUNIT_H
#define CAPSCOPE_CAPDB_JUNIT_H

#include <stdbool.h>

struct junit;

/* FAILED: what is asked does not hold; ERROR: it could not be told; SKIPPED: there was nothing to
 * ask. */
enum junit_result { JUNIT_PASSED, JUNIT_FAILED, JUNIT_ERROR, JUNIT_SKIPPED };

/* Makes the file anew; NULL: errno tells why not. Where `path` is NULL the result takes cases and
 * writes none. */
struct junit *junit_open(const char *path);
/* One case; the sentence says why, "" where there is nothing to say. Texts of any bytes.  Build servers
 * follow a case by its name, so there is one of each: what comes again with the same result is the
 * same case, with another it gets a number. */
void junit_case(struct junit *j, enum junit_result result, const char *name, const char *sentence);
/* The verdict in words, for the case of that name which comes last. */
void junit_sentence(struct junit *j, const char *sentence);
/* The last case; `otherwise`: its sentence where none was told. */
void junit_verdict(struct junit *j, enum junit_result result, const char *otherwise);
/* Writes what was taken, and frees. false: writing failed. */
bool junit_close(struct junit *j, const char *suite);

#endif
