/* Records: the one format in which kernel state travels (monitor, wire, capdb, inspector).
 *
 * A record is a kind and a list of fields.  Encoded: one byte kind, the number of payload bytes as
 * unsigned LEB128 (one or two bytes; a whole record is at most RECORD_MAX_BYTES long), then the
 * fields in list order:
 *   U  a number of at most 32 bits, unsigned LEB128
 *   W  a word of the kernel that is read, at most 64 bits, unsigned LEB128
 *   D  an address or another such word: zigzag LEB128 of the difference (mod 2^64, taken as signed)
 *      to the same field of the record of this kind before it in the stream, 0 for the first; reset
 *      at each SNAPSHOT record
 *   T  as U, of the moment at which it was read: it travels, and no recording keeps it
 *   S  one length byte and that many bytes, no NUL, no interpretation
 *   B  all bytes that are left, at most RECORD_BYTES_MAX
 * A reader ignores kinds it does not know and payload beyond the fields it knows; missing trailing
 * fields read as 0 (a D field too, and the next difference counts from that 0), so a writer leaves
 * trailing fields of value 0 out.  docs/record-format.md describes every bit and value for those
 * who write a reader of their own.
 *
 * All addresses in records are PHYSICAL addresses (device objects too), also those of slots.
 * What depends on how a kernel packs its words is the business of the layout that SNAPSHOT names:
 * SLOTS, which stands for SLOT records on a line and nowhere else (as MAPPINGS does for MAPPING
 * records), the digests, the words of an
 * INVALID capability and the detail of a SWAP. */
#ifndef CAPSCOPE_RECORD_RECORD_H
#define CAPSCOPE_RECORD_RECORD_H

#include "lib/errors.h"
#include "record/vocabulary.h"
#include "record/word.h"

enum {
    RECORD_FORMAT = 3,
    /* SLOTS stand for SLOTs, MAPPINGS for MAPPINGs, idle endpoints and notifications are left out:
       objwalk/capscope/packed.c */
    RECORD_FORMAT_PACKED = 5,
    /* The same without MAPPINGS: read, no longer written. */
    RECORD_FORMAT_PACKED_SLOTS = 4,
    /* Formats 3 and 4 with words of 32 bits, differences mod 2^32: read, no longer written. */
    RECORD_FORMAT_NARROW = 1,
    RECORD_FORMAT_NARROW_PACKED = 2,
    RECORD_MAX_BYTES = 480,
    RECORD_STRING_MAX = 167,
    RECORD_BYTES_MAX = 397,
};

/* Order in a snapshot: SNAPSHOT, RANGE, then SLOT in derivation order (pre-order of the tree, depth
 * 0 for roots), THREAD, ENDPOINT, NOTIFICATION, SCHED_CONTEXT, REPLY, TABLE and MAPPING each in
 * derivation order of the first capability to the object (THREAD: idle threads last; TABLE: a table
 * behind the one it hangs in; MAPPING: ascending address inside each address space, user addresses
 * only), IRQ ascending, SCHED ascending by processor, REVOKE if one is under way, END.  FINDING
 * records stand wherever the walker met the trouble.  X(value, NAME, name) */
#define RECORD_LIST(X)                                                                             \
    X(1, SNAPSHOT, snapshot)                                                                       \
    X(2, SLOT, slot)                                                                               \
    X(3, THREAD, thread)                                                                           \
    X(4, ENDPOINT, endpoint)                                                                       \
    X(5, NOTIFICATION, notification)                                                               \
    X(6, MAPPING, mapping)                                                                         \
    X(7, IRQ, irq)                                                                                 \
    X(8, SCHED, sched)                                                                             \
    X(9, REVOKE, revoke)                                                                           \
    X(10, EVENT, event)                                                                            \
    X(11, GAP, gap)                                                                                \
    X(12, FINDING, finding)                                                                        \
    X(13, TEXT, text)                                                                              \
    X(14, DIGEST, digest)                                                                          \
    X(15, END, end)                                                                                \
    X(16, SLOTS, slots)                                                                            \
    X(17, RANGE, range)                                                                            \
    X(18, SCHED_CONTEXT, sched_context)                                                            \
    X(19, REPLY, reply)                                                                            \
    X(20, TABLE, table)                                                                            \
    X(21, MAPPINGS, mappings)

