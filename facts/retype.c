/* What a Retype would do. */
#include "facts/retype.h"

#include "capstate/size.h"
#include "lib/texts.h"
#include "record/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TEXTS_OF(retype_rule_answer, enum retype_rule, RETYPE_RULE_LIST, TEXTS_SECOND, "?")
TEXTS_OF(retype_rule_sentence, enum retype_rule, RETYPE_RULE_LIST, TEXTS_THIRD, "?")

/* What some kernel makes of untyped memory. */
static const uint8_t made[] = {RECORD_CAP_UNTYPED,       RECORD_CAP_TCB,
                               RECORD_CAP_ENDPOINT,      RECORD_CAP_NOTIFICATION,
                               RECORD_CAP_CNODE,         RECORD_CAP_FRAME,
                               RECORD_CAP_PAGE_TABLE,    RECORD_CAP_PAGE_DIRECTORY,
                               RECORD_CAP_SCHED_CONTEXT, RECORD_CAP_REPLY_OBJECT,
                               RECORD_CAP_VCPU};

/* A reply capability is made by a call: who wants to make a "reply" means the object. */
int32_t retype_type_named(const char *name)
{
    if (strcmp(name, record_cap_name(RECORD_CAP_REPLY)) == 0)
        return RECORD_CAP_REPLY_OBJECT;
    for (uint32_t i = 1; i < RECORD_CAP_TYPES; i++)
        if (strcmp(record_cap_name(i), name) == 0)
            return (int32_t)i;
    return -1;
}

const char *retype_type_names(char *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < sizeof(made) && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "",
                                 record_cap_name(made[i]));
    return out;
}

/* --- a request in words --- */

/* A type whose objects have several sizes wants one. */
static bool wants_size(uint32_t type)
{
    return type == RECORD_CAP_FRAME || type == RECORD_CAP_UNTYPED || type == RECORD_CAP_CNODE ||
           type == RECORD_CAP_SCHED_CONTEXT;
}

static bool read_count(const char *text, uint64_t *out)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return *end == '\0' && errno == 0;
}

static bool read_size(const char *text, struct retype_request *r, char why[RETYPE_WHY])
{
    if (strcmp(text, "0") == 0 && !wants_size(r->type)) /* as the system call has it */
        return true;
    if (size_read_bits(text, &r->size_bits))
        return true;
    snprintf(why, RETYPE_WHY, "%.64s: not a size: a power of two (4096, 64K, 1M) or ^BITS", text);
    return false;
}

bool retype_read(char *const *word, uint32_t words, struct retype_request *out,
                 char why[RETYPE_WHY])
{
    uint64_t alone = 0;
    char names[RETYPE_NAMES_MAX];
    int32_t type = retype_type_named(word[0]);
    *out = (struct retype_request){.type = (uint32_t)type, .count = 1};
    if (type < 0) {
        snprintf(why, RETYPE_WHY, "%.64s: no type of object is called so (%s)", word[0],
                 retype_type_names(names, sizeof(names)));
        return false;
    }
    if (words < 2 && wants_size(out->type)) {
        snprintf(why, RETYPE_WHY, "%s has several sizes: give a SIZE (4096, 64K, 1M or ^BITS)",
                 word[0]);
        return false;
    }
    if (words == 2 && !wants_size(out->type) && read_count(word[1], &alone) && alone > 0) {
        out->count = alone;
        return true;
    }
    if (words >= 2 && !read_size(word[1], out, why))
        return false;
    if (words >= 3 && !read_count(word[2], &out->count)) {
        snprintf(why, RETYPE_WHY, "%.64s: not a count", word[2]);
        return false;
    }
    return true;
}

/* --- sizes --- */

/* Of this project's kernel, which are seL4's for ARMv6 (ABI sheet 4.1); 0: none. */
static uint32_t armv6_bits(uint32_t type)
{
    switch (type) {
    case RECORD_CAP_TCB:
        return 9;
    case RECORD_CAP_ENDPOINT:
    case RECORD_CAP_NOTIFICATION:
        return 4;
    case RECORD_CAP_PAGE_TABLE:
        return 10;
    case RECORD_CAP_PAGE_DIRECTORY:
        return 14;
    default:
        return 0;
    }
}

