/* Records: the one format in which kernel state travels (monitor, wire, capdb, inspector).
 *
 * A record is a kind and a list of fields.  Encoded: one byte kind, the number of payload bytes as
 * unsigned LEB128 (one or two bytes; a whole record is at most RECORD_MAX_BYTES long), then the
 * fields in list order:
 *   U  unsigned LEB128 of the value
 *   D  zigzag LEB128 of the difference (mod 2^32, taken as signed) to the same field of the record
 *      of this kind before it in the stream, 0 for the first; reset at each SNAPSHOT record
 *   S  one length byte and that many bytes, no NUL, no interpretation
 *   B  all bytes that are left, at most RECORD_BYTES_MAX
 * A reader ignores kinds it does not know and payload beyond the fields it knows; missing trailing
 * fields read as 0 (a D field too, and the next difference counts from that 0), so a writer leaves
 * trailing fields of value 0 out.  docs/record-format.md describes every bit and value for those
 * who write a reader of their own.
 *
 * All addresses in records are PHYSICAL addresses (device objects too), also those of slots.
 * Nothing in a record depends on how this kernel packs its words, but for SLOTS, which stands for
 * SLOT records on a line and nowhere else. */
#ifndef CAPSCOPE_RECORD_RECORD_H
#define CAPSCOPE_RECORD_RECORD_H

#include "record/vocabulary.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RECORD_FORMAT = 1,
    RECORD_FORMAT_PACKED = 2, /* SLOTS stand for SLOTs, idle endpoints and notifications are left
                                 out: objwalk/packed.h */
    RECORD_MAX_BYTES = 400,
    RECORD_STRING_MAX = 167,
    RECORD_BYTES_MAX = RECORD_MAX_BYTES - 3, /* kind and length */
};

/* Order in a snapshot: SNAPSHOT, then SLOT in derivation order (pre-order of the tree, depth 0 for
 * roots), THREAD, ENDPOINT, NOTIFICATION, MAPPING each in derivation order of the first capability
 * to the object (THREAD: the idle thread last; MAPPING: ascending address inside each directory,
 * user addresses only), IRQ ascending, SCHED, REVOKE if one is under way, END.  FINDING records
 * stand wherever the walker met the trouble.  X(value, NAME, name) */
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
    X(16, SLOTS, slots)

/* kernel: 1 capscope, 2 mainline seL4.  layout: LAYOUT_HASH of the kernel read. seq: last event
 * number, 0 without a trace.  ticks: timer ticks since boot.  stopped: 1 when the machine stood
 * still at capability level while it was read.  build: version string. */
#define RECORD_FIELDS_SNAPSHOT(F)                                                                  \
    F(U, format)                                                                                   \
    F(U, kernel)                                                                                   \
    F(U, layout)                                                                                   \
    F(U, seq)                                                                                      \
    F(U, ticks)                                                                                    \
    F(U, stopped)                                                                                  \
    F(U, debug)                                                                                    \
    F(U, phys_offset)                                                                              \
    F(U, ram_base)                                                                                 \
    F(U, ram_size)                                                                                 \
    F(U, kernel_start)                                                                             \
    F(U, kernel_end)                                                                               \
    F(S, board)                                                                                    \
    F(S, build)

/* One occupied slot.  addr: the slot.  depth: in the derivation tree.  type: enum record_cap.
 * object: base address (TCB for reply; 0 for controls).  bits: log2 size.  rights: W1 R2 G4 P8;
 * frames: W1 R2 as the capability allows.  flags: enum record_slot_flags.
 * data / extra by type: untyped watermark bytes / 0; endpoint, notification badge / 0;
 * cnode guard value / guard size; irq handler irq / 0; zombie slots left / 0; frame, page table
 * vaddr / asid (0: not mapped); page directory 0 / asid; asid pool first asid / 0; others 0 / 0.
 * An INVALID capability keeps its raw words in data and extra. */
#define RECORD_FIELDS_SLOT(F)                                                                      \
    F(D, addr)                                                                                     \
    F(U, depth)                                                                                    \
    F(U, type)                                                                                     \
    F(D, object)                                                                                   \
    F(U, bits)                                                                                     \
    F(U, rights)                                                                                   \
    F(U, flags)                                                                                    \
    F(D, data)                                                                                     \
    F(U, extra)

/* state: enum thread_state.  pc: where it goes on (its restart address unless it runs or idles).
 * blocked_on: endpoint or notification whose queue it waits in, 0.  blocked_flags: 1 grant 2
 * grant-reply 4 call. position: place in that queue, from 1, 0 when in none.  current, idle: 0
 * or 1. fault: enum fault_type; fault_addr: address or cptr; fault_detail: FSR, phase or number. */
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
    F(U, pc)                                                                                       \
    F(U, sp)                                                                                       \
    F(U, cpsr)                                                                                     \
    F(U, fault_handler)                                                                            \
    F(U, ipc_buffer)                                                                               \
    F(U, blocked_on)                                                                               \
    F(U, blocked_badge)                                                                            \
    F(U, blocked_flags)                                                                            \
    F(U, position)                                                                                 \
    F(U, bound)                                                                                    \
    F(U, fault)                                                                                    \
    F(U, fault_addr)                                                                               \
    F(U, fault_detail)