/* kernel: enum record_kernel.  layout: number of the layout of the kernel read.  seq: last event
 * number, 0 without a trace.  ticks: timer ticks since boot.  stopped: 1 when the machine stood
 * still at capability level while it was read.  ram_base, ram_size, phys_offset: the first range of
 * RAM, and what the kernel's window adds to a physical address in it; RANGE records tell of more.
 * build: version string.  word_bits: of the kernel, 0 stands for 32.  slot_bits: log2 of the bytes
 * of a slot, 0 stands for 4.  architecture: enum record_architecture.  options: enum
 * record_options.  nodes: processors the kernel runs on, 0 stands for 1.  root_thread: TCB of the
 * thread that the kernel started, alive or not; 0: not known.  boot: a number that this run of the
 * machine has and the one before had not; 0: not known. */
#define RECORD_FIELDS_SNAPSHOT(F)                                                                  \
    F(U, format)                                                                                   \
    F(U, kernel)                                                                                   \
    F(U, layout)                                                                                   \
    F(W, seq)                                                                                      \
    F(W, ticks)                                                                                    \
    F(U, stopped)                                                                                  \
    F(U, debug)                                                                                    \
    F(W, phys_offset)                                                                              \
    F(W, ram_base)                                                                                 \
    F(W, ram_size)                                                                                 \
    F(W, kernel_start)                                                                             \
    F(W, kernel_end)                                                                               \
    F(S, board)                                                                                    \
    F(S, build)                                                                                    \
    F(U, word_bits)                                                                                \
    F(U, slot_bits)                                                                                \
    F(U, architecture)                                                                             \
    F(U, options)                                                                                  \
    F(U, nodes)                                                                                    \
    F(W, root_thread)                                                                              \
    F(T, boot)

/* A further piece of memory.  use: enum record_range_use.  offset: what has to be added to a
 * physical address in it for the address at which the kernel sees it, 0: it sees none of it. */
#define RECORD_FIELDS_RANGE(F)                                                                     \
    F(U, use)                                                                                      \
    F(D, base)                                                                                     \
    F(W, size)                                                                                     \
    F(W, offset)

/* One occupied slot.  addr: the slot.  depth: in the derivation tree.  type: enum record_cap.
 * object: base address (TCB for reply; 0 for controls).  bits: log2 size.  rights: enum
 * record_rights.  flags: enum record_slot_flags.
 * data / extra by type: untyped watermark bytes / 0; endpoint, notification, smc badge / 0; cnode
 * guard value / guard size; irq handler, sgi signal irq / 0 or target; zombie slots left / 0;
 * frame, tables vaddr / asid (0: not mapped); page directory 0 / asid; asid pool first asid / 0;
 * sched control node / 0; io port first / last; io space domain / device; sid, cb number / bound;
 * others 0 / 0.  An INVALID capability keeps its raw words in data and extra.
 * level: of a translation table that is not a root, levels below it (0: its entries are pages).
 * place: where the slot lies in its holder, counted from 1; of a TCB 1 + enum record_tcb_slot; 0:
 * as the addresses say. */
#define RECORD_FIELDS_SLOT(F)                                                                      \
    F(D, addr)                                                                                     \
    F(U, depth)                                                                                    \
    F(U, type)                                                                                     \
    F(D, object)                                                                                   \
    F(U, bits)                                                                                     \
    F(U, rights)                                                                                   \
    F(U, flags)                                                                                    \
    F(D, data)                                                                                     \
    F(W, extra)                                                                                    \
    F(U, level)                                                                                    \
    F(U, place)

