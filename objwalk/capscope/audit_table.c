/* Does a capability stand behind everything that address spaces refer to?
 *
 * What the ASID table leads to makes claims: this pool, this directory, this page table, this page
 * with these rights.  For each claim some capability must say the same (ASID, POOL, TABLE_FOREIGN,
 * MAPPING_NO_FRAME, MAPPING_RIGHTS).  The other way round is no rule: a frame capability whose
 * mapping was overwritten, or whose directory went, believes in it still.
 *
 * To compare the two sets in linear time and without memory, every claim is hashed into a bucket
 * that is added to, and every capability whose claim the tables confirm, with rights that suffice,
 * subtracts the same: equal sets leave zeroes.  Only claims in buckets that are not zero (which two
 * capabilities for one mapping also cause) are looked up one by one, a batch in one walk of the
 * list.  A sum can be zero by accident once in 2^32. */
#include "objwalk/capscope/audit_state.h"

enum { RIGHTS_RW = RIGHT_READ | RIGHT_WRITE, BUCKET_SHIFT = 26, USER_PDES = USER_TOP >> 20 };

static uint32_t claim_hash(const struct audit_claim *c)
{
    uint32_t h = c->kind * 0x9e3779b1u;
    h = (h ^ c->asid) * 0x85ebca6bu;
    h = ((h ^ h >> 15) + c->vaddr) * 0xc2b2ae35u;
    h = ((h ^ h >> 13) + c->object + c->bits) * 0x27d4eb2fu;
    return h ^ h >> 16;
}

typedef void (*claim_fn)(struct audit *a, const struct audit_claim *c);

static void claim_add(struct audit *a, const struct audit_claim *c)
{
    uint32_t h = claim_hash(c);
    a->w->audit.bucket[h >> BUCKET_SHIFT] += h;
}

static void claim_subtract(struct audit *a, const struct audit_claim *c)
{
    uint32_t h = claim_hash(c);
    a->w->audit.bucket[h >> BUCKET_SHIFT] -= h;
}

/* --- what the tables claim --- */

static struct audit_claim mapping_claim(uint32_t asid, const struct record_mapping *m)
{
    return (struct audit_claim){
        .kind = CLAIM_MAPPING,
        .asid = asid,
        .vaddr = (vaddr_t)m->vaddr,
        .object = (paddr_t)m->frame,
        .bits = m->bits,
        .rights = m->rights & RIGHTS_RW,
    };
}

/* The page tables that a directory refers to. */
static void claim_page_tables(struct audit *a, uint32_t asid, kaddr_t dir, claim_fn fn)
{
    word_t piece[OBJWALK_BLOCK_WORDS];
    for (uint32_t i = 0; i < USER_PDES && a->error == ERR_OK; i++) {
        if (i % OBJWALK_BLOCK_WORDS == 0 &&
            !audit_ok(a, objwalk_read_object(a->w, dir + i * 4, 8, piece, sizeof(piece))))
            return;
        word_t pde = piece[i % OBJWALK_BLOCK_WORDS];
        if ((pde & PDE_TYPE_MASK) != PDE_PAGE_TABLE)
            continue;
        fn(a, &(struct audit_claim){.kind = CLAIM_TABLE,
                                    .asid = asid,
                                    .vaddr = i << 20,
                                    .object = pde & ~((1u << PAGE_TABLE_BITS) - 1),
                                    .bits = PAGE_TABLE_BITS});
    }
}

static void claim_mappings(struct audit *a, uint32_t asid, kaddr_t dir, claim_fn fn)
{
    struct objwalk *w = a->w;
    struct record_mapping m;
    enum error e;
    objwalk_mapping_begin(&w->mapping, dir, asid);
    while (a->error == ERR_OK && (e = objwalk_mapping_next(w, &w->mapping, &m)) != ERR_NOT_FOUND) {
        struct audit_claim c = mapping_claim(asid, &m);
        if (audit_ok(a, e))
            fn(a, &c);
    }
}

