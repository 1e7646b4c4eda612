/* The fixture of kernel tests (sim.h): boots, makes system calls, makes objects and threads.
 *
 * Every object comes from a real invocation; nothing here writes kernel objects but registers,
 * message buffers and thread names, as a program and the debugger would. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <string.h>

#include "kernel/syscall.h"

enum { SIM_MAX_RESTARTS = 1000000, SIM_MAX_YIELDS = 1000, SIM_BUFFERS_VADDR = 0x40000000 };

struct sim_reply sim_reply;
static cptr_t next_free;
static unsigned buffers;

/* ---- booting ------------------------------------------------------------------------------------
 */
void sim_boot_config(const struct hostsim_config *config)
{
    hostsim_boot(config);
    memset(&sim_reply, 0, sizeof(sim_reply));
    next_free = sim_bootinfo()->empty.start;
    buffers = 0;
}

void sim_boot(void)
{
    sim_boot_config(NULL);
}

void sim_end(void)
{
    sim_check();
    hostsim_destroy();
}

int sim_setup(void **state)
{
    (void)state;
    memset(&hostsim, 0, sizeof(hostsim));
    sim_boot();
    return 0;
}

int sim_teardown(void **state)
{
    (void)state;
    sim_end();
    return 0;
}

/* ---- system calls -------------------------------------------------------------------------------
 */
word_t *sim_buffer(struct tcb *t)
{
    struct cap frame = t->slots[TCB_BUFFER].cap;
    if (!cap_is_frame(frame))
        return NULL;
    word_t inside = t->ipc_buffer & ((1u << cap_object_bits(frame)) - 1);
    return kptr(cap_object(frame) + inside);
}

bool sim_is_at_svc(void)
{
    return ks.current != kaddr_of(&ks.idle) && current_thread()->regs[REG_PC] == HOSTSIM_SVC;
}

void sim_take_irqs(void)
{
    for (unsigned i = 0; hostsim_irq_waiting(); i++) {
        if (i == 1000)
            fail_msg("an interrupt stays pending: the kernel neither masks nor acknowledges it");
        kernel_enter_irq();
    }
}

void sim_tick(void)
{
    hostsim_raise_irq(TIMER_IRQ);
    sim_take_irqs();
}

static void fill_reply(struct tcb *caller)
{
    const word_t *buffer = sim_buffer(caller);
    word_t tag = caller->regs[REG_R1];
    sim_reply.returned = ks.current == kaddr_of(caller) && caller->regs[REG_PC] == HOSTSIM_SVC + 4u;
    sim_reply.badge = caller->regs[REG_R0];
    sim_reply.tag = tag;
    sim_reply.label = msginfo_label(tag);
    sim_reply.length = msginfo_length(tag);
    sim_reply.extra = msginfo_extra(tag);
    sim_reply.unwrapped = (tag >> MSGINFO_UNWRAPPED_SHIFT) & 7;
    for (unsigned i = 0; i < MSG_MAX_LENGTH; i++)
        sim_reply.mr[i] = i < MSG_REGISTERS ? caller->regs[REG_R2 + i]
                          : buffer          ? buffer[IPCBUF_MSG + i]
                                            : 0;
    memcpy(sim_reply.regs, caller->regs, sizeof(sim_reply.regs));
}

/* Executes the svc with the registers as they are, again as long as it is restarted. */
static void run_svc(void)
{
    struct tcb *caller = current_thread();
    if (caller == &ks.idle)
        fail_msg("no thread runs: the idle thread cannot make a system call");
    for (sim_reply.restarts = 0;; sim_reply.restarts++) {
        if (sim_reply.restarts == SIM_MAX_RESTARTS)
            fail_msg("a system call restarts for ever");
        caller->regs[REG_FAULT_IP] = HOSTSIM_SVC;
        caller->regs[REG_PC] = HOSTSIM_SVC + 4;
        kernel_enter_syscall(caller->regs[REG_R7]);
        sim_take_irqs();
        if (current_thread() != caller || !sim_is_at_svc())
            break;
    }
    fill_reply(caller);
}

void sim_continue(void)
{
    if (!sim_is_at_svc())
        fail_msg("the current thread is not about to execute an svc");
    run_svc();
}

word_t sim_syscall(word_t number, const word_t regs[6])
{
    word_t *r = current_thread()->regs;
    memcpy(r, regs, 6 * sizeof(*r));
    r[REG_R7] = number;
    run_svc();
    return sim_reply.regs[REG_R0];
}