/* state: enum record_thread_state.  pc: where it goes on (its restart address unless it runs or
 * idles).  cpsr: the processor's status word, whatever its architecture calls it.  time_slice:
 * ticks left.  blocked_on: endpoint or notification whose queue it waits in, 0.  blocked_flags:
 * enum record_blocked_flags.  position: place in that queue, from 1, 0 when in none.  current,
 * idle: 0 or 1.  fault: enum record_fault; fault_addr: address or cptr; fault_detail: FSR, phase or
 * number.
 * node: processor it runs on.  sched_context: that it runs on, its own or one donated.  reply:
 * reply object it waits with or on.  yield_to: scheduling context.  release: place in the release
 * queue, from 1, 0 when in none. */
#define RECORD_FIELDS_THREAD(F)                                                                    \
    F(D, addr)                                                                                     \
    F(S, name)                                                                                     \
    F(U, state)                                                                                    \
    F(U, priority)                                                                                 \
    F(U, mcp)                                                                                      \
    F(U, domain)                                                                                   \
    F(U, time_slice)                                                                               \
    F(U, current)                                                                                  \
    F(U, idle)                                                                                     \
    F(W, pc)                                                                                       \
    F(W, sp)                                                                                       \
    F(W, cpsr)                                                                                     \
    F(W, fault_handler)                                                                            \
    F(W, ipc_buffer)                                                                               \
    F(W, blocked_on)                                                                               \
    F(W, blocked_badge)                                                                            \
    F(U, blocked_flags)                                                                            \
    F(U, position)                                                                                 \
    F(W, bound)                                                                                    \
    F(U, fault)                                                                                    \
    F(W, fault_addr)                                                                               \
    F(W, fault_detail)                                                                             \
    F(U, node)                                                                                     \
    F(W, sched_context)                                                                            \
    F(W, reply)                                                                                    \
    F(W, yield_to)                                                                                 \
    F(U, release)

#define RECORD_FIELDS_ENDPOINT(F)                                                                  \
    F(D, addr)                                                                                     \
    F(U, state)                                                                                    \
    F(U, waiters)

/* sched_context: that it lends to whoever it wakes, 0: none. */
#define RECORD_FIELDS_NOTIFICATION(F)                                                              \
    F(D, addr)                                                                                     \
    F(U, state)                                                                                    \
    F(W, word)                                                                                     \
    F(W, bound)                                                                                    \
    F(U, waiters)                                                                                  \
    F(W, sched_context)

/* Time that threads run on.  period, budget, consumed, head_time, head_amount: ticks of the timer.
 * thread: that runs on it, 0: none.  reply: head of the chain of those it was donated through.
 * yield_from: thread that yields to it.  refill_max: refills it can hold, 0: not configured;
 * refills: those it holds, of which the next is head_amount ticks at time head_time.  flags: 1
 * sporadic. */
#define RECORD_FIELDS_SCHED_CONTEXT(F)                                                             \
    F(D, addr)                                                                                     \
    F(U, bits)                                                                                     \
    F(U, node)                                                                                     \
    F(W, period)                                                                                   \
    F(W, budget)                                                                                   \
    F(W, consumed)                                                                                 \
    F(W, thread)                                                                                   \
    F(W, reply)                                                                                    \
    F(W, notification)                                                                             \
    F(W, badge)                                                                                    \
    F(W, yield_from)                                                                               \
    F(U, refill_max)                                                                               \
    F(U, refills)                                                                                  \
    F(W, head_time)                                                                                \
    F(W, head_amount)                                                                              \
    F(U, flags)

/* A reply object: thread waits for the answer.  Reply objects over which one scheduling context was
 * donated form a chain; prev: the call before in it, next: the call behind, sched_context: what was
 * donated, of the last call. */
#define RECORD_FIELDS_REPLY(F)                                                                     \
    F(D, addr)                                                                                     \
    F(W, thread)                                                                                   \
    F(W, prev)                                                                                     \
    F(W, next)                                                                                     \
    F(W, sched_context)

