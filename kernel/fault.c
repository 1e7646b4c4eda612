/* Faults: recorded in the thread, sent to its handler like a Call, answered like one (ABI sheet
 * 7.5, 7.6).
 *
 * The record stays in the TCB until a reply or a cancelled reply clears it; the words of the
 * message are taken from the registers when it is delivered. */
#include "kernel/fault.h"
#include "kernel/cnode.h"
#include "kernel/debug.h"
#include "kernel/endpoint.h"
#include "kernel/ipc.h"
#include "kernel/tcb.h"

enum {
    FAULT_PREFETCH_SHIFT = 31, /* in fault_word1 of a memory fault */
    FSR_MASK = 0x3fff,
};

/* Registers come and go four at a time where they lie side by side. */
struct quad {
    word_t w[MSG_REGISTERS];
};

/* Registers of a message, in the order of 7.5; a reply writes back as many. */
static const uint8_t unknown_syscall_registers[] = {
    0, 1, 2, 3, 4, 5, 6, 7, REG_FAULT_IP, REG_SP, REG_LR, REG_CPSR,
};
static const uint8_t user_exception_registers[] = {REG_FAULT_IP, REG_SP, REG_CPSR};

void fault_send(struct tcb *t)
{
    struct slot *slot = NULL;
    bool found = cnode_lookup(t, t->fault_handler, &slot) == DONE;
    if (debug_watches())
        debug_event(EVENT_FAULT, NULL, found ? slot : NULL, cap_null(), kaddr_of(t), t->fault_type);
    bool handled = found && fault_handler_is_usable(slot->cap);
    debug_fault(t, handled);
    if (!handled) {
        t->fault_type = FAULT_NONE;
        tcb_set_state(t, THREAD_INACTIVE);
        return;
    }
    struct cap c = slot->cap;
    endpoint_send(t, kptr(cap_object(c)), true, true, cap_badge(c), cap_rights(c) & RIGHT_GRANT,
                  cap_rights(c) & RIGHT_GRANT_REPLY);
}

static inline struct tcb *fault_record(enum fault_type type, word_t word0, word_t word1)
{
    struct tcb *t = current_thread();
    t->fault_type = type;
    t->fault_word0 = word0;
    t->fault_word1 = word1;
    return t;
}

void fault_capability(cptr_t cptr, bool receive)
{
    struct tcb *t = current_thread();
    t->lookup_type = ks.lookup.type;
    for (unsigned i = 0; i < 3; i++)
        t->lookup_word[i] = ks.lookup.word[i];
    fault_send(fault_record(FAULT_CAP, cptr, receive));
}

struct tcb *fault_vm_record(vaddr_t addr, word_t fsr, bool prefetch)
{
    return fault_record(FAULT_VM, addr,
                        (fsr & FSR_MASK) | ((word_t)prefetch << FAULT_PREFETCH_SHIFT));
}

void fault_user_exception(void)
{
    fault_send(fault_record(FAULT_USER_EXCEPTION, 0, 0));
}

struct tcb *fault_unknown_syscall_record(word_t number)
{
    return fault_record(FAULT_UNKNOWN_SYSCALL, number, 0);
}

/* Writes words to a message one by one; `length` is what the receiver will see. */
struct fault_writer {
    struct tcb *receiver;
    word_t *buffer;
    word_t next;
    word_t length;
};

static void put(struct fault_writer *w, word_t value)
{
    w->length = ipc_set_word(w->receiver, w->buffer, w->next++, value);
}

static void put_registers(struct fault_writer *w, const struct tcb *t, const uint8_t *list,
                          word_t count)
{
    for (word_t i = 0; i < count; i++)
        put(w, t->regs[list[i]]);
}

static void put_capability_fault(struct fault_writer *w, const struct tcb *t)
{
    word_t words = t->lookup_type == LOOKUP_NONE ? 0 : t->lookup_type - 1;
    put(w, t->regs[REG_FAULT_IP]);
    put(w, t->fault_word0);
    put(w, t->fault_word1);
    put(w, t->lookup_type);
    for (word_t i = 0; i < words && i < 3; i++)
        put(w, t->lookup_word[i]);
}