static void claim_pool_entries(struct audit *a, uint32_t index, kaddr_t pool, claim_fn fn)
{
    for (uint32_t i = 0; i < ASIDS_PER_POOL && a->error == ERR_OK; i++) {
        kaddr_t dir;
        uint32_t asid = index << ASID_POOL_INDEX_BITS | i;
        if (!audit_ok(a, a->w->ops->asid_entry(a->w, pool, i, &dir)))
            return;
        if (dir == 0)
            continue;
        fn(a, &(struct audit_claim){.kind = CLAIM_ASID,
                                    .asid = asid,
                                    .object = objwalk_paddr(a->w, dir),
                                    .bits = PAGE_DIRECTORY_BITS});
        claim_page_tables(a, asid, dir, fn);
        claim_mappings(a, asid, dir, fn);
        if (fn == claim_add)
            audit_kernel_part(a, dir);
    }
}

static void for_each_claim(struct audit *a, claim_fn fn)
{
    for (uint32_t i = 0; i < ASID_POOLS && a->error == ERR_OK; i++) {
        kaddr_t pool;
        if (!audit_ok(a, a->w->ops->asid_pool(a->w, i, &pool)) || pool == 0)
            continue;
        fn(a, &(struct audit_claim){.kind = CLAIM_POOL,
                                    .asid = i,
                                    .object = objwalk_paddr(a->w, pool),
                                    .bits = ASID_POOL_BITS});
        claim_pool_entries(a, i, pool, fn);
    }
}

/* --- what capabilities say --- */

/* The claim that a capability would stand behind; false if it is none of these or not in use. */
static bool claim_of_cap(const struct objwalk_cap *cap, struct audit_claim *c)
{
    bool pool = cap->type == RECORD_CAP_ASID_POOL;
    if (cap->type == RECORD_CAP_TCB) {
        *c = (struct audit_claim){.kind = CLAIM_THREAD, .object = cap->object, .bits = cap->bits};
        return true;
    }
    *c = (struct audit_claim){
        .asid = pool ? cap->data >> ASID_POOL_INDEX_BITS : cap->extra,
        .vaddr = pool ? 0 : cap->data,
        .object = cap->object,
        .bits = cap->bits,
        .rights = cap->rights & RIGHTS_RW,
    };
    c->kind = cap->type == RECORD_CAP_FRAME            ? CLAIM_MAPPING
              : cap->type == RECORD_CAP_PAGE_TABLE     ? CLAIM_TABLE
              : cap->type == RECORD_CAP_PAGE_DIRECTORY ? CLAIM_ASID
              : pool                                   ? CLAIM_POOL
                                                       : 0;
    return c->kind != 0 && (pool || c->asid != 0);
}

static bool mapping_confirmed(struct audit *a, kaddr_t dir, const struct audit_claim *c)
{
    struct record_mapping m;
    return objwalk_translate(a->w, dir, c->vaddr, &m) == ERR_OK && m.frame == c->object &&
           m.bits == c->bits && m.vaddr == c->vaddr && (m.rights & RIGHTS_RW & ~c->rights) == 0;
}

static bool table_confirmed(struct audit *a, kaddr_t dir, const struct audit_claim *c)
{
    paddr_t table;
    return objwalk_table(a->w, dir, c->vaddr, &table) == ERR_OK && table == c->object;
}

/* Do the tables say what the capability says? */
static bool is_confirmed(struct audit *a, const struct audit_claim *c)
{
    kaddr_t pool, dir;
    if (c->kind == CLAIM_POOL)
        return c->asid < ASID_POOLS && a->w->ops->asid_pool(a->w, c->asid, &pool) == ERR_OK &&
               pool == objwalk_kaddr(a->w, c->object);
    if (objwalk_directory(a->w, c->asid, &dir) != ERR_OK)
        return false;
    if (c->kind == CLAIM_ASID)
        return dir == objwalk_kaddr(a->w, c->object);
    return c->kind == CLAIM_TABLE ? table_confirmed(a, dir, c) : mapping_confirmed(a, dir, c);
}

typedef void (*cap_fn)(struct audit *a, const struct audit_claim *c, bool again);

