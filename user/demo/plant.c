/* Faults for a leaky table: each breaks one of the paper's restrictions on the initial distribution
 * of authority (3.2.3), in the way it happens in practice: a capability handed to one too many. */
#include "user/demo/demo.h"

static void plant_shared_cnode(struct domain *from, struct domain *to, word_t slot)
{
    cptr_t cnode = root_retype(from->untyped, OBJECT_CNODE, 4, 1);
    domain_give_badged(to, slot, cnode, RIGHT_ALL, 0);
    domain_give(from, slot, cnode);
}

static void plant_grant_endpoint(struct domain *from, struct domain *to, word_t slot)
{
    cptr_t endpoint = root_retype(from->untyped, OBJECT_ENDPOINT, 0, 1);
    domain_give_badged(from, slot, endpoint, RIGHT_WRITE | RIGHT_GRANT, 0x11);
    domain_give_badged(to, slot, endpoint, RIGHT_READ, 0);
    user_check(cnode_delete(INIT_CNODE, endpoint, 32));
}

static void plant_tcb(struct domain *from, struct domain *to, word_t slot)
{
    domain_give_badged(to, slot, from->tcb[from->threads - 1], RIGHT_ALL, 0);
}

static void plant_untyped(struct domain *from, struct domain *to, word_t slot)
{
    cptr_t inner = root_retype(from->untyped, OBJECT_UNTYPED, 13, 1);
    cptr_t frame = root_retype(inner, OBJECT_FRAME_4K, 0, 1);
    domain_give(to, slot, frame);
    domain_give(from, slot, inner);
}

void plant_fault(const struct plant_desc *plant, struct domain *domains)
{
    struct domain *from = &domains[plant->from], *to = &domains[plant->to];
    word_t slot = SLOT_PLANTED + (word_t)plant->kind;
    switch (plant->kind) {
    case PLANT_NONE:
        break;
    case PLANT_SHARED_CNODE:
        plant_shared_cnode(from, to, slot);
        break;
    case PLANT_GRANT_ENDPOINT:
        plant_grant_endpoint(from, to, slot);
        break;
    case PLANT_TCB:
        plant_tcb(from, to, slot);
        break;
    case PLANT_UNTYPED:
        plant_untyped(from, to, slot);
        break;
    }
}
