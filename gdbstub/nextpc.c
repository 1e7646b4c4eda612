/* The instructions that write the program counter, one function a group; all others go on behind
 * themselves. */
#include "gdbstub/nextpc.h"

#include "lib/bytes.h"

enum {
    PC = 15,
    LR = 14,
    SP = 13,
    ALWAYS = 14,
    UNCONDITIONAL = 15,
    CPSR_THUMB = 0x20,
    THUMB_SVC = 15, /* in the place of a condition */
    FLAG_V = 28,
    FLAG_C = 29,
    FLAG_Z = 30,
    FLAG_N = 31,
};

static bool bit(uint32_t word, unsigned n)
{
    return word >> n & 1;
}

static uint32_t field(uint32_t word, unsigned low, unsigned bits)
{
    return word >> low & ((1u << bits) - 1);
}

static uint32_t sign_extend(uint32_t value, unsigned bits)
{
    uint32_t sign = 1u << (bits - 1);
    return (value ^ sign) - sign;
}

static uint32_t count_ones(uint32_t v)
{
    uint32_t n = 0;
    for (; v != 0; v &= v - 1)
        n++;
    return n;
}

/* ARM ARM A3.2 */
static bool condition_holds(uint32_t condition, word_t cpsr)
{
    bool n = bit(cpsr, FLAG_N), z = bit(cpsr, FLAG_Z), c = bit(cpsr, FLAG_C), v = bit(cpsr, FLAG_V);
    const bool holds[] = {z, c, n, v, c && !z, n == v, !z && n == v, true};
    return holds[condition >> 1] != (bit(condition, 0) && condition < ALWAYS);
}

/* ---- where to ---- */

static enum nextpc_result to_arm(struct nextpc *out, uint32_t pc)
{
    *out = (struct nextpc){pc & ~(uint32_t)3, false};
    return NEXTPC_OK;
}

static enum nextpc_result to_thumb(struct nextpc *out, uint32_t pc)
{
    *out = (struct nextpc){pc & ~(uint32_t)1, true};
    return NEXTPC_OK;
}

/* The lowest bit of the address chooses the instruction set. */
static enum nextpc_result interwork(struct nextpc *out, uint32_t pc)
{
    return bit(pc, 0) ? to_thumb(out, pc) : to_arm(out, pc);
}

static enum nextpc_result load(const struct nextpc_state *s, uint32_t addr, struct nextpc *out)
{
    uint8_t bytes[4];
    if (!s->read(s->ctx, addr, bytes, sizeof(bytes)))
        return NEXTPC_UNREADABLE;
    return interwork(out, get_le32(bytes));
}

/* ---- ARM ---- */

/* The pc reads as two instructions further on. */
static uint32_t arm_register(const struct nextpc_state *s, uint32_t n)
{
    return n == PC ? s->r[PC] + 8 : s->r[n];
}

/* ARM ARM A5.1; amount 0 of an immediate shift means 32, or, for ROR, RRX. */
static uint32_t shifted(uint32_t value, uint32_t kind, uint32_t amount, bool carry)
{
    switch (kind) {
    case 0:
        return amount < 32 ? value << amount : 0;
    case 1:
        return amount == 0 || amount > 31 ? 0 : value >> amount;
    case 2:
        amount = amount == 0 || amount > 31 ? 31 : amount;
        return value >> amount | (bit(value, 31) ? ~(~(uint32_t)0 >> amount) : 0);
    default:
        if (amount == 0)
            return value >> 1 | (uint32_t)carry << 31;
        amount &= 31;
        return amount == 0 ? value : value >> amount | value << (32 - amount);
    }
}

static uint32_t shifted_by_immediate(const struct nextpc_state *s, uint32_t i)
{
    return shifted(arm_register(s, field(i, 0, 4)), field(i, 5, 2), field(i, 7, 5),
                   bit(s->cpsr, FLAG_C));
}

static uint32_t shifted_by_register(const struct nextpc_state *s, uint32_t i)
{
    uint32_t value = arm_register(s, field(i, 0, 4));
    uint32_t amount = s->r[field(i, 8, 4)] & 0xff;
    return amount == 0 ? value : shifted(value, field(i, 5, 2), amount, false);
}

static uint32_t operand(const struct nextpc_state *s, uint32_t i)
{
    uint32_t rotate = 2 * field(i, 8, 4), value = field(i, 0, 8);
    if (bit(i, 25))
        return rotate == 0 ? value : value >> rotate | value << (32 - rotate);
    return bit(i, 4) ? shifted_by_register(s, i) : shifted_by_immediate(s, i);
}

