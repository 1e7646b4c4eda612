/* Start of a root task, console output and fatal errors. */
#include "user/lib/user.h"

#include "lib/format.h"

#include <stdarg.h>

static const char *const error_names[] = {
#define X(value, NAME, text) [value] = text,
    SYSCALL_ERROR_LIST(X)
#undef X
};

void (*user_console)(char c);

/* A thread of the release kernel runs with asynchronous aborts masked (ABI sheet 5.5, 7.1). */
bool user_has_debug_calls(void)
{
    enum { CPSR_A = 0x100 };
    word_t cpsr;
    __asm__ volatile("mrs %0, cpsr" : "=r"(cpsr));
    return (cpsr & CPSR_A) == 0;
}

static void put_char(char c)
{
    if (user_has_debug_calls())
        debug_put_char(c);
    else if (user_console)
        user_console(c);
}

static void put(void *ctx, char c)
{
    (void)ctx;
    put_char(c);
}

void user_print(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    format_vto(put, NULL, fmt, args);
    va_end(args);
}

/* A thread that has nothing left to do waits for what never comes: capability 0 is empty, so a
 * receive faults, and a fault without a handler makes the thread inactive (ABI sheet 7.5). */
_Noreturn static void stop_for_good(void)
{
    for (;;)
        ipc_recv(0);
}

_Noreturn void user_fail(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    format_vto(put, NULL, fmt, args);
    va_end(args);
    put_char('\n');
    stop_for_good();
}

void user_check_at(enum syscall_error e, const char *file, int line, const char *what)
{
    if (e != SEL4_NO_ERROR)
        user_fail("%s:%d: %s: %s", file, line, what,
                  (word_t)e < sizeof(error_names) / sizeof(*error_names) ? error_names[e] : "?");
}

void user_start(const struct bootinfo *info);
void user_start(const struct bootinfo *info)
{
    user_set_ipc_buffer((void *)info->ipc_buffer);
    user_main(info);
    stop_for_good();
}

cptr_t user_largest_untyped(const struct bootinfo *info)
{
    word_t best = 0;
    cptr_t found = 0;
    for (word_t i = 0; i < info->untyped.end - info->untyped.start; i++) {
        const struct untyped_desc *u = &info->untyped_list[i];
        if (u->is_device || u->size_bits <= best)
            continue;
        best = u->size_bits;
        found = info->untyped.start + i;
    }
    return found;
}
