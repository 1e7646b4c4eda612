/* Capability slots of the root's CNode and objects from its untypeds.
 *
 * Slots are handed out in order and taken back all at once when a test ends.  One small RAM untyped
 * is kept for what lives for ever; all others are the tests', smallest first, so that the large
 * ones stay whole for those that need them. */
#include "user/tests/tests.h"

struct ram {
    cptr_t cap;
    word_t bits;
    bool used;
};

enum { OWN_BITS_MIN = 13, DEVICE_AREA = 0x0f000000 };

const struct bootinfo *boot;
static struct ram ram[RAM_UNTYPEDS_MAX];
static cptr_t ram_caps[RAM_UNTYPEDS_MAX];
static word_t ram_count;
static cptr_t own; /* the untyped that is kept */
static cptr_t next_slot, kept_slot;
static bool keeping = true; /* allocating for ever */

static void ram_insert(cptr_t cap, word_t bits)
{
    word_t i = ram_count++;
    for (; i > 0 && ram[i - 1].bits > bits; i--)
        ram[i] = ram[i - 1];
    ram[i] = (struct ram){cap, bits, false};
}

static void ram_take_own(void)
{
    word_t i = 0;
    while (i < ram_count && ram[i].bits < OWN_BITS_MIN)
        i++;
    own = ram[i].cap;
    ram_count--;
    for (; i < ram_count; i++)
        ram[i] = ram[i + 1];
}

void objects_init(const struct bootinfo *info)
{
    boot = info;
    next_slot = info->empty.start;
    word_t n = info->untyped.end - info->untyped.start;
    for (word_t i = 0; i < n; i++) {
        const struct untyped_desc *u = &info->untyped_list[i];
        if (!u->is_device && ram_count < RAM_UNTYPEDS_MAX)
            ram_insert(info->untyped.start + i, u->size_bits);
    }
    ram_take_own();
    for (word_t i = 0; i < ram_count; i++)
        ram_caps[i] = ram[i].cap;
}

void objects_keep(void)
{
    kept_slot = next_slot;
    keeping = false;
}

cptr_t slots_new(word_t count)
{
    cptr_t first = next_slot;
    must(first + count <= boot->empty.end);
    next_slot += count;
    return first;
}

cptr_t slot_new(void)
{
    return slots_new(1);
}

static enum syscall_error retype(cptr_t untyped, enum object_type type, word_t size_bits,
                                 cptr_t first, word_t count)
{
    return untyped_retype(untyped, type, size_bits, INIT_CNODE, 0, 0, first, count);
}

static cptr_t objects_try(enum object_type type, word_t size_bits, word_t count)
{
    cptr_t first = slots_new(count);
    if (keeping)
        return retype(own, type, size_bits, first, count) == SEL4_NO_ERROR ? first : 0;
    for (word_t i = 0; i < ram_count; i++) {
        enum syscall_error e = retype(ram[i].cap, type, size_bits, first, count);
        if (e == SEL4_NO_ERROR) {
            ram[i].used = true;
            return first;
        }
        if (e != SEL4_NOT_ENOUGH_MEMORY)
            check_note("Retype of type %u answers %u", (word_t)type, (word_t)e);
    }
    next_slot -= count;
    return 0;
}

cptr_t object_try(enum object_type type, word_t size_bits)
{
    return objects_try(type, size_bits, 1);
}

cptr_t objects_new(enum object_type type, word_t size_bits, word_t count)
{
    cptr_t first = objects_try(type, size_bits, count);
    must(first != 0);
    return first;
}

cptr_t object_new(enum object_type type, word_t size_bits)
{
    return objects_new(type, size_bits, 1);
}

cptr_t cap_copy(cptr_t cap, word_t rights)
{
    cptr_t slot = slot_new();
    must_succeed(cnode_copy(INIT_CNODE, slot, DEPTH, INIT_CNODE, cap, DEPTH, rights));
    return slot;
}

