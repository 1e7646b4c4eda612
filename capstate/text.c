/* Wording: capabilities, objects and places as one line for people.  Names of threads come from the
 * target and are printed in their escaped form only. */
#include "capstate/capstate.h"
#include "capstate/size.h"

#include "capstate/index.h"
#include "lib/digits.h"
#include "lib/plural.h"
#include "record/names.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A line that grows to the end of its buffer and is cut there. */
struct line {
    char *buf;
    size_t size;
    size_t used;
};

static struct line line_begin(char *buf, size_t size)
{
    if (size)
        buf[0] = '\0';
    return (struct line){buf, size, 0};
}

static void __attribute__((format(printf, 2, 3))) put(struct line *l, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (l->used < l->size) {
        int n = vsnprintf(l->buf + l->used, l->size - l->used, fmt, args);
        if (n > 0)
            l->used += (size_t)n;
    }
    va_end(args);
}

/* As put() with %s: most of a line needs no format. */
static void put_text(struct line *l, const char *text)
{
    size_t length = strlen(text);
    if (l->used < l->size) {
        size_t room = l->size - l->used - 1;
        char *end = mempcpy(l->buf + l->used, text, length < room ? length : room);
        *end = '\0';
        l->used += length;
    }
}

static void put_hex(struct line *l, uint64_t value, int least)
{
    char text[DIGITS_BYTES];
    char *at = digits_before(text + sizeof(text) - 1, value, 16, least);
    *--at = 'x';
    *--at = '0';
    put_text(l, at);
}

static void put_number(struct line *l, uint64_t value)
{
    char text[DIGITS_BYTES];
    put_text(l, digits_before(text + sizeof(text) - 1, value, 10, 1));
}

/* "[3]" */
static void put_index(struct line *l, uint64_t index)
{
    put_text(l, "[");
    put_number(l, index);
    put_text(l, "]");
}

int capstate_digits(const struct capstate *s)
{
    return record_word_bits(&s->snapshot) > 32 ? 12 : 8;
}

static void put_address(struct line *l, const struct capstate *s, uint64_t addr)
{
    put_hex(l, addr, capstate_digits(s));
}

static void put_bytes(struct line *l, uint64_t bytes)
{
    char text[SIZE_TEXT];
    put_text(l, size_exact(bytes, text));
}

static void put_size(struct line *l, uint32_t bits)
{
    put_bytes(l, (uint64_t)1 << (bits & 63));
}

static void put_rights(struct line *l, const struct record_slot *r)
{
    char text[5];
    record_rights_text(r->type, r->rights, text);
    put_text(l, " ");
    put_text(l, text[0] == '-' ? "no rights" : text);
}

static void put_asid(struct line *l, const struct record_slot *r)
{
    if (!r->extra)
        return;
    put_text(l, " asid ");
    put_number(l, r->extra);
}

static void put_mapping(struct line *l, const struct capstate *s, const struct record_slot *r)
{
    if (!r->extra)
        return;
    put_text(l, " at ");
    put_address(l, s, r->data);
    put_asid(l, r);
}

/* The label of the thread whose TCB is at addr, "" without one. */
static const char *label_at(const struct capstate *s, uint64_t addr)
{
    int32_t t = capstate_keys_find(s->index->threads, s->thread_count, addr);
    return t < 0 ? "" : s->threads[t].label;
}

static void put_thread(struct line *l, const struct capstate *s, uint64_t addr)
{
    const char *label = label_at(s, addr);
    if (*label)
        put_text(l, label);
    else
        put_address(l, s, addr);
}

/* "endpoint 0x80200010" */
static void put_named(struct line *l, const struct capstate *s, uint32_t type, uint64_t addr)
{
    put_text(l, record_cap_name(type));
    put_text(l, " ");
    put_address(l, s, addr);
}

static void put_memory(struct line *l, const struct capstate *s, const struct record_slot *r)
{
    put_named(l, s, r->type, r->object);
    put_text(l, " ");
    put_size(l, r->bits);
    if (r->type == RECORD_CAP_FRAME) {
        put_rights(l, r);
        put_mapping(l, s, r);
    } else {
        put_text(l, " used ");
        put_bytes(l, r->data);
    }
    if (r->flags & RECORD_SLOT_DEVICE)
        put_text(l, " device");
}