void sim_message(word_t number, cptr_t cptr, word_t label, struct sim_caps caps,
                 struct sim_words mrs)
{
    struct tcb *caller = current_thread();
    word_t *buffer = sim_buffer(caller);
    word_t *r = caller->regs;
    r[REG_R0] = cptr;
    r[REG_R1] = msginfo_make(label, 0, caps.n, mrs.n);
    r[REG_R7] = number;
    for (unsigned i = 0; i < mrs.n; i++) {
        if (i < MSG_REGISTERS)
            r[REG_R2 + i] = mrs.w[i];
        else if (buffer)
            buffer[IPCBUF_MSG + i] = mrs.w[i];
    }
    for (unsigned i = 0; buffer && i < caps.n; i++)
        buffer[IPCBUF_CAPS + i] = caps.c[i];
    run_svc();
}

word_t sim_call(cptr_t cptr, word_t label, struct sim_caps caps, struct sim_words mrs)
{
    sim_message((word_t)SYS_CALL, cptr, label, caps, mrs);
    return sim_reply.label;
}

void sim_send(cptr_t cptr, word_t label, struct sim_caps caps, struct sim_words mrs)
{
    sim_message((word_t)SYS_SEND, cptr, label, caps, mrs);
}

word_t sim_recv(cptr_t cptr)
{
    current_thread()->regs[REG_R0] = cptr;
    current_thread()->regs[REG_R7] = (word_t)SYS_RECV;
    run_svc();
    return sim_reply.badge;
}

void sim_yield(void)
{
    current_thread()->regs[REG_R7] = (word_t)SYS_YIELD;
    run_svc();
}

/* ---- threads ------------------------------------------------------------------------------------
 */
struct tcb *sim_root(void)
{
    return kptr(cap_object(sim_cap(INIT_TCB)));
}

static void expect_no_error(word_t error, const char *what)
{
    if (error != SEL4_NO_ERROR || !sim_reply.returned)
        fail_msg("%s: error %u, words %u %u, %s", what, (unsigned)error, (unsigned)sim_reply.mr[0],
                 (unsigned)sim_reply.mr[1], sim_reply.returned ? "returned" : "not returned");
}

struct sim_thread sim_thread_new(const char *name, word_t priority, cptr_t handler)
{
    struct sim_thread t = {.tcb = sim_new(OBJECT_TCB, 0), .buffer = sim_new(OBJECT_FRAME_4K, 0)};
    vaddr_t vaddr = SIM_BUFFERS_VADDR + 0x1000u * buffers++;
    t.p = kptr(cap_object(sim_cap(t.tcb)));
    expect_no_error(sim_call(t.tcb, INV_TCB_CONFIGURE, SIM_CAPS(INIT_CNODE, INIT_VSPACE, t.buffer),
                             SIM_MRS(handler, 0, 0, vaddr)),
                    "TCB_Configure");
    expect_no_error(
        sim_call(t.tcb, INV_TCB_SET_SCHED_PARAMS, SIM_CAPS(INIT_TCB), SIM_MRS(255, priority)),
        "TCB_SetSchedParams");
    snprintf(t.p->name, sizeof(t.p->name), "%s", name);
    return t;
}

void sim_thread_start(struct sim_thread t)
{
    sim_call(t.tcb, INV_TCB_RESUME, SIM_CAPS(), SIM_MRS());
    assert_int_equal(sim_reply.label, SEL4_NO_ERROR);
}

void sim_become(struct tcb *t)
{
    for (unsigned i = 0; i < SIM_MAX_YIELDS; i++) {
        if (current_thread() == t)
            return;
        if (sim_is_at_svc())
            sim_continue();
        else
            sim_yield();
    }
    fail_msg("thread %s (state %u, priority %u) does not get to run; %s (priority %u) does",
             t->name, (unsigned)t->state, (unsigned)t->priority, current_thread()->name,
             (unsigned)current_thread()->priority);
}

/* ---- slots and objects --------------------------------------------------------------------------
 */
struct slot *sim_slot(cptr_t slot)
{
    /* The root CNode is found by the root task's TCB, whose address stands in its own slot: begin
     * with the sentinel, since slot 1 of the root CNode is not known yet. */
    for (kaddr_t a = ks.cdt_head.next & SLOT_LINK_MASK; a != kaddr_of(&ks.cdt_head);) {
        const struct slot *s = kptr(a);
        if (cap_type(s->cap) == CAP_CNODE && cnode_radix(s->cap) == ROOT_CNODE_RADIX &&
            cap_object(s->cap) + INIT_CNODE * sizeof(struct slot) == a) {
            assert_in_range(slot, 0, (1u << ROOT_CNODE_RADIX) - 1);
            return (struct slot *)kptr(cap_object(s->cap)) + slot;
        }
        a = s->next & SLOT_LINK_MASK;
    }
    fail_msg("no root CNode holds a capability to itself in slot %u", (unsigned)INIT_CNODE);
    return NULL;
}

