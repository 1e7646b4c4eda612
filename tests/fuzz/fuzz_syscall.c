/* Any registers, IPC buffers and capability addresses through the system calls of the host build.
 *
 * An input is a program: each step is a system call of whatever thread runs, a tick, an interrupt
 * or a fault, with interrupts rising in the middle where the input says so.  It starts from one
 * scene of threads, endpoints, CNodes and memory.  Afterwards the object walker's audit and the
 * check of invariants that shares no code with it (tests/sim/sim_check.c) must find nothing;
 * sanitizers and the kernel's own assertions watch on the way.
 *
 *     step:  kind, then for a system call
 *            number, address, label, length and extra capabilities, words 0 to 3, how many buffer
 * words follow and these, three capability addresses, a receive slot, when an interrupt rises word:
 * one byte for a small number, 0xe0 + n for a power of two, 0xf0 and four bytes for any */
#include "objwalk/capscope/audit.h"
#include "objwalk/capscope/walk.h"
#include "kernel/syscall.h"
#include "tests/sim/sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RAM_BYTES = 1 << 20,
    STEPS_MAX = 96,
    THREADS = 3,
    BUFFER_WORDS = 8,
    SMALL_MAX = 0xe0,
    POWER_MAX = 0xf0,
};

struct input {
    const uint8_t *at;
    size_t left;
};

static uint8_t *scene;
static struct hostsim scene_machine;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- taking the input apart --- */

static word_t take_byte(struct input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->at++;
}

static word_t take_word(struct input *in)
{
    word_t b = take_byte(in);
    if (b < SMALL_MAX)
        return b;
    if (b < POWER_MAX)
        return (word_t)1 << (2 * (b - SMALL_MAX) + 1);
    word_t w = 0;
    for (unsigned i = 0; i < 4; i++)
        w = w << 8 | take_byte(in);
    return w;
}

/* --- the scene --- */

static void must(word_t error)
{
    if (error != SEL4_NO_ERROR)
        abort();
}

static void make_scene(void)
{
    static const struct hostsim_config config = {.ram_bytes = RAM_BYTES};
    static const word_t priorities[THREADS] = {255, 254, 100};
    static const char *const names[THREADS] = {"first", "second", "third"};
    sim_boot_config(&config);
    cptr_t endpoint = sim_new(OBJECT_ENDPOINT, 0);
    sim_new(OBJECT_NOTIFICATION, 0);
    cptr_t node = sim_new(OBJECT_CNODE, 3);
    sim_new_many(OBJECT_UNTYPED, 13, 2);
    sim_new(OBJECT_PAGE_TABLE, 0);
    sim_new(OBJECT_PAGE_DIRECTORY, 0);
    must(sim_call(node, INV_CNODE_COPY, SIM_CAPS(INIT_CNODE),
                  SIM_MRS(1, 3, endpoint, 32, RIGHT_ALL)));
    must(sim_mint(sim_free_slots(1), endpoint, RIGHT_ALL, 7));
    for (unsigned i = 0; i < THREADS; i++)
        sim_thread_start(sim_thread_new(names[i], priorities[i], endpoint));
    scene = malloc(hostsim_ram_size);
    if (!scene)
        abort();
    memcpy(scene, hostsim_ram, hostsim_ram_size);
    scene_machine = hostsim;
}

static void set_scene(void)
{
    if (!scene)
        make_scene();
    memcpy(hostsim_ram, scene, hostsim_ram_size);
    hostsim = scene_machine;
}

/* --- steps --- */

static word_t take_number(struct input *in)
{
    word_t b = take_byte(in);
    return b < 0xf8 ? (word_t) - (int)(1 + b % 8) : take_word(in);
}

static void take_buffer(struct input *in, word_t *buffer)
{
    word_t count = take_byte(in) % (BUFFER_WORDS + 1);
    for (word_t i = 0; i < count; i++)
        buffer[IPCBUF_MSG + MSG_REGISTERS + i] = take_word(in);
    for (unsigned i = 0; i < MSG_MAX_EXTRA_CAPS; i++)
        buffer[IPCBUF_CAPS + i] = take_word(in);
    for (unsigned i = IPCBUF_RECEIVE_CNODE; i <= IPCBUF_RECEIVE_DEPTH; i++)
        buffer[i] = take_word(in);
}

static void take_interrupt(struct input *in)
{
    word_t b = take_byte(in);
    ks.work_units = b % PREEMPT_UNITS;
    hostsim_preempt_after(b / PREEMPT_UNITS % 8);
    hostsim.preempt_every = b >> 6;
}

static void step_syscall(struct input *in, struct tcb *t)
{
    word_t spare[1 << (IPC_BUFFER_BITS - 2)];
    word_t *buffer = sim_buffer(t);
    t->regs[REG_R7] = take_number(in);
    t->regs[REG_R0] = take_word(in);
    word_t label = take_word(in);
    word_t counts = take_byte(in);
    t->regs[REG_R1] = msginfo_make(label, 0, counts >> 6, counts & 0x3f);
    for (unsigned i = 0; i < MSG_REGISTERS; i++)
        t->regs[REG_R2 + i] = take_word(in);
    take_buffer(in, buffer ? buffer : spare);
    take_interrupt(in);
    t->regs[REG_PC] = HOSTSIM_SVC + 4;
    kernel_enter_syscall(t->regs[REG_R7]);
    hostsim_preempt_after(0);
}

static void step_again(struct tcb *t)
{
    t->regs[REG_PC] = HOSTSIM_SVC + 4;
    kernel_enter_syscall(t->regs[REG_R7]);
}

static void interrupt(word_t irq)
{
    hostsim_raise_irq(irq);
    if (hostsim_irq_waiting())
        kernel_enter_irq();
    hostsim_lower_irq(irq);
}

static void step_fault(struct input *in)
{
    word_t b = take_byte(in);
    if (b % 3 == 0)
        kernel_enter_undefined();
    else if (b % 3 == 1)
        kernel_enter_data_abort(take_word(in), take_word(in));
    else
        kernel_enter_prefetch_abort(take_word(in), take_word(in));
}

static void step(struct input *in)
{
    word_t kind = take_byte(in);
    bool idle = ks.current == kaddr_of(&ks.idle);
    if (idle || kind >= 0xf0) {
        if (kind % 2 || idle)
            interrupt(kind % IRQ_COUNT);
        else
            step_fault(in);
    } else if (kind >= 0xc0 && sim_is_at_svc()) {
        step_again(current_thread());
    } else {
        step_syscall(in, current_thread());
    }
    sim_take_irqs();
}

/* --- the judges --- */

static enum error print_finding(void *ctx, const struct record *r)
{
    (void)ctx;
    if (r->kind == RECORD_FINDING)
        fprintf(stderr,
                "audit: rule %u at %08" PRIx64 ", other %08" PRIx64 ", value %08" PRIx64 "\n",
                r->finding.rule, r->finding.addr, r->finding.other, r->finding.value);
    return ERR_OK;
}

static void judge(void)
{
    static struct objwalk w;
    struct memview view = sim_memview();
    uint32_t findings = 0;
    if (objwalk_open(&w, &view, hostsim_roots()) != ERR_OK ||
        objwalk_audit(&w, print_finding, NULL, &findings) != ERR_OK || findings != 0)
        abort();
    sim_check();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    set_scene();
    for (unsigned i = 0; i < STEPS_MAX && in.left > 0; i++)
        step(&in);
    judge();
    return 0;
}
