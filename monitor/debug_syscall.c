/* The debug system calls (ABI sheet, section 2). Where the sheet says that the kernel halts, it
 * enters the monitor with a sentence, and goes on when told to. */
#include "kernel/capability.h"
#include "kernel/cnode.h"
#include "kernel/tcb.h"
#include "monitor/capdl.h"
#include "monitor/console.h"
#include "monitor/door/door.h"
#include "monitor/monitor.h"
#include "monitor/out.h"

enum { NAME_LIMIT = 480 }; /* bytes of a message: where the search for the NUL ends */

static void cap_identify_call(struct tcb *t)
{
    struct slot *slot;
    bool found = cnode_lookup(t, t->regs[REG_R0], &slot) == DONE;
    t->regs[REG_R0] = found ? cap_identify(slot->cap) : 0;
}

/* Length of the name in the message, NAME_LIMIT if it does not end. */
static word_t name_length(const char *name)
{
    word_t n = 0;
    while (n < NAME_LIMIT && name[n] != '\0')
        n++;
    return n;
}

static void name_set(struct tcb *t, const char *name, word_t n)
{
    if (n > TCB_NAME_SIZE - 1)
        n = TCB_NAME_SIZE - 1;
    memset(t->name, 0, TCB_NAME_SIZE);
    memcpy(t->name, name, n);
    debug_event(EVENT_THREAD_NAME, NULL, NULL, cap_null(), kaddr_of(t), 0);
}

static void name_thread_call(struct tcb *t)
{
    struct slot *slot;
    if (cnode_lookup(t, t->regs[REG_R0], &slot) != DONE || cap_type(slot->cap) != CAP_TCB) {
        debug_stop(STOP_PROGRAM, "DebugNameThread: the capability is not a thread's");
        return;
    }
    const word_t *buffer = tcb_ipc_buffer(t, false);
    if (!buffer) {
        debug_stop(STOP_PROGRAM, "DebugNameThread: the caller has no IPC buffer");
        return;
    }
    const char *name = (const char *)&buffer[IPCBUF_MSG];
    word_t n = name_length(name);
    if (n == NAME_LIMIT)
        debug_stop(STOP_PROGRAM, "DebugNameThread: the name does not end");
    else
        name_set(kptr(cap_object(slot->cap)), name, n);
}

static void dump_scheduler_call(void)
{
    console_message();
    monitor_execute("threads", console_char, NULL);
}

static void snapshot_call(void)
{
    console_message();
    out_begin(console_char, NULL, NULL);
    capdl_print();
    out_end();
}

bool debug_syscall(word_t number)
{
    struct tcb *t = current_thread();
    switch ((int32_t)number) {
    case SYS_DEBUG_PUT_CHAR:
        debug_console((char)t->regs[REG_R0]);
        return true;
    case SYS_DEBUG_DUMP_SCHEDULER:
        dump_scheduler_call();
        return true;
    case SYS_DEBUG_HALT:
        debug_stop(STOP_PROGRAM, "DebugHalt");
        return true;
    case SYS_DEBUG_CAP_IDENTIFY:
        cap_identify_call(t);
        return true;
    case SYS_DEBUG_SNAPSHOT:
        snapshot_call();
        return true;
    case SYS_DEBUG_NAME_THREAD:
        name_thread_call(t);
        return true;
    default:
        return false;
    }
}