/* Another kernel shows it by an object that is there. */
static uint32_t seen_bits(const struct capstate *s, uint32_t type)
{
    for (uint32_t i = 0; i < s->object_count; i++)
        if (s->objects[i].type == type && s->objects[i].bits)
            return s->objects[i].bits;
    return 0;
}

static uint32_t fixed_bits(const struct capstate *s, uint32_t type)
{
    return s->snapshot.kernel == RECORD_KERNEL_CAPSCOPE ? armv6_bits(type) : seen_bits(s, type);
}

static bool is_made_by_retype(const struct capstate *s, uint32_t type)
{
    switch (type) {
    case RECORD_CAP_UNTYPED:
    case RECORD_CAP_CNODE:
    case RECORD_CAP_FRAME:
    case RECORD_CAP_TCB:
    case RECORD_CAP_ENDPOINT:
    case RECORD_CAP_NOTIFICATION:
    case RECORD_CAP_PAGE_TABLE:
    case RECORD_CAP_PAGE_DIRECTORY:
        return true;
    case RECORD_CAP_SCHED_CONTEXT:
    case RECORD_CAP_REPLY_OBJECT:
        return s->snapshot.options & RECORD_OPTION_MCS;
    case RECORD_CAP_VCPU:
        return s->snapshot.options & RECORD_OPTION_HYPERVISOR;
    default:
        return false;
    }
}

bool retype_object_bits(const struct capstate *s, uint32_t type, uint32_t size_bits, uint32_t *out)
{
    switch (type) {
    case RECORD_CAP_UNTYPED:
    case RECORD_CAP_FRAME:
    case RECORD_CAP_SCHED_CONTEXT:
        *out = size_bits;
        return true;
    case RECORD_CAP_CNODE:
        *out = size_bits + record_slot_bits(&s->snapshot);
        return true;
    default:
        *out = fixed_bits(s, type);
        return *out != 0;
    }
}

/* --- rules, in the kernel's order --- */

static uint32_t max_bits(const struct capstate *s)
{
    if (s->snapshot.architecture == RECORD_ARCHITECTURE_RISCV64)
        return 38;
    return record_word_bits(&s->snapshot) == 32 ? 29 : 47;
}

const uint8_t *retype_frame_sizes(const struct capstate *s)
{
    static const uint8_t arm[] = {12, 16, 20, 24, 0}, arm_hypervisor[] = {12, 16, 21, 25, 0};
    static const uint8_t wide[] = {12, 21, 30, 0}, narrow[] = {12, 22, 0};
    switch (s->snapshot.architecture) {
    case RECORD_ARCHITECTURE_ARM:
        return s->snapshot.options & RECORD_OPTION_HYPERVISOR ? arm_hypervisor : arm;
    case RECORD_ARCHITECTURE_RISCV32:
    case RECORD_ARCHITECTURE_IA32:
        return narrow;
    default:
        return wide;
    }
}

static bool frame_size_exists(const struct capstate *s, uint32_t bits)
{
    for (const uint8_t *size = retype_frame_sizes(s); *size; size++)
        if (*size == bits)
            return true;
    return false;
}

/* Of the size argument; releases before 13 want one more of a scheduling context. */
static uint32_t least_size(uint32_t type)
{
    switch (type) {
    case RECORD_CAP_CNODE:
        return 1;
    case RECORD_CAP_UNTYPED:
        return 4;
    case RECORD_CAP_SCHED_CONTEXT:
        return 7;
    default:
        return 0;
    }
}

static enum retype_rule check_size(const struct capstate *s, uint32_t type, uint32_t size_bits,
                                   struct retype_plan *p)
{
    p->range_min = 0;
    p->range_max = max_bits(s);
    if (size_bits >= record_word_bits(&s->snapshot) || p->object_bits > max_bits(s))
        return RETYPE_SIZE_RANGE;
    if (type == RECORD_CAP_FRAME && !frame_size_exists(s, size_bits))
        return RETYPE_NO_SUCH_TYPE;
    return size_bits < least_size(type) ? RETYPE_SIZE_MISSING : RETYPE_ALLOWED;
}

