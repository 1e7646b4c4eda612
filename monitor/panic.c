/* The kernel's own bug: says what, where, and how to look, and stays reachable for questions.
 *
 * The debugger looks at data that may be broken in any way, so it may meet an exception itself. One
 * in a callback of a port ends that callback and nothing else: the kernel is none the worse for it,
 * and the line gets a sentence and a prompt. Anywhere else the debugger begins anew on an empty
 * stack, as often as it takes. */
#include "kernel/armv6/offsets.h"
#include "kernel/armv6/trap.h"
#include "kernel/board.h"
#include "monitor/console.h"
#include "monitor/door/door.h"
#include "monitor/door/rescue.h"
#include "monitor/out.h"
#include "monitor/view.h"

enum { BACKTRACE_MAX = 24, PANIC_TEXT = 256 };

/* The word before a return address is a BL, or a BLX by register (ARM ARM A4). */
static bool is_call(uint32_t instruction)
{
    return (instruction & 0x0f000000) == 0x0b000000 || (instruction & 0x0ffffff0) == 0x012fff30;
}

static bool is_return_address(word_t value)
{
    uint32_t before;
    if ((value & 3) != 0 || value < KERNEL_WINDOW || value >= KERNEL_WINDOW + board.ram_size)
        return false;
    const struct objwalk *w = view_walk_quiet();
    if (w && paddr_from_kaddr(value) >= w->roots.kernel_end)
        return false;
    return view_read(value - 4, &before, sizeof(before)) == ERR_OK && is_call(before);
}

/* The kernel is built without frame pointers, so this is every word on the stack that follows a
 * call: the true callers in order, with stale ones possible between them. */
static void backtrace(word_t sp)
{
    uint32_t shown = 0;
    out("return addresses on the stack, stale ones possible (addr2line -e kernel.elf):\n");
    for (; sp < KERNEL_STACK_TOP && shown < BACKTRACE_MAX; sp += 4) {
        word_t value;
        if (view_read(sp, &value, sizeof(value)) != ERR_OK)
            break;
        if (!is_return_address(value))
            continue;
        out_piece("0x%08x", value);
        shown++;
    }
    out("\n");
}

/* An exception left its registers; otherwise the stack in use is the one to look at. */
static word_t panic_sp(void)
{
    if (trap_frame.r[15] != 0)
        return trap_frame.r[13] & ~(word_t)3;
    return (word_t)__builtin_frame_address(0) & ~(word_t)3;
}

static struct {
    uint32_t times;
    char first[PANIC_TEXT]; /* what it was in the first place, and stays */
    char now[PANIC_TEXT];
} panic;

static void tell(void)
{
    console_message();
    out_begin(console_char, NULL, NULL);
    out("kernel panic%s: %s\n", panic.times > 1 ? " inside the debugger" : "", panic.now);
    if (panic.times == 1)
        backtrace(panic_sp());
    out("the state stays as it is: ask here, or read the memory, even from an image of\n"
        "it once the machine is gone: capdb domains ram:FILE, inspector-tui ram:FILE\n");
    out_end();
}

static _Noreturn void stand(void)
{
    for (;;)
        debug_stop(STOP_PANIC, panic.first);
}

void debug_panic(const char *file, int line, const char *what)
{
    format_string(panic.now, sizeof(panic.now), "%s:%d: %s", file, line, what);
    if (door_is_trying())
        door_give_up(panic.now);
    rescue_enter();
    if (panic.times++ == 0) {
        format_string(panic.first, sizeof(panic.first), "%s", what);
        door_try(tell);
        stand();
    }
    door_try(tell);
    door_anew(stand);
}