/* A translation table.  parent: the table in which it hangs, 0: it is the root of an address space.
 * level: levels below it (0: its entries are pages).  vaddr: the first address it translates; bits:
 * log2 of how much.  asid: of a root, 0: none. */
#define RECORD_FIELDS_TABLE(F)                                                                     \
    F(D, addr)                                                                                     \
    F(D, parent)                                                                                   \
    F(U, level)                                                                                    \
    F(D, vaddr)                                                                                    \
    F(U, bits)                                                                                     \
    F(U, asid)

/* One translation.  dir: the root of the address space.  table: the table with the entry, 0 when it
 * stands in the root.  rights: of user mode.  attributes: 1 cacheable. */
#define RECORD_FIELDS_MAPPING(F)                                                                   \
    F(D, dir)                                                                                      \
    F(U, asid)                                                                                     \
    F(D, vaddr)                                                                                    \
    F(D, frame)                                                                                    \
    F(U, bits)                                                                                     \
    F(U, rights)                                                                                   \
    F(U, attributes)                                                                               \
    F(D, table)

/* A translation and `more` that differ from it in address and frame alone: each goes on where the
 * one before it ends, in the address space and in memory. */
#define RECORD_FIELDS_MAPPINGS(F)                                                                  \
    RECORD_FIELDS_MAPPING(F)                                                                       \
    F(U, more)

/* Only interrupts that are not inactive.  slot: holds the notification capability. */
#define RECORD_FIELDS_IRQ(F)                                                                       \
    F(U, irq)                                                                                      \
    F(U, state)                                                                                    \
    F(W, slot)

/* One for each processor.  ready: threads in ready queues. highest: their highest priority, 0 when
 * there are none.  released: threads in the release queue.  domain: that runs now, domain_time: its
 * ticks left. */
#define RECORD_FIELDS_SCHED(F)                                                                     \
    F(W, current)                                                                                  \
    F(U, ready)                                                                                    \
    F(U, highest)                                                                                  \
    F(U, node)                                                                                     \
    F(W, idle)                                                                                     \
    F(W, sched_context)                                                                            \
    F(U, released)                                                                                 \
    F(U, domain)                                                                                   \
    F(W, domain_time)

/* root: slot being revoked.  victim: the slot that goes next, 0: none.  done: deleted so far. left:
 * slots below the root.  preempted: how often. */
#define RECORD_FIELDS_REVOKE(F)                                                                    \
    F(W, root)                                                                                     \
    F(W, victim)                                                                                   \
    F(U, done)                                                                                     \
    F(U, left)                                                                                     \
    F(U, preempted)

/* The capability fields as in SLOT; kind: enum record_event_kind; slot: that changes, src: that it
 * came from.  time: ticks << 16 and the low bits of a counter that runs freely.  flags: the
 * capability's own (DEVICE, MASTER, TCB_ZOMBIE) and, for insert kinds, REVOCABLE and
 * FIRST_BADGED. */
#define RECORD_FIELDS_EVENT(F)                                                                     \
    F(D, seq)                                                                                      \
    F(D, time)                                                                                     \
    F(U, kind)                                                                                     \
    F(D, thread)                                                                                   \
    F(D, slot)                                                                                     \
    F(D, src)                                                                                      \
    F(U, type)                                                                                     \
    F(D, object)                                                                                   \
    F(U, bits)                                                                                     \
    F(U, rights)                                                                                   \
    F(U, flags)                                                                                    \
    F(W, data)                                                                                     \
    F(W, extra)                                                                                    \
    F(D, object2)                                                                                  \
    F(W, detail)

/* Events first..first+count-1 were lost. */
#define RECORD_FIELDS_GAP(F)                                                                       \
    F(W, first)                                                                                    \
    F(W, count)

/* rule: enum audit_rule; addr: what it is about (physical); other, value: see
 * docs/record-format.md. */