/* ARM ARM A3.4 */
static uint32_t compute(uint32_t opcode, uint32_t a, uint32_t b, uint32_t carry)
{
    switch (opcode) {
    case 0:
        return a & b;
    case 1:
        return a ^ b;
    case 2:
        return a - b;
    case 3:
        return b - a;
    case 4:
        return a + b;
    case 5:
        return a + b + carry;
    case 6:
        return a - b - !carry;
    case 7:
        return b - a - !carry;
    case 12:
        return a | b;
    case 13:
        return b;
    case 14:
        return a & ~b;
    default:
        return ~b;
    }
}

/* Computing into the pc; with the flags it is the return from an exception. */
static enum nextpc_result arm_compute(const struct nextpc_state *s, uint32_t i, struct nextpc *out)
{
    if (bit(i, 20))
        return NEXTPC_RETURNS;
    uint32_t a = arm_register(s, field(i, 16, 4));
    return to_arm(out, compute(field(i, 21, 4), a, operand(s, i), bit(s->cpsr, FLAG_C)));
}

/* Not among the computing instructions: multiplications and the like have bits 4 and 7; opcodes 8
 * to 11 compare, or without the flags are something else. */
static bool arm_computes_pc(uint32_t i)
{
    bool other = !bit(i, 25) && bit(i, 4) && bit(i, 7);
    return field(i, 26, 2) == 0 && !other && field(i, 23, 2) != 2 && field(i, 12, 4) == PC;
}

static enum nextpc_result arm_load(const struct nextpc_state *s, uint32_t i, struct nextpc *out)
{
    uint32_t base = arm_register(s, field(i, 16, 4));
    uint32_t offset = bit(i, 25) ? shifted_by_immediate(s, i) : field(i, 0, 12);
    if (bit(i, 24))
        base = bit(i, 23) ? base + offset : base - offset;
    return load(s, base, out);
}

/* LDR, not LDRB, and no media instruction. */
static bool arm_loads_pc(uint32_t i)
{
    return field(i, 26, 2) == 1 && !(bit(i, 25) && bit(i, 4)) && bit(i, 20) && !bit(i, 22) &&
           field(i, 12, 4) == PC;
}

/* The pc is the last of the registers and so comes from the highest address. */
static enum nextpc_result arm_load_many(const struct nextpc_state *s, uint32_t i,
                                        struct nextpc *out)
{
    uint32_t base = s->r[field(i, 16, 4)], n = count_ones(field(i, 0, 16));
    bool before = bit(i, 24);
    if (bit(i, 22))
        return NEXTPC_RETURNS;
    if (bit(i, 23))
        return load(s, base + 4 * (before ? n : n - 1), out);
    return load(s, before ? base - 4 : base, out);
}

static bool arm_loads_many_with_pc(uint32_t i)
{
    return field(i, 25, 3) == 4 && bit(i, 20) && bit(i, PC);
}

/* BX, BXJ (without Jazelle the same), BLX */
static bool arm_branches_to_register(uint32_t i)
{
    return (i & 0x0fffffc0) == 0x012fff00 && field(i, 4, 2) != 0;
}

static enum nextpc_result arm_unconditional(const struct nextpc_state *s, uint32_t i,
                                            struct nextpc *out)
{
    enum { OPCODE = 25, BLX = 5, HALF = 24 };
    if (field(i, OPCODE, 3) == BLX)
        return to_thumb(out, s->r[PC] + 8 + (sign_extend(field(i, 0, 24), 24) << 2) +
                                 2 * (uint32_t)bit(i, HALF));
    if ((i & 0xfe50ffff) == 0xf8100a00) /* RFE */
        return NEXTPC_RETURNS;
    return to_arm(out, s->r[PC] + 4);
}

static enum nextpc_result arm_next(const struct nextpc_state *s, uint32_t i, struct nextpc *out)
{
    enum { CONDITION = 28, BRANCH = 5 };
    if (field(i, CONDITION, 4) == UNCONDITIONAL)
        return arm_unconditional(s, i, out);
    if (!condition_holds(field(i, CONDITION, 4), s->cpsr))
        return to_arm(out, s->r[PC] + 4);
    if (field(i, 25, 3) == BRANCH)
        return to_arm(out, s->r[PC] + 8 + (sign_extend(field(i, 0, 24), 24) << 2));
    if (arm_branches_to_register(i))
        return interwork(out, arm_register(s, field(i, 0, 4)));
    if (arm_computes_pc(i))
        return arm_compute(s, i, out);
    if (arm_loads_pc(i))
        return arm_load(s, i, out);
    if (arm_loads_many_with_pc(i))
        return arm_load_many(s, i, out);
    return to_arm(out, s->r[PC] + 4);
}

