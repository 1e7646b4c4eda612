/* Errors of everything above the kernel: one enum, one sentence a value.
 *
 * Functions of lib, wire, record, objwalk, capstate and attach return 0 or one of these, negated
 * never. The sentence says what; the caller adds where (address, file, target). */
#ifndef CAPSCOPE_LIB_ERRORS_H
#define CAPSCOPE_LIB_ERRORS_H

#include <stdint.h>

#define ERROR_LIST(X)                                                                              \
    X(0, OK, "no error")                                                                           \
    X(1, READ, "memory could not be read")                                                         \
    X(2, NO_ROOTS, "no capscope kernel found: the magic of kernel_roots is not there")             \
    X(3, VERSION, "kernel_roots has another version than this program understands")                \
    X(4, LAYOUT, "the kernel's object layout differs from the one this program understands")       \
    X(5, CORRUPT, "kernel data is inconsistent")                                                   \
    X(6, BOUND, "a list or table is longer than it can be")                                        \
    X(7, TRUNCATED, "data ends in the middle of a record")                                         \
    X(8, FORMAT, "data does not follow the format")                                                \
    X(9, CHECKSUM, "checksum does not match")                                                      \
    X(10, SEQUENCE, "a frame is missing or out of order")                                          \
    X(11, NO_MEMORY, "out of memory")                                                              \
    X(12, TIMEOUT, "no answer before the deadline")                                                \
    X(13, CLOSED, "the other side closed the connection")                                          \
    X(14, IO, "input or output failed")                                                            \
    X(15, ARGUMENT, "the argument is not valid")                                                   \
    X(16, NOT_FOUND, "not found")                                                                  \
    X(17, REFUSED, "the target refused")                                                           \
    X(18, UNSUPPORTED, "the target cannot do this")                                                \
    X(19, STOPPED, "interrupted")                                                                  \
    X(20, TORN, "the state changed while it was read")

enum error {
#define X(value, NAME, text) ERR_##NAME = value,
    ERROR_LIST(X)
#undef X
        ERROR_COUNT = 21
};

/* The sentence of an error, "?" for other values. */
const char *error_sentence(enum error e);

#endif
