/* Words for capabilities, places, threads and events. */
#include "monitor/text.h"

#include "monitor/out.h"
#include "monitor/places.h"
#include "monitor/view.h"
#include "record/names.h"

char *text_size(uint32_t bytes, char buf[TEXT_SIZE])
{
    static const char unit[] = {'M', 'K'};
    for (unsigned i = 0; i < sizeof(unit); i++) {
        uint32_t shift = 20 - 10 * i;
        if (bytes != 0 && (bytes & ((1u << shift) - 1)) == 0) {
            format_string(buf, TEXT_SIZE, "%u%c", bytes >> shift, unit[i]);
            return buf;
        }
    }
    format_string(buf, TEXT_SIZE, "%u", bytes);
    return buf;
}

const char *text_tcb_slot(uint32_t index)
{
    static const char *const names[TCB_SLOTS] = {"cspace", "vspace", "reply", "caller", "buffer"};
    return index < TCB_SLOTS ? names[index] : "?";
}

static void cap_mapping(const struct record_slot *r)
{
    struct objwalk *w = view_walk_quiet();
    if (r->extra == 0)
        return;
    out(" at 0x%08x asid %u", r->data, r->extra);
    if (w && objwalk_is_stale(w, r))
        out(" (stale)");
}

static void cap_details(const struct record_slot *r)
{
    char size[TEXT_SIZE], rights[5];
    switch (r->type) {
    case RECORD_CAP_UNTYPED:
        out(" %s, %u used", text_size(1u << (r->bits & 31), size), r->data);
        break;
    case RECORD_CAP_ENDPOINT:
    case RECORD_CAP_NOTIFICATION:
        if (r->data != 0)
            out(" badge %u", r->data);
        out(" %s", record_rights_text(r->type, r->rights, rights));
        break;
    case RECORD_CAP_CNODE:
        out(" radix %u guard 0x%x/%u", r->bits - SLOT_BITS, r->data, r->extra);
        break;
    case RECORD_CAP_ZOMBIE:
        out(" %u slots left", r->data);
        break;
    case RECORD_CAP_FRAME:
        out(" %s %s", text_size(1u << (r->bits & 31), size),
            record_rights_text(r->type, r->rights, rights));
        cap_mapping(r);
        break;
    case RECORD_CAP_PAGE_TABLE:
        cap_mapping(r);
        break;
    case RECORD_CAP_PAGE_DIRECTORY:
        if (r->extra != 0)
            out(" asid %u", r->extra);
        break;
    case RECORD_CAP_ASID_POOL:
        out(" first asid %u", r->data);
        break;
    case RECORD_CAP_IRQ_HANDLER:
        out(" irq %u", r->data);
        break;
    case RECORD_CAP_INVALID:
        out(" words 0x%08x 0x%08x", r->data, r->extra);
        break;
    default:
        break;
    }
}

static bool has_object(uint32_t type)
{
    return type != RECORD_CAP_NULL && type != RECORD_CAP_IRQ_CONTROL &&
           type != RECORD_CAP_IRQ_HANDLER && type != RECORD_CAP_ASID_CONTROL &&
           type != RECORD_CAP_DOMAIN && type != RECORD_CAP_INVALID;
}

void text_cap(const struct record_slot *r)
{
    out("%s", record_cap_name(r->type));
    if (has_object(r->type))
        out(" 0x%08x", r->object);
    if (r->type == RECORD_CAP_TCB || r->type == RECORD_CAP_REPLY) {
        out(" ");
        text_thread(kaddr_from_paddr(r->object), TEXT_NAME);
    }
    cap_details(r);
    if (r->flags & RECORD_SLOT_DEVICE)
        out(" device");
    if (r->flags & RECORD_SLOT_MASTER)
        out(" master");
}

void text_thread(kaddr_t tcb, uint32_t max)
{
    static struct record_thread t;
    struct objwalk *w = view_walk_quiet();
    if (tcb == 0)
        out("kernel");
    else if (w && tcb == w->roots.idle_thread)
        out("idle");
    else if (w && objwalk_thread(w, tcb, &t) == ERR_OK && t.name.length != 0)
        out_escaped(t.name.bytes, t.name.length, max);
    else
        out("tcb 0x%08x", paddr_from_kaddr(tcb));
}

static void tcb_place(const struct place *p, uint32_t index)
{
    out("tcb ");
    text_thread(p->base, TEXT_NAME);
    out(" %s", text_tcb_slot(index));
}

static void cnode_place(const struct place *p, uint32_t index)
{
    if (p->user >= 0) {
        text_thread(places_at((uint32_t)p->user)->base, TEXT_NAME);
        out(" cnode[%u]", index);
    } else {
        out("%s 0x%08x[%u]", p->dying ? "zombie" : "cnode", paddr_from_kaddr(p->base), index);
    }
}

void text_place(const struct objwalk *w, kaddr_t slot)
{
    uint32_t index;
    const struct place *p = places_find(slot, &index);
    if (p && p->kind == PLACE_TCB)
        tcb_place(p, index);
    else if (p)
        cnode_place(p, index);
    else if (slot - w->roots.irq_slots < IRQ_COUNT * sizeof(struct slot))
        out("irq %u", (slot - w->roots.irq_slots) / (uint32_t)sizeof(struct slot));
    else
        out("a slot outside all CNodes");
}

void text_place_piece(const struct objwalk *w, kaddr_t slot)
{
    out_piece_begin();
    out("in ");
    text_place(w, slot);
    out_piece_end();
}

/* The capability part of an event, in the words of a slot. */
static void event_cap(const struct record_event *r)
{
    struct record_slot s = {
        .type = r->type,
        .object = r->object,
        .bits = r->bits,
        .rights = r->rights,
        .flags = r->flags,
        .data = r->data,
        .extra = r->extra,
    };
    if (r->type == RECORD_CAP_NULL)
        return;
    out_piece_begin();
    text_cap(&s);
    out_piece_end();
}

static void event_detail(const struct record_event *r)
{
    switch (r->kind) {
    case EVENT_WATERMARK:
        out_piece("to %u", r->detail);
        break;
    case EVENT_REVOKE_VICTIM:
    case EVENT_REVOKE_PREEMPTED:
    case EVENT_REVOKE_RESUMED:
    case EVENT_REVOKE_END:
        out_piece("(%u done)", r->detail);
        break;
    case EVENT_DELETE:
        if (r->detail)
            out_piece("(the last)");
        break;
    case EVENT_THREAD_PRIORITY:
        out_piece("to %u", r->detail & 0xff);
        break;
    case EVENT_IRQ_SET:
        out_piece("irq %u", r->detail);
        break;
    default:
        break;
    }
}

void text_event(const struct objwalk *w, const struct event *e)
{
    struct record_event r;
    objwalk_event(w, e, &r);
    out("#%u ", e->seq);
    text_thread(e->thread, TEXT_NAME);
    out(" %s", event_kind_name(e->kind));
    if (r.slot != 0)
        out(" 0x%08x", r.slot);
    event_cap(&r);
    if (r.src != 0)
        out_piece("%s 0x%08x", e->kind == EVENT_REVOKE_VICTIM ? "of" : "from", r.src);
    if (r.object2 != 0 && r.object2 != r.object)
        out_piece("on 0x%08x", r.object2);
    event_detail(&r);
}