#define RECORD_FIELDS_FINDING(F)                                                                   \
    F(U, rule)                                                                                     \
    F(W, addr)                                                                                     \
    F(W, other)                                                                                    \
    F(W, value)

#define RECORD_FIELDS_TEXT(F) F(S, text)

/* On the live line: the digest of all slots (as in END) as it is after event seq. */
#define RECORD_FIELDS_DIGEST(F)                                                                    \
    F(W, seq)                                                                                      \
    F(U, digest0)                                                                                  \
    F(U, digest1)

/* How many records of each kind came, and the digest of all slots, where the layout has one.
 * complete: 0 when the derivation list is broken or something could not be read; then findings tell
 * where.  threads: idle threads too.  records: all from SNAPSHOT to END, both counted.  sentinel:
 * where the derivation list begins and ends, which is the next link of its last slot; 0: the kernel
 * has none. */
#define RECORD_FIELDS_END(F)                                                                       \
    F(U, complete)                                                                                 \
    F(U, slots)                                                                                    \
    F(U, threads)                                                                                  \
    F(U, mappings)                                                                                 \
    F(U, records)                                                                                  \
    F(U, digest0)                                                                                  \
    F(U, digest1)                                                                                  \
    F(W, sentinel)

/* Slots of the derivation list, in list order, packed as the layout wants it. */
#define RECORD_FIELDS_SLOTS(F) F(B, packed)

enum record_kind {
#define X(value, NAME, name) RECORD_##NAME = value,
    RECORD_LIST(X)
#undef X
        RECORD_KINDS = 22
};

struct record_string {
    uint8_t length;
    char bytes[RECORD_STRING_MAX + 1]; /* NUL after `length` bytes, for convenience */
};

struct record_bytes {
    uint32_t length;
    const uint8_t *bytes; /* of whoever gave the record, who may use them again after it */
};

#define RECORD_C_TYPE_U               uint32_t
#define RECORD_C_TYPE_W               record_word_t
#define RECORD_C_TYPE_D               record_word_t
#define RECORD_C_TYPE_T               uint32_t
#define RECORD_C_TYPE_S               struct record_string
#define RECORD_C_TYPE_B               struct record_bytes
#define RECORD_FIELD_DECL(mode, name) RECORD_C_TYPE_##mode name;

#define X(value, NAME, name)                                                                       \
    struct record_##name {                                                                         \
        RECORD_FIELDS_##NAME(RECORD_FIELD_DECL)                                                    \
    };
RECORD_LIST(X)
#undef X

struct record {
    enum record_kind kind;
    union {
#define X(value, NAME, name) struct record_##name name;
        RECORD_LIST(X)
#undef X
    };
};

/* A record goes out: 0 to go on, an error to stop whoever sends it and make them return it. */
typedef enum error (*record_sink)(void *ctx, const struct record *record);

/* The capability of an event, in the slot that the event names. */
static inline struct record_slot record_slot_of_event(const struct record_event *e)
{
    return (struct record_slot){
        .addr = e->slot,
        .type = e->type,
        .object = e->object,
        .bits = e->bits,
        .rights = e->rights,
        .flags = e->flags,
        .data = e->data,
        .extra = e->extra,
    };
}

static inline bool record_format_is_plain(uint32_t format)
{
    return format == RECORD_FORMAT || format == RECORD_FORMAT_NARROW;
}

static inline bool record_format_is_packed(uint32_t format)
{
    return format == RECORD_FORMAT_PACKED || format == RECORD_FORMAT_PACKED_SLOTS ||
           format == RECORD_FORMAT_NARROW_PACKED;
}

/* --- what a SNAPSHOT says of its kernel, where it says nothing too --- */

static inline uint32_t record_word_bits(const struct record_snapshot *s)
{
    return s->word_bits != 0 ? s->word_bits : 32;
}

static inline uint32_t record_slot_bits(const struct record_snapshot *s)
{
    return s->slot_bits != 0 ? s->slot_bits : 4;
}

#endif