cptr_t cap_mint(cptr_t cap, word_t rights, word_t badge)
{
    cptr_t slot = slot_new();
    must_succeed(cnode_mint(INIT_CNODE, slot, DEPTH, INIT_CNODE, cap, DEPTH, rights, badge));
    return slot;
}

enum syscall_error cap_delete(cptr_t cap)
{
    return cnode_delete(INIT_CNODE, cap, DEPTH);
}

enum syscall_error cap_revoke(cptr_t cap)
{
    return cnode_revoke(INIT_CNODE, cap, DEPTH);
}

bool slot_empty(cptr_t slot)
{
    enum syscall_error e = cnode_move(INIT_CNODE, slot, DEPTH, INIT_CNODE, slot, DEPTH);
    check(e == SEL4_DELETE_FIRST || e == SEL4_FAILED_LOOKUP);
    return e == SEL4_FAILED_LOOKUP;
}

word_t untyped_free_bytes(cptr_t untyped)
{
    struct invocation v = {
        untyped, INV_UNTYPED_RETYPE, 6, {OBJECT_UNTYPED, 29, 0, 0, boot->empty.end - 1, 1},
        1,       {INIT_CNODE},       0, 0};
    check_equal(user_invoke(&v), SEL4_NOT_ENOUGH_MEMORY);
    return v.mr[0];
}

word_t ram_untypeds(const cptr_t **caps)
{
    *caps = ram_caps;
    return ram_count;
}

word_t ram_free_bytes(void)
{
    word_t sum = 0;
    for (word_t i = 0; i < ram_count; i++)
        sum += untyped_free_bytes(ram[i].cap);
    return sum;
}

void objects_release(void)
{
    for (word_t i = 0; i < ram_count; i++) {
        if (ram[i].used)
            check_equal(cap_revoke(ram[i].cap), SEL4_NO_ERROR);
        ram[i].used = false;
    }
    for (cptr_t slot = kept_slot; slot < next_slot; slot++)
        check_equal(cap_delete(slot), SEL4_NO_ERROR);
    next_slot = kept_slot;
    for (word_t i = 0; i < ram_count; i++)
        check_equal(untyped_free_bytes(ram[i].cap), (word_t)1 << ram[i].bits);
}

/* ---- devices ---- */

static const struct untyped_desc *find_device(paddr_t paddr, cptr_t *cap)
{
    word_t n = boot->untyped.end - boot->untyped.start;
    for (word_t i = 0; i < n; i++) {
        const struct untyped_desc *u = &boot->untyped_list[i];
        if (u->is_device && paddr - u->paddr < (word_t)1 << u->size_bits) {
            *cap = boot->untyped.start + i;
            return u;
        }
    }
    return NULL;
}

cptr_t device_untyped(paddr_t paddr)
{
    cptr_t cap;
    const struct untyped_desc *u = find_device(paddr, &cap);
    return u && u->paddr == paddr ? cap : 0;
}

/* A page deep inside a device untyped is reached by handing out what lies before it: the blocks of
 * its offset's binary digits, largest first, each aligned where the last one ended. */
volatile word_t *device_map(paddr_t paddr)
{
    static vaddr_t next = DEVICE_AREA;
    cptr_t untyped;
    const struct untyped_desc *u = find_device(paddr, &untyped);
    if (!u)
        return NULL;
    word_t offset = paddr - u->paddr;
    for (word_t bits = 29; bits >= 12; bits--)
        if (offset >> bits & 1)
            retype(untyped, OBJECT_UNTYPED, bits, slot_new(), 1);
    cptr_t frame = slot_new();
    if (next == DEVICE_AREA)
        map_table(INIT_VSPACE, DEVICE_AREA);
    if (retype(untyped, OBJECT_FRAME_4K, 0, frame, 1) != SEL4_NO_ERROR ||
        page_map(frame, INIT_VSPACE, next, READ_WRITE, VM_EXECUTE_NEVER) != SEL4_NO_ERROR)
        return NULL;
    next += 4096;
    return (volatile word_t *)(next - 4096);
}
