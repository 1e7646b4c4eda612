/* What a hosted program is told: BootInfo as the kernel tells a root task, and in the page behind
 * it the chunk of user/lib/handover.h. */
#include "user/demo/demo.h"

void *memset(void *to, int c, size_t n);

enum { PAGE = 4096 };

static void text_copy(char *to, const char *from, word_t size)
{
    word_t i = 0;
    for (; from && from[i] != 0 && i + 1 < size; i++)
        to[i] = from[i];
    to[i] = 0;
}

static word_t first_untyped(const struct domain *d)
{
    return HANDOVER_IMAGE + d->frame_count + d->hosted.tables;
}

/* A program that manages alone: its slots are as hosted_close() fills them. */
static void tell_own(struct bootinfo *b, const struct domain *d)
{
    const struct hosted *h = &d->hosted;
    word_t untyped = first_untyped(d);
    b->user_image_frames = (struct slot_region){HANDOVER_IMAGE, HANDOVER_IMAGE + h->pages};
    b->untyped = (struct slot_region){untyped, untyped + h->memories};
    b->empty =
        (struct slot_region){untyped + h->memories, (word_t)1 << d->desc->hosted->cnode_radix};
    for (word_t i = 0; i < h->memories; i++)
        b->untyped_list[i] = (struct untyped_desc){
            .size_bits = (uint8_t)d->desc->hosted->memory_bits[i],
        };
}

static void tell_bootinfo(const struct domain *d)
{
    struct bootinfo *b = hosted_window(d->hosted.bootinfo);
    memset(b, 0, PAGE);
    b->extra_len = sizeof(struct handover);
    b->num_nodes = 1;
    b->ipc_buffer = d->hosted.end;
    b->cnode_size_bits = d->desc->hosted->cnode_radix;
    if (d->desc->hosted->resources == 0)
        tell_own(b, d);
    hosted_window_close(d->hosted.bootinfo);
}

static void tell_client(struct handover *h, const struct domain *d)
{
    word_t slot = h->clients * CLIENT_SLOTS_EACH;
    struct handover_client *c = &h->client[h->clients++];
    text_copy(c->name, d->desc->name, sizeof(c->name));
    c->badge = h->clients;
    c->untyped = slot + CLIENT_MEMORY;
    c->untyped_count = d->hosted.memories;
    c->vspace = slot + CLIENT_VSPACE;
    c->asid_pool = slot + CLIENT_ASID_POOL;
    c->image = slot + CLIENT_FRAMES;
    c->image_count = d->hosted.pages;
    c->faults = slot + CLIENT_FAULTS;
    c->priority = d->desc->hosted->thread_priority;
}

void hand_over(const struct domain *d, const struct domain *domains, word_t count)
{
    const struct hosted_desc *desc = d->desc->hosted;
    tell_bootinfo(d);
    struct handover *h = hosted_window(d->hosted.chunk);
    memset(h, 0, PAGE);
    h->id = HANDOVER_ID;
    h->length = sizeof(*h);
    h->mediated = desc->resources != 0;
    h->priority = desc->thread_priority;
    h->starts = d->hosted.starts;
    h->devices = desc->devices;
    for (word_t i = 0; i < desc->devices; i++)
        h->device[i] = desc->device[i];
    for (word_t i = 0; i < count && desc->serves; i++)
        if (domains[i].desc->role == ROLE_HOSTED &&
            domains[i].desc->hosted->resources == d->hosted.index)
            tell_client(h, &domains[i]);
    text_copy(h->text, desc->text, sizeof(h->text));
    hosted_window_close(d->hosted.chunk);
}
