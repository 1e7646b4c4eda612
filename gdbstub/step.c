/* The place of a step, and the way round it for threads that share the code. */
#include "gdbstub/step.h"

#include "gdbstub/memory.h"
#include "gdbstub/nextpc.h"
#include "gdbstub/planted.h"
#include "gdbstub/registers.h"
#include "gdbstub/threads.h"
#include "kernel/arch.h"
#include "lib/bytes.h"

enum { CPSR_THUMB = 0x20 };

/* Where a planted instruction stops a step, in the kernel window. */
struct place {
    kaddr_t at; /* 0: none */
    uint32_t size;
};

static struct {
    uint32_t thread; /* 0: no step */
    uint32_t from;   /* its pc */
    uint32_t start, end;
    bool leaves; /* the kernel: whichever thread goes on is the right one */
    struct place place;
    struct place detour; /* of another thread past `place`, which is not planted meanwhile */
} step;

void step_end(void)
{
    step.thread = 0;
    step.from = 0;
}

bool step_is_on(void)
{
    return step.thread != 0;
}

uint32_t step_from(void)
{
    return step.from;
}

bool step_plant(void)
{
    const struct place *p = step.detour.at != 0 ? &step.detour : &step.place;
    return step.thread == 0 || planted_add(p->at, p->size);
}

/* ---- where the thread goes next ---- */

static bool read_of_thread(void *ctx, uint32_t addr, void *buf, uint32_t len)
{
    return memory_read(*(const uint32_t *)ctx, addr, buf, len) == len;
}

static bool user_place(uint32_t thread, uint32_t pc, bool thumb, struct place *out)
{
    out->size = thumb ? PLANTED_THUMB : PLANTED_ARM;
    return memory_translate(threads_directory(thread), pc, &out->at);
}

/* The first instruction that the thread executes on whose behalf the kernel works. */
static bool place_behind_kernel(struct place *out)
{
    uint32_t thread = threads_id(ks.current);
    word_t cpsr = registers_get(thread, REGISTERS_CORE);
    uint32_t pc = registers_get(thread, REG_PC);
    return pc < USER_TOP && user_place(thread, pc, (cpsr & CPSR_THUMB) != 0, out);
}

/* BL, or BLX by register (ARM ARM A4). */
static bool is_call(const struct nextpc_state *s)
{
    uint8_t bytes[4];
    if (!s->read(s->ctx, s->r[REG_PC], bytes, sizeof(bytes)))
        return false;
    uint32_t i = get_le32(bytes);
    return (i & 0x0f000000) == 0x0b000000 || (i & 0x0ffffff0) == 0x012fff30;
}

/* *leaves is set where it is the kernel's last instruction that a breakpoint can follow. */
static bool kernel_place(const struct nextpc_state *s, enum nextpc_result result, uint32_t pc,
                         struct place *out, bool *leaves)
{
    if (result == NEXTPC_OK && !planted_allowed(pc) && is_call(s))
        pc = s->r[REG_PC] + 4;
    *out = (struct place){pc, PLANTED_ARM};
    if (result == NEXTPC_OK && planted_allowed(pc))
        return true;
    *leaves = true;
    return place_behind_kernel(out);
}

static bool next_place(uint32_t thread, struct place *out, bool *leaves)
{
    struct nextpc_state s = {.read = read_of_thread, .ctx = &thread};
    struct nextpc next = {0, false};
    for (uint32_t i = 0; i < REGISTERS_CORE; i++)
        s.r[i] = registers_get(thread, i);
    s.cpsr = registers_get(thread, REGISTERS_CORE);
    enum nextpc_result result = nextpc_of(&s, &next);
    *leaves = false;
    if (result == NEXTPC_UNREADABLE)
        return false;
    if (s.r[REG_PC] >= USER_TOP)
        return kernel_place(&s, result, next.pc, out, leaves);
    return result == NEXTPC_OK && user_place(thread, next.pc, next.thumb, out);
}

static bool step_again(void)
{
    step.from = registers_get(step.thread, REG_PC);
    step.detour.at = 0;
    return next_place(step.thread, &step.place, &step.leaves);
}

bool step_begin(uint32_t thread, uint32_t start, uint32_t end)
{
    step.thread = thread;
    step.start = start;
    step.end = end;
    if (step_again())
        return true;
    step_end();
    return false;
}

/* ---- what was met ---- */

/* Another thread executes the same code: it goes past. */
static enum step_event go_round(uint32_t thread)
{
    bool leaves;
    if (!next_place(thread, &step.detour, &leaves))
        step.detour.at = 0;
    return STEP_GOES_ON;
}

bool step_goes_round(void)
{
    return step.thread != 0 && step.detour.at != 0;
}

void step_goes_straight(void)
{
    step.detour.at = 0;
}

enum step_event step_met(uint32_t thread, kaddr_t at, uint32_t pc)
{
    if (step.thread == 0)
        return STEP_NOT_OURS;
    if (step.detour.at != 0) {
        bool ours = at == step.detour.at;
        step.detour.at = ours ? 0 : step.detour.at;
        return ours ? STEP_GOES_ON : STEP_NOT_OURS;
    }
    if (at != step.place.at)
        return STEP_NOT_OURS;
    if (thread != step.thread && !step.leaves)
        return go_round(thread);
    bool inside = !step.leaves && pc >= step.start && pc < step.end;
    return inside && step_again() ? STEP_GOES_ON : STEP_OVER;
}