/* ---- Thumb ---- */

static uint32_t thumb_register(const struct nextpc_state *s, uint32_t n)
{
    return n == PC ? s->r[PC] + 4 : s->r[n];
}

static enum nextpc_result thumb_conditional(const struct nextpc_state *s, uint32_t i,
                                            struct nextpc *out)
{
    uint32_t condition = field(i, 8, 4);
    if (condition == THUMB_SVC || !condition_holds(condition, s->cpsr))
        return to_thumb(out, s->r[PC] + 2);
    return to_thumb(out, s->r[PC] + 4 + (sign_extend(field(i, 0, 8), 8) << 1));
}

/* BL and BLX are two halfwords, and here one instruction, as gdb and QEMU see them. */
static enum nextpc_result thumb_pair(const struct nextpc_state *s, uint32_t first,
                                     struct nextpc *out)
{
    enum { TO_THUMB = 31, TO_ARM = 29 };
    uint8_t bytes[2];
    if (!s->read(s->ctx, s->r[PC] + 2, bytes, sizeof(bytes)))
        return NEXTPC_UNREADABLE;
    uint32_t second = (uint32_t)get_le16(bytes);
    uint32_t target =
        s->r[PC] + 4 + (sign_extend(field(first, 0, 11), 11) << 12) + (field(second, 0, 11) << 1);
    if (field(second, 11, 5) == TO_THUMB)
        return to_thumb(out, target);
    if (field(second, 11, 5) == TO_ARM)
        return to_arm(out, target);
    return to_thumb(out, s->r[PC] + 2);
}

/* The second half alone: whoever planted a breakpoint between the two comes here. */
static enum nextpc_result thumb_second(const struct nextpc_state *s, uint32_t i, bool thumb,
                                       struct nextpc *out)
{
    uint32_t target = s->r[LR] + (field(i, 0, 11) << 1);
    return thumb ? to_thumb(out, target) : to_arm(out, target);
}

/* ADD, MOV, BX and BLX on all sixteen registers. */
static enum nextpc_result thumb_high(const struct nextpc_state *s, uint32_t i, struct nextpc *out)
{
    enum { ADD = 0, MOV = 2, BRANCH = 3 };
    uint32_t to = field(i, 0, 3) | field(i, 7, 1) << 3, value = thumb_register(s, field(i, 3, 4));
    uint32_t operation = field(i, 8, 2);
    if (operation == BRANCH)
        return interwork(out, value);
    if (to == PC && operation == MOV)
        return to_thumb(out, value);
    if (to == PC && operation == ADD)
        return to_thumb(out, s->r[PC] + 4 + value);
    return to_thumb(out, s->r[PC] + 2);
}

static enum nextpc_result thumb_next(const struct nextpc_state *s, uint32_t i, struct nextpc *out)
{
    if (field(i, 12, 4) == 13 && field(i, 8, 4) != ALWAYS)
        return thumb_conditional(s, i, out);
    switch (field(i, 11, 5)) {
    case 28:
        return to_thumb(out, s->r[PC] + 4 + (sign_extend(field(i, 0, 11), 11) << 1));
    case 29:
        return thumb_second(s, i, false, out);
    case 30:
        return thumb_pair(s, i, out);
    case 31:
        return thumb_second(s, i, true, out);
    default:
        break;
    }
    if (field(i, 10, 6) == 0x11)
        return thumb_high(s, i, out);
    if (field(i, 8, 8) == 0xbd) /* POP with pc */
        return load(s, s->r[SP] + 4 * count_ones(field(i, 0, 8)), out);
    return to_thumb(out, s->r[PC] + 2);
}

enum nextpc_result nextpc_of(const struct nextpc_state *s, struct nextpc *out)
{
    uint8_t bytes[4];
    bool thumb = (s->cpsr & CPSR_THUMB) != 0;
    if (!s->read(s->ctx, s->r[PC], bytes, thumb ? 2 : 4))
        return NEXTPC_UNREADABLE;
    return thumb ? thumb_next(s, (uint32_t)get_le16(bytes), out)
                 : arm_next(s, get_le32(bytes), out);
}