static void put_cnode(struct line *l, const struct capstate *s, const struct record_slot *r)
{
    uint32_t slot_bits = record_slot_bits(&s->snapshot);
    uint32_t radix = r->bits > slot_bits ? r->bits - slot_bits : 0;
    put_named(l, s, r->type, r->object);
    put(l, " %" PRIu64 " slot%s", (uint64_t)1 << radix, plural_s((uint64_t)1 << radix));
    if (r->extra)
        put(l, " guard 0x%" PRIx64 "/%" PRIu64, r->data, r->extra);
}

static void put_ipc(struct line *l, const struct capstate *s, const struct record_slot *r)
{
    put_named(l, s, r->type, r->object);
    if (r->data) {
        put_text(l, " badge ");
        put_number(l, r->data);
    }
    put_rights(l, r);
}

static void put_tcb(struct line *l, const struct capstate *s, const struct record_slot *r)
{
    const char *label = label_at(s, r->object);
    put_named(l, s, r->type, r->object);
    put_text(l, *label ? " " : "");
    put_text(l, label);
}

static void put_zombie(struct line *l, const struct capstate *s, const struct record_slot *r)
{
    put(l, "zombie %s ", r->flags & RECORD_SLOT_TCB_ZOMBIE ? "tcb" : "cnode");
    put_address(l, s, r->object);
    put(l, " %" PRIu64 " slot%s left", r->data, plural_s(r->data));
}

/* A pool is an array of words. */
static void put_pool(struct line *l, const struct capstate *s, const struct record_slot *r)
{
    uint64_t asids = ((uint64_t)1 << r->bits) / (record_word_bits(&s->snapshot) / 8);
    put_named(l, s, r->type, r->object);
    put(l, " asid %" PRIu64 "..%" PRIu64, r->data, r->data + asids - 1);
}

static void put_table(struct line *l, const struct capstate *s, const struct record_slot *r)
{
    put_named(l, s, r->type, r->object);
    if (r->level)
        put(l, " level %u", r->level);
    put_mapping(l, s, r);
}

static void put_io_ports(struct line *l, const struct record_slot *r)
{
    put(l, "%s 0x%" PRIx64 "..0x%" PRIx64, record_cap_name(r->type), r->data, r->extra);
}

static void put_invalid(struct line *l, const struct capstate *s, const struct record_slot *r)
{
    put_text(l, "invalid ");
    put_address(l, s, r->data);
    put_text(l, " ");
    put_address(l, s, r->extra);
}

/* Capabilities to things that are not in memory, and types that this program does not know. */
static void put_other(struct line *l, const struct capstate *s, const struct record_slot *r)
{
    if (r->bits)
        put_named(l, s, r->type, r->object);
    else
        put_text(l, record_cap_name(r->type));
    if (r->data)
        put(l, " %" PRIu64, r->data);
    if (r->extra)
        put(l, "/%" PRIu64, r->extra);
}

static void put_capability(struct line *l, const struct capstate *s, const struct record_slot *r)
{
    switch (r->type) {
    case RECORD_CAP_UNTYPED:
    case RECORD_CAP_FRAME:
        put_memory(l, s, r);
        break;
    case RECORD_CAP_ENDPOINT:
    case RECORD_CAP_NOTIFICATION:
        put_ipc(l, s, r);
        break;
    case RECORD_CAP_REPLY:
        put(l, "reply %s ", r->flags & RECORD_SLOT_MASTER ? "master of" : "to");
        put_thread(l, s, r->object);
        break;
    case RECORD_CAP_CNODE:
        put_cnode(l, s, r);
        break;
    case RECORD_CAP_TCB:
        put_tcb(l, s, r);
        break;
    case RECORD_CAP_ZOMBIE:
        put_zombie(l, s, r);
        break;
    case RECORD_CAP_PAGE_TABLE:
    case RECORD_CAP_EPT_TABLE:
    case RECORD_CAP_IO_TABLE:
        put_table(l, s, r);
        break;
    case RECORD_CAP_PAGE_DIRECTORY:
        put_named(l, s, r->type, r->object);
        put_asid(l, r);
        break;
    case RECORD_CAP_ASID_POOL:
        put_pool(l, s, r);
        break;
    case RECORD_CAP_IRQ_HANDLER:
        put(l, "irqhandler %" PRIu64, r->data);
        break;
    case RECORD_CAP_IO_PORT:
        put_io_ports(l, r);
        break;
    case RECORD_CAP_INVALID:
        put_invalid(l, s, r);
        break;
    default:
        put_other(l, s, r);
        break;
    }
}

