/* What every root task starts with: entry, console, fatal errors. */
#ifndef CAPSCOPE_USER_LIB_USER_H
#define CAPSCOPE_USER_LIB_USER_H

#include "user/lib/syscalls.h"

/* The program: called once by user_start() with the IPC buffer set. */
void user_main(const struct bootinfo *info);

/* Does the kernel below have the calls of the debug build? Without them they are faults. */
bool user_has_debug_calls(void);

/* Where characters go on a kernel that has no console; NULL, as it begins: nowhere. */
extern void (*user_console)(char c);

/* printf to the console, the subset of lib/format.h. */
void user_print(const char *fmt, ...);

/* Prints a sentence and stops the calling thread for good. */
_Noreturn void user_fail(const char *fmt, ...);

/* Fails with file, line and the error's name unless e is SEL4_NO_ERROR. */
#define user_check(e) user_check_at((e), __FILE__, __LINE__, #e)
void user_check_at(enum syscall_error e, const char *file, int line, const char *what);

/* The largest untyped of RAM that a root task has; 0: it has none. */
cptr_t user_largest_untyped(const struct bootinfo *info);

extern char image_start[], image_end[];

#endif