/* Every capability that stands behind a claim; again: the slot before said the same. */
static void for_each_cap(struct audit *a, cap_fn fn)
{
    struct objwalk *w = a->w;
    struct objwalk_cursor *cursor = &w->cursor;
    struct objwalk_cap cap;
    struct audit_claim c, before = {.kind = 0};
    objwalk_cdt_begin(w, cursor);
    while (a->error == ERR_OK && objwalk_list_next(w, cursor) == ERR_OK) {
        w->ops->decode(w, cursor->raw.cap, &cap);
        if (!claim_of_cap(&cap, &c))
            continue;
        fn(a, &c, claim_hash(&c) == claim_hash(&before) && c.object == before.object);
        before = c;
    }
}

/* A pool lives in the table as long as it has a capability; all others may be outlived. */
static void report_lost_pool(struct audit *a, const struct audit_claim *c)
{
    kaddr_t named = 0;
    if (c->asid >= ASID_POOLS || audit_ok(a, a->w->ops->asid_pool(a->w, c->asid, &named)))
        audit_report(a, AUDIT_ASID, c->object, objwalk_reference(a->w, named), c->asid);
}

static void cap_subtract(struct audit *a, const struct audit_claim *c, bool again)
{
    if (again || c->kind == CLAIM_THREAD)
        return;
    if (is_confirmed(a, c))
        claim_subtract(a, c);
    else if (c->kind == CLAIM_POOL)
        report_lost_pool(a, c);
}

/* --- one by one --- */

static bool same_place(const struct audit_claim *x, const struct audit_claim *y)
{
    return x->asid == y->asid && x->vaddr == y->vaddr;
}

static void cap_match(struct audit *a, const struct audit_claim *c, bool again)
{
    (void)again;
    for (unsigned i = 0; i < a->batched; i++) {
        struct audit_claim *claim = &a->w->audit.batch[i];
        if (claim->kind != c->kind || claim->object != c->object || claim->bits != c->bits)
            continue;
        claim->named = true;
        claim->held |= same_place(claim, c) && (claim->rights & ~c->rights) == 0;
    }
}

static enum audit_rule rule_of(const struct audit_claim *c)
{
    switch ((enum audit_claim_kind)c->kind) {
    case CLAIM_MAPPING:
        return c->named ? AUDIT_MAPPING_RIGHTS : AUDIT_MAPPING_NO_FRAME;
    case CLAIM_TABLE:
        return AUDIT_TABLE_FOREIGN;
    case CLAIM_THREAD:
        return AUDIT_CURRENT;
    case CLAIM_ASID:
    case CLAIM_POOL:
        break;
    }
    return AUDIT_ASID;
}

void audit_claims_end(struct audit *a)
{
    if (a->batched == 0)
        return;
    for_each_cap(a, cap_match);
    for (unsigned i = 0; i < a->batched; i++) {
        const struct audit_claim *c = &a->w->audit.batch[i];
        if (!c->held)
            audit_report(a, rule_of(c), c->object, c->kind == CLAIM_POOL ? 0 : c->vaddr, c->asid);
    }
    a->batched = 0;
}

void audit_claim_put(struct audit *a, const struct audit_claim *c)
{
    a->w->audit.batch[a->batched++] = *c;
    if (a->batched == AUDIT_BATCH)
        audit_claims_end(a);
}

static void claim_collect(struct audit *a, const struct audit_claim *c)
{
    if (a->w->audit.bucket[claim_hash(c) >> BUCKET_SHIFT] != 0)
        audit_claim_put(a, c);
}

void audit_tables(struct audit *a)
{
    uint32_t *bucket = a->w->audit.bucket;
    if (a->mid || a->error != ERR_OK)
        return;
    for (unsigned i = 0; i < AUDIT_BUCKETS; i++)
        bucket[i] = 0;
    a->batched = 0;
    for_each_claim(a, claim_add);
    for_each_cap(a, cap_subtract);
    bool equal = true;
    for (unsigned i = 0; i < AUDIT_BUCKETS; i++)
        equal = equal && bucket[i] == 0;
    if (!equal)
        for_each_claim(a, claim_collect);
    audit_claims_end(a);
}
