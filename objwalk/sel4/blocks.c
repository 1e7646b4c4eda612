/* Fills a table of blocks for one configuration out of the built-in rows. */
#include "objwalk/sel4/block_rows.h"

#include <string.h>

static const char *const names[SEL4_BLOCKS] = {
#define X(NAME, text) [SEL4_CAP_##NAME] = text,
    SEL4_CAP_LIST(X)
#undef X
#define X(NAME, text) [SEL4_BLOCK_##NAME] = text,
        SEL4_OBJECT_BLOCK_LIST(X)
#undef X
};

const char *sel4_block_name(enum sel4_block_kind kind)
{
    return kind < SEL4_BLOCKS && names[kind] ? names[kind] : "unknown";
}

static void adapt(struct sel4_field *f, const struct sel4_options *o)
{
    if (f->sign < SEL4_ADAPT)
        return;
    uint8_t canonical = o->arch == SEL4_RISCV64 ? 39 : 48;
    if (f->sign != SEL4_ADAPT_POINTER)
        f->low = (uint8_t)(f->low + 48 - canonical);
    f->width = (uint8_t)(f->width - (48 - canonical));
    f->sign = f->sign == SEL4_ADAPT_UPPER || o->hyp ? 0 : canonical;
}

static void take_row(struct sel4_block *block, const struct sel4_row *r,
                     const struct sel4_options *o)
{
    struct sel4_block *b = &block[r->kind];
    b->tag = r->tag;
    b->fields = 0;
    for (size_t i = 0; i < SEL4_BLOCK_FIELDS && r->field[i].role != SEL4_END; i++) {
        b->field[i] = r->field[i];
        adapt(&b->field[i], o);
        b->fields++;
    }
}

static void take(struct sel4_block *block, const struct sel4_rows *rows,
                 const struct sel4_options *o)
{
    for (size_t i = 0; i < rows->count; i++)
        take_row(block, &rows->row[i], o);
}

static void take_aarch64(struct sel4_block *block, const struct sel4_options *o)
{
    take(block, &sel4_rows_aarch64, o);
    if (!o->four_tables)
        return;
    take(block, &sel4_rows_aarch64_four_tables, o);
    block[SEL4_CAP_VSPACE].tag = SEL4_NO_TAG;
    block[SEL4_CAP_SMC].tag = SEL4_NO_TAG;
    block[SEL4_CAP_SGI_SIGNAL].tag = SEL4_NO_TAG;
}

/* With several nodes the interrupt of a handler takes the whole word. */
static void widen_irq(struct sel4_block *block, const struct sel4_options *o)
{
    struct sel4_field *f = &block[SEL4_CAP_IRQ_HANDLER].field[0];
    if (o->smp)
        f->width = o->arch == SEL4_AARCH32 ? 32 : 64;
}

static void take_64(struct sel4_block *block, const struct sel4_options *o)
{
    take(block, &sel4_rows_common_64, o);
    if (o->mcs)
        take(block, &sel4_rows_mcs_64, o);
    if (o->arch == SEL4_AARCH64)
        take_aarch64(block, o);
    if (o->arch == SEL4_RISCV64)
        take(block, &sel4_rows_riscv64, o);
    if (o->arch == SEL4_X86_64)
        take(block, &sel4_rows_x86_64, o);
}

static void take_32(struct sel4_block *block, const struct sel4_options *o)
{
    take(block, &sel4_rows_aarch32, o);
    if (o->mcs)
        take(block, &sel4_rows_mcs_32, o);
}

void sel4_blocks_fill(struct sel4_block *block, const struct sel4_options *o)
{
    memset(block, 0, SEL4_BLOCKS * sizeof(*block));
    for (size_t i = 0; i < SEL4_BLOCKS; i++)
        block[i].tag = SEL4_NO_TAG;
    if (o->arch == SEL4_AARCH32)
        take_32(block, o);
    else
        take_64(block, o);
    widen_irq(block, o);
}

const struct sel4_field *sel4_block_field(const struct sel4_block *b, enum sel4_role role)
{
    for (size_t i = 0; i < b->fields; i++) {
        if (b->field[i].role == role)
            return &b->field[i];
    }
    return NULL;
}

uint64_t sel4_block_value(const struct sel4_block *b, enum sel4_role role, const uint64_t *words)
{
    const struct sel4_field *f = sel4_block_field(b, role);
    return f ? sel4_field_value(f, words[f->word]) : 0;
}