char *capstate_cap_text(const struct capstate *s, const struct record_slot *cap, char *buf,
                        size_t size)
{
    struct line l = line_begin(buf, size);
    put_capability(&l, s, cap);
    return buf;
}

char *capstate_slot_text(const struct capstate *s, int32_t slot, char *buf, size_t size)
{
    struct line l = line_begin(buf, size);
    if (slot < 0 || (uint32_t)slot >= s->slot_count)
        put_text(&l, "none");
    else
        put_capability(&l, s, &s->slots[slot].rec);
    if (slot >= 0 && (uint32_t)slot < s->slot_count && capstate_is_stale(s, &s->slots[slot].rec))
        put_text(&l, " (stale)");
    return buf;
}

static void put_object(struct line *l, const struct capstate *s, const struct capstate_object *o)
{
    if (o->type == RECORD_CAP_IRQ_HANDLER) {
        put(l, "irqhandler %" PRIu64, o->addr);
        return;
    }
    if (o->bits == 0) {
        bool numbered = o->addr != 0 && o->first_slot >= 0;
        if (numbered)
            put_capability(l, s, &s->slots[o->first_slot].rec);
        else
            put_text(l, record_cap_name(o->type));
        return;
    }
    put_named(l, s, o->type, o->addr);
    put_text(l, " ");
    if (o->type == RECORD_CAP_TCB && *label_at(s, o->addr))
        put_text(l, label_at(s, o->addr));
    else
        put_size(l, o->bits);
    if (o->flags & RECORD_SLOT_DEVICE)
        put_text(l, " device");
}

char *capstate_object_text(const struct capstate *s, int32_t object, char *buf, size_t size)
{
    struct line l = line_begin(buf, size);
    if (object < 0 || (uint32_t)object >= s->object_count)
        put_text(&l, "none");
    else
        put_object(&l, s, &s->objects[object]);
    return buf;
}

static void put_kernel_place(struct line *l, const struct capstate *s, uint64_t addr)
{
    for (uint32_t i = 0; i < s->irq_count; i++) {
        if (s->irqs[i].slot == addr) {
            put(l, "irq %u", s->irqs[i].irq);
            return;
        }
    }
    put_text(l, "slot ");
    put_address(l, s, addr);
}

static void put_held_place(struct line *l, const struct capstate *s,
                           const struct capstate_slot *slot)
{
    const struct capstate_object *holder = &s->objects[slot->holder];
    int32_t user = s->index->user[slot->holder];
    if (holder->type == RECORD_CAP_CNODE && user >= 0) {
        put_thread(l, s, s->threads[user].rec.addr);
        put_text(l, " cnode");
        put_index(l, slot->index);
    } else if (holder->type == RECORD_CAP_TCB || (holder->flags & RECORD_SLOT_TCB_ZOMBIE)) {
        put_text(l, record_cap_name(holder->type));
        put_text(l, " ");
        put_thread(l, s, holder->addr);
        put_text(l, " ");
        put_text(l, record_tcb_slot_name(slot->index));
    } else {
        put_named(l, s, holder->type, holder->addr);
        put_index(l, slot->index);
    }
}

char *capstate_place_text(const struct capstate *s, int32_t slot, char *buf, size_t size)
{
    struct line l = line_begin(buf, size);
    if (slot < 0 || (uint32_t)slot >= s->slot_count)
        put_text(&l, "nowhere");
    else if (s->slots[slot].holder < 0)
        put_kernel_place(&l, s, s->slots[slot].rec.addr);
    else
        put_held_place(&l, s, &s->slots[slot]);
    return buf;
}