#define RECORD_FIELDS_ENDPOINT(F)                                                                  \
    F(D, addr)                                                                                     \
    F(U, state)                                                                                    \
    F(U, waiters)

#define RECORD_FIELDS_NOTIFICATION(F)                                                              \
    F(D, addr)                                                                                     \
    F(U, state)                                                                                    \
    F(U, word)                                                                                     \
    F(U, bound)                                                                                    \
    F(U, waiters)

/* One translation.  dir: page directory.  table: page table, 0 for sections.  rights: W1 R2 for
 * user mode, 4: executable.  attributes: 1 cacheable. */
#define RECORD_FIELDS_MAPPING(F)                                                                   \
    F(D, dir)                                                                                      \
    F(U, asid)                                                                                     \
    F(D, vaddr)                                                                                    \
    F(D, frame)                                                                                    \
    F(U, bits)                                                                                     \
    F(U, rights)                                                                                   \
    F(U, attributes)                                                                               \
    F(D, table)

/* Only interrupts that are not inactive.  slot: holds the notification capability. */
#define RECORD_FIELDS_IRQ(F)                                                                       \
    F(U, irq)                                                                                      \
    F(U, state)                                                                                    \
    F(U, slot)

/* ready: threads in ready queues. highest: their highest priority, 0 when there are none.
 * root_thread: TCB of the thread that the kernel started, alive or not; 0: not known. */
#define RECORD_FIELDS_SCHED(F)                                                                     \
    F(U, current)                                                                                  \
    F(U, ready)                                                                                    \
    F(U, highest)                                                                                  \
    F(U, root_thread)

/* root: slot being revoked.  victim: the slot that goes next, 0: none.  done: deleted so far. left:
 * slots below the root.  preempted: how often. */
#define RECORD_FIELDS_REVOKE(F)                                                                    \
    F(U, root)                                                                                     \
    F(U, victim)                                                                                   \
    F(U, done)                                                                                     \
    F(U, left)                                                                                     \
    F(U, preempted)

/* The capability fields as in SLOT; seq, time, kind, slot, src, object2, detail as in events.h,
 * with physical addresses (detail of bind too). flags: the capability's own (DEVICE, MASTER,
 * TCB_ZOMBIE) and, for insert kinds, REVOCABLE and FIRST_BADGED. */
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
    F(U, data)                                                                                     \
    F(U, extra)                                                                                    \
    F(D, object2)                                                                                  \
    F(U, detail)

/* Events first..first+count-1 were lost. */
#define RECORD_FIELDS_GAP(F)                                                                       \
    F(U, first)                                                                                    \
    F(U, count)

/* rule: enum audit_rule; addr: what it is about (physical); other, value: see
 * docs/record-format.md.
 */
#define RECORD_FIELDS_FINDING(F)                                                                   \
    F(U, rule)                                                                                     \
    F(U, addr)                                                                                     \
    F(U, other)                                                                                    \
    F(U, value)

#define RECORD_FIELDS_TEXT(F) F(S, text)

/* On the live line: the digest of all slots (as in END) as it is after event seq. */
#define RECORD_FIELDS_DIGEST(F)                                                                    \
    F(U, seq)                                                                                      \
    F(U, digest0)                                                                                  \
    F(U, digest1)

/* How many records of each kind came, and the digest of all slots (roots.h).  complete: 0 when the
 * derivation list is broken or something could not be read; then findings tell where.  threads: the
 * idle thread too.  records: all from SNAPSHOT to END, both counted.  sentinel: where the
 * derivation list begins and ends, which is the next link of its last slot; 0: the kernel has none.
 */
#define RECORD_FIELDS_END(F)                                                                       \
    F(U, complete)                                                                                 \
    F(U, slots)                                                                                    \
    F(U, threads)                                                                                  \
    F(U, mappings)                                                                                 \
    F(U, records)                                                                                  \
    F(U, digest0)                                                                                  \
    F(U, digest1)                                                                                  \
    F(U, sentinel)

/* Slots of the derivation list, in list order, as objwalk/slot_codec.h packs them. */
#define RECORD_FIELDS_SLOTS(F) F(B, packed)

enum record_kind {
#define X(value, NAME, name) RECORD_##NAME = value,
    RECORD_LIST(X)
#undef X
        RECORD_KINDS = 17
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
#define RECORD_C_TYPE_D               uint32_t
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

#endif