struct cap sim_cap(cptr_t slot)
{
    return sim_slot(slot)->cap;
}

cptr_t sim_free_slots(unsigned n)
{
    for (unsigned run = 0; next_free < (1u << ROOT_CNODE_RADIX);) {
        run = cap_type(sim_cap(next_free)) == CAP_NULL ? run + 1 : 0;
        next_free++;
        if (run == n)
            return next_free - n;
    }
    fail_msg("the root CNode has no %u empty slots in a row left", n);
    return 0;
}

const struct bootinfo *sim_bootinfo(void)
{
    return kptr(cap_object(sim_cap(INIT_BOOTINFO)));
}

cptr_t sim_untyped(void)
{
    const struct bootinfo *bi = sim_bootinfo();
    cptr_t best = 0;
    unsigned best_bits = 0;
    for (word_t i = 0; i < bi->untyped.end - bi->untyped.start; i++) {
        const struct untyped_desc *u = &bi->untyped_list[i];
        if (!u->is_device && u->size_bits > best_bits) {
            best = bi->untyped.start + i;
            best_bits = u->size_bits;
        }
    }
    assert_int_not_equal(best, 0);
    return best;
}

word_t sim_retype(cptr_t untyped, enum object_type type, word_t size_bits, cptr_t dest,
                  word_t count)
{
    return sim_call(untyped, INV_UNTYPED_RETYPE, SIM_CAPS(INIT_CNODE),
                    SIM_MRS((word_t)type, size_bits, 0, 0, dest, count));
}

/* From the biggest untyped; when that has no room, from any other. */
cptr_t sim_new_many(enum object_type type, word_t size_bits, unsigned n)
{
    const struct bootinfo *bi = sim_bootinfo();
    cptr_t dest = sim_free_slots(n);
    word_t error = sim_retype(sim_untyped(), type, size_bits, dest, n);
    for (word_t i = bi->untyped.end; error == SEL4_NOT_ENOUGH_MEMORY && i-- > bi->untyped.start;)
        if (!bi->untyped_list[i - bi->untyped.start].is_device)
            error = sim_retype(i, type, size_bits, dest, n);
    expect_no_error(error, "Untyped_Retype");
    return dest;
}

cptr_t sim_new(enum object_type type, word_t size_bits)
{
    return sim_new_many(type, size_bits, 1);
}

word_t sim_copy(cptr_t dest, cptr_t src, word_t rights)
{
    return sim_call(INIT_CNODE, INV_CNODE_COPY, SIM_CAPS(INIT_CNODE),
                    SIM_MRS(dest, 32, src, 32, rights));
}

word_t sim_mint(cptr_t dest, cptr_t src, word_t rights, word_t data)
{
    return sim_call(INIT_CNODE, INV_CNODE_MINT, SIM_CAPS(INIT_CNODE),
                    SIM_MRS(dest, 32, src, 32, rights, data));
}

word_t sim_move(cptr_t dest, cptr_t src)
{
    return sim_call(INIT_CNODE, INV_CNODE_MOVE, SIM_CAPS(INIT_CNODE), SIM_MRS(dest, 32, src, 32));
}

word_t sim_delete(cptr_t slot)
{
    return sim_call(INIT_CNODE, INV_CNODE_DELETE, SIM_CAPS(), SIM_MRS(slot, 32));
}

word_t sim_revoke(cptr_t slot)
{
    return sim_call(INIT_CNODE, INV_CNODE_REVOKE, SIM_CAPS(), SIM_MRS(slot, 32));
}

/* ---- memory view --------------------------------------------------------------------------------
 */
static enum error sim_read(void *ctx, record_word_t addr, void *buf, uint32_t len)
{
    (void)ctx;
    record_word_t offset = addr - KERNEL_WINDOW;
    if (offset >= hostsim_ram_size || len > hostsim_ram_size - offset)
        return ERR_READ;
    memcpy(buf, hostsim_ram + offset, len);
    return ERR_OK;
}

static const void *sim_window(void *ctx, record_word_t addr, uint32_t len)
{
    (void)ctx;
    record_word_t offset = addr - KERNEL_WINDOW;
    return offset >= hostsim_ram_size || len > hostsim_ram_size - offset ? NULL
                                                                         : hostsim_ram + offset;
}

struct memview sim_memview(void)
{
    return (struct memview){.read = sim_read, .window = sim_window};
}