static void take_memory(const struct capstate *s, int32_t slot, struct retype_plan *p)
{
    const struct record_slot *u = &s->slots[slot].rec;
    uint64_t size = u->bits < 64 ? 1ull << u->bits : UINT64_MAX;
    p->has_children = s->slots[slot].next > slot + 1;
    p->watermark = p->has_children ? u->data : 0;
    p->free = p->watermark < size ? size - p->watermark : 0;
    p->fits_after_revoke = p->object_bits < 64 ? size >> p->object_bits : 0;
    /* Alignment is of addresses, but the memory is aligned to its own size, so offsets will do:
     * no sum reaches beyond the memory. */
    uint64_t align = p->object_bits < 64 ? (1ull << p->object_bits) - 1 : UINT64_MAX;
    uint64_t over = p->watermark & align;
    p->lost = over ? align + 1 - over : 0;
    p->fits = p->lost <= p->free ? (p->free - p->lost) >> (p->object_bits & 63) : 0;
    p->start = u->object + p->watermark + p->lost;
}

/* The kernel compares the free bytes before it aligns (ABI sheet 3.2, rule 13). */
static enum retype_rule check_memory(const struct record_slot *u, uint32_t type, uint64_t count,
                                     const struct retype_plan *p)
{
    if ((p->free >> (p->object_bits & 63)) < count)
        return RETYPE_NO_MEMORY;
    bool for_devices = type == RECORD_CAP_FRAME || type == RECORD_CAP_UNTYPED;
    return (u->flags & RECORD_SLOT_DEVICE) && !for_devices ? RETYPE_DEVICE : RETYPE_ALLOWED;
}

/* What asking another capability for a Retype meets. */
static enum retype_rule not_untyped(const struct record_slot *c)
{
    switch (c->type) {
    case RECORD_CAP_UNTYPED:
        return RETYPE_ALLOWED;
    case RECORD_CAP_ENDPOINT:
    case RECORD_CAP_NOTIFICATION:
        return c->rights & RECORD_RIGHT_WRITE ? RETYPE_MESSAGE : RETYPE_NOT_INVOKED;
    case RECORD_CAP_REPLY:
    case RECORD_CAP_REPLY_OBJECT:
        return c->flags & RECORD_SLOT_MASTER ? RETYPE_NOT_INVOKED : RETYPE_MESSAGE;
    case RECORD_CAP_NULL:
    case RECORD_CAP_ZOMBIE:
    case RECORD_CAP_INVALID:
        return RETYPE_NOT_INVOKED;
    default:
        return RETYPE_NOT_UNTYPED;
    }
}

enum error retype_plan(const struct capstate *s, int32_t slot, uint32_t type, uint32_t size_bits,
                       uint64_t count, struct retype_plan *out)
{
    const struct record_slot *u = &s->slots[slot].rec;
    *out = (struct retype_plan){.rule = not_untyped(u)};
    if (out->rule != RETYPE_ALLOWED)
        return ERR_OK;
    out->rule = RETYPE_NO_SUCH_TYPE;
    if (!is_made_by_retype(s, type))
        return ERR_OK;
    if (!retype_object_bits(s, type, size_bits, &out->object_bits))
        return ERR_UNSUPPORTED;
    out->rule = check_size(s, type, size_bits, out);
    if (out->rule != RETYPE_ALLOWED)
        return ERR_OK;
    take_memory(s, slot, out);
    if (count < 1 || count > RETYPE_COUNT_MAX) {
        out->range_min = 1;
        out->range_max = RETYPE_COUNT_MAX;
        out->rule = RETYPE_COUNT_RANGE;
        return ERR_OK;
    }
    out->rule = check_memory(u, type, count, out);
    if (out->rule == RETYPE_ALLOWED)
        out->left = out->free - out->lost - (count << out->object_bits);
    return ERR_OK;
}

bool retype_gives(const struct capstate *s, int32_t slot, uint32_t bits, struct retype_plan *out)
{
    const struct record_slot *r = &s->slots[slot].rec;
    return r->type == RECORD_CAP_UNTYPED && !(r->flags & RECORD_SLOT_DEVICE) &&
           retype_plan(s, slot, RECORD_CAP_UNTYPED, bits, 1, out) == ERR_OK &&
           out->rule == RETYPE_ALLOWED && out->fits > 0;
}
