/* The protocol of the resource server: a client that holds no memory itself asks it for kernel
 * objects and has it use them.
 *
 * Requests are Calls, the label is the request, the answer's label a result.  A client is known by
 * the badge of its endpoint.  Objects go by handles, small numbers that mean something to the
 * server alone; it refuses whatever is not the client's own, of the wrong kind, misaligned, or
 * above the client's quota.  Threads that a client makes get, with a directory, a CSpace of the
 * server's making: slot 1 is the client's endpoint for faults, nothing else. Its badge is that
 * directory's alone, since a thread can send there what it likes.
 *
 * A frame that was mapped in more places than the server looks through may lose a mapping; PROTECT
 * makes it again.
 *
 * Types are C's own: the header is read by programs that have no other header of this project. */
#ifndef CAPSCOPE_USER_LIB_RESOURCE_H
#define CAPSCOPE_USER_LIB_RESOURCE_H

/* X(NUMBER, NAME, "arguments in MR0.. -> answer in MR0..") */
#define RESOURCE_REQUEST_LIST(X)                                                                   \
    X(1, INFO, "- -> frames still to be had, bytes of other objects, frames in use, image handle") \
    X(2, FRAMES, "count -> first handle of that many, consecutive")                                \
    X(3, OBJECT,                                                                                   \
      "kind, directory, vaddr -> handle, badge of a directory's faults; a table is mapped there")  \
    X(4, FREE, "handle -> -; a table takes what is mapped in it along")                            \
    X(5, MAP, "frame, table << 16 | rights, vaddr -> mapping; vaddr lies in the table's 1 MiB")    \
    X(6, UNMAP, "mapping -> -")                                                                    \
    X(7, PROTECT, "mapping, rights -> -")                                                          \
    X(8, THREAD_SPACE, "thread, directory -> -")                                                   \
    X(9, THREAD_WRITE, "thread, resume << 8 | count, registers as WriteRegisters -> -")            \
    X(10, THREAD_READ, "thread, suspend << 8 | count -> registers as ReadRegisters")               \
    X(11, THREAD_SUSPEND, "thread -> -")                                                           \
    X(12, THREAD_RESUME, "thread -> -")                                                            \
    X(13, THREAD_TLS, "thread, base -> -")                                                         \
    X(14, THREAD_NAME, "thread, characters, four a word -> - (debug kernel)")                      \
    X(15, UNIFY, "mapping, start, end in the page -> -; what was written there is executed next")

enum resource_request {
#define X(number, NAME, text) RESOURCE_##NAME = number,
    RESOURCE_REQUEST_LIST(X)
#undef X
};

enum resource_kind {
    RESOURCE_NOTHING,
    RESOURCE_FRAME,
    RESOURCE_THREAD,
    RESOURCE_TABLE,
    RESOURCE_DIRECTORY,
    RESOURCE_MAPPING,
    RESOURCE_CSPACE, /* a directory's; no client names it */
    RESOURCE_KINDS,
};

/* X(NUMBER, NAME, "sentence") */
#define RESOURCE_RESULT_LIST(X)                                                                    \
    X(0, OK, "done")                                                                               \
    X(1, UNKNOWN, "there is no such request, or it is too short")                                  \
    X(2, HANDLE, "a handle names nothing of this client's, or nothing of this kind")               \
    X(3, QUOTA, "the client's quota is used up")                                                   \
    X(4, MEMORY, "the client's memory is used up")                                                 \
    X(5, ADDRESS, "an address is misaligned or not for users")                                     \
    X(6, BUSY, "the object is in use, or something else is there")                                 \
    X(7, KERNEL, "the kernel refused")

enum resource_result {
#define X(number, NAME, text) RESOURCE_##NAME = number,
    RESOURCE_RESULT_LIST(X)
#undef X
};

enum resource_limit {
    RESOURCE_OWN_SPACE = 0, /* the directory in which the client itself runs */
    RESOURCE_FRAMES_AT_ONCE = 256,
    RESOURCE_READ = 2, /* rights of mappings, as the kernel's */
    RESOURCE_WRITE = 1,
};

#endif