/* Fits the registers. */
static word_t vm_fault_message(const struct tcb *t, struct tcb *receiver)
{
    word_t *mr = &receiver->regs[REG_R2];
    mr[0] = t->regs[REG_FAULT_IP];
    mr[1] = t->fault_word0;
    mr[2] = t->fault_word1 >> FAULT_PREFETCH_SHIFT;
    mr[3] = t->fault_word1 & ~((word_t)1 << FAULT_PREFETCH_SHIFT);
    return msginfo_make(FAULT_VM, 0, 0, MSG_REGISTERS);
}

/* A foreign system's call: its servers live on it, so it is worth no loop. */
static word_t unknown_syscall_message(const struct tcb *t, struct tcb *receiver)
{
    word_t *buffer = tcb_ipc_buffer(receiver, true);
    *(struct quad *)&receiver->regs[REG_R2] = *(const struct quad *)&t->regs[REG_R0];
    if (!buffer)
        return msginfo_make(FAULT_UNKNOWN_SYSCALL, 0, 0, MSG_REGISTERS);
    word_t *mr = buffer + IPCBUF_MSG;
    *(struct quad *)&mr[4] = *(const struct quad *)&t->regs[4];
    mr[8] = t->regs[REG_FAULT_IP];
    mr[9] = t->regs[REG_SP];
    mr[10] = t->regs[REG_LR];
    mr[11] = t->regs[REG_CPSR];
    mr[12] = t->fault_word0;
    return msginfo_make(FAULT_UNKNOWN_SYSCALL, 0, 0, 13);
}

word_t fault_message(struct tcb *t, struct tcb *receiver)
{
    struct fault_writer w = {receiver, NULL, 0, 0};
    switch (t->fault_type) {
    case FAULT_VM:
        return vm_fault_message(t, receiver);
    case FAULT_CAP:
        w.buffer = tcb_ipc_buffer(receiver, true);
        put_capability_fault(&w, t);
        break;
    case FAULT_UNKNOWN_SYSCALL:
        return unknown_syscall_message(t, receiver);
    case FAULT_USER_EXCEPTION:
        w.buffer = tcb_ipc_buffer(receiver, true);
        put_registers(&w, t, user_exception_registers, sizeof(user_exception_registers));
        put(&w, 0);
        put(&w, 0);
        break;
    default:
        kernel_assert(!"fault type");
    }
    return msginfo_make(t->fault_type, 0, 0, w.length);
}

/* Writes the reply's words back into the registers that the fault message showed. */
static void apply_registers(struct tcb *sender, struct tcb *faulter, const uint8_t *list,
                            word_t count)
{
    word_t length = msginfo_length(sender->regs[REG_R1]);
    const word_t *buffer = length > MSG_REGISTERS ? tcb_ipc_buffer(sender, false) : NULL;
    if (length > MSG_REGISTERS && !buffer)
        length = MSG_REGISTERS;
    if (length > count)
        length = count;
    for (word_t i = 0; i < length; i++) {
        word_t value = i < MSG_REGISTERS ? sender->regs[REG_R2 + i] : buffer[IPCBUF_MSG + i];
        faulter->regs[list[i]] = list[i] == REG_CPSR ? cpsr_sanitise(value) : value;
    }
}

/* The usual answer is nine words: results, and where to go on. */
static bool apply_nine(const struct tcb *sender, struct tcb *faulter)
{
    const word_t *buffer = tcb_ipc_buffer((struct tcb *)sender, false);
    if (msginfo_length(sender->regs[REG_R1]) != 9 || !buffer)
        return false;
    const word_t *mr = buffer + IPCBUF_MSG;
    *(struct quad *)&faulter->regs[REG_R0] = *(const struct quad *)&sender->regs[REG_R2];
    *(struct quad *)&faulter->regs[4] = *(const struct quad *)&mr[4];
    faulter->regs[REG_FAULT_IP] = mr[8];
    return true;
}

bool fault_reply(struct tcb *sender, struct tcb *faulter)
{
    switch (faulter->fault_type) {
    case FAULT_UNKNOWN_SYSCALL:
        if (apply_nine(sender, faulter))
            break;
        apply_registers(sender, faulter, unknown_syscall_registers,
                        sizeof(unknown_syscall_registers));
        break;
    case FAULT_USER_EXCEPTION:
        apply_registers(sender, faulter, user_exception_registers,
                        sizeof(user_exception_registers));
        break;
    default:
        return true;
    }
    return msginfo_label(sender->regs[REG_R1]) == 0;
}
