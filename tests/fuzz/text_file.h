/* Bytes as a file that has a path and lies on no disk, for readers that take a path. */
#ifndef CAPSCOPE_TESTS_FUZZ_TEXT_FILE_H
#define CAPSCOPE_TESTS_FUZZ_TEXT_FILE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static char text_path[64];
static int text_fd = -1;

static inline void text_put(const void *bytes, size_t size)
{
    if (text_fd < 0)
        text_fd = memfd_create("input", 0);
    snprintf(text_path, sizeof(text_path), "/proc/self/fd/%d", text_fd);
    if (text_fd < 0 || ftruncate(text_fd, 0) != 0 ||
        pwrite(text_fd, bytes, size, 0) != (ssize_t)size)
        abort();
}

/* Ends the fuzzer where a claim does not hold. */
static inline void text_claim(int holds, const char *claim)
{
    if (holds)
        return;
    fprintf(stderr, "not so: %s\n", claim);
    abort();
}

#endif
