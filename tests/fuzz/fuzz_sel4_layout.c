/* Any bytes as a kernel.elf, with its DWARF, or as a description of bit fields.  The first byte
 * says which.  Whatever is taken gives a layout whose places lie where a walker may read. */
#include "objwalk/sel4/layout.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Fields lie within words, so that no value can be taken from behind an object. */
static void check_blocks(const struct sel4_block *block, unsigned word_bits)
{
    for (unsigned k = 0; k < SEL4_BLOCKS; k++) {
        if (block[k].fields > SEL4_BLOCK_FIELDS)
            abort();
        for (unsigned i = 0; i < block[k].fields; i++) {
            const struct sel4_field *f = &block[k].field[i];
            if (f->word >= 8 || f->low + f->width > (int)word_bits || f->role >= SEL4_ROLES)
                abort();
        }
    }
}

static void check_layout(const struct sel4_layout *l)
{
    check_blocks(l->block, l->word * 8);
    if (l->nodes == 0 || l->nodes > SEL4_NODES || l->tcb_bits > 16 || l->tcb_slots > 16 ||
        l->notes > SEL4_NOTES)
        abort();
    for (unsigned m = 0; m < SEL4_TCB_MEMBERS; m++) {
        if (l->tcb_bits != 0 && l->tcb[m] != SEL4_NONE && l->tcb[m] >= 1u << l->tcb_bits)
            abort();
    }
}

static void fuzz_image(const uint8_t *data, size_t size)
{
    char why[SEL4_WHY];
    struct sel4_image m;
    struct sel4_layout l;
    uint64_t offset = 0;
    uint8_t code[64];
    uint8_t *bytes = malloc(size + 1); /* libelf may write to what it was given */
    if (!bytes)
        return;
    memcpy(bytes, data, size);
    if (sel4_image_memory(&m, bytes, size, why) == ERR_OK) {
        if (sel4_layout_open(&l, &m, NULL, 0, why) == ERR_OK)
            check_layout(&l);
        (void)sel4_image_name_at(&m, l.idle_function, &offset);
        (void)sel4_image_bytes(&m, m.segment[0].va, code, sizeof(code));
        sel4_image_close(&m);
    }
    free(bytes);
}

static void fuzz_description(const uint8_t *data, size_t size, enum sel4_arch arch)
{
    struct sel4_block block[SEL4_BLOCKS];
    struct sel4_options o = {.arch = arch};
    struct sel4_description d;
    sel4_blocks_fill(block, &o);
    enum error e = sel4_description_apply((const char *)data, size, arch, block, NULL, NULL, &d);
    if (e == ERR_FORMAT && (!d.why || d.line == 0))
        abort();
    check_blocks(block, arch == SEL4_AARCH32 ? 32 : 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] == 'e')
        fuzz_image(data + 1, size - 1);
    else if (data[0] == 'n')
        fuzz_description(data + 1, size - 1, SEL4_AARCH32);
    else
        fuzz_description(data + 1, size - 1, SEL4_AARCH64);
    return 0;
}
