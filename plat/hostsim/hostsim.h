/* A simulated machine for the host build of the kernel: RAM, interrupt lines, and counters in place
 * of caches and TLB.
 *
 * There is one machine in a process, as the kernel has one state.  All kernel data lies in its RAM:
 *
 *   physical                    what
 *   80000000  struct kernel     page-aligned
 *   80004000  kernel's page directory
 *   80008000  globals frame
 *   80009000  kernel_roots
 *   8000a000  digest, debug control, event ring (a small one: tests with hooks see every event)
 *   80020000  end of the kernel; then the device tree, if any, and the root task's image
 *
 * RAM costs the host only the pages that are touched. */
#ifndef CAPSCOPE_PLAT_HOSTSIM_H
#define CAPSCOPE_PLAT_HOSTSIM_H

#include "kernel/arch.h"
#include "kernel/board.h"
#include "kernel/debug.h"

#include <setjmp.h>

enum {
    HOSTSIM_RAM_BYTES = 128 << 20,
    HOSTSIM_PD_OFFSET = 0x4000,
    HOSTSIM_GLOBALS_OFFSET = 0x8000,
    HOSTSIM_ROOTS_OFFSET = 0x9000,
    HOSTSIM_TABLE_OFFSET = 0x9c00,
    HOSTSIM_DEBUG_OFFSET = 0xa000,
    HOSTSIM_RING_OFFSET = 0xb000,
    HOSTSIM_RING_CAPACITY = 1024,
    HOSTSIM_KERNEL_BYTES = 0x20000,
    HOSTSIM_IMAGE_VADDR = 0x10000,
    HOSTSIM_SVC = 0x10100, /* address of the `svc` that simulated threads execute */
    HOSTSIM_DEFAULT_IMAGE_PAGES = 4,
};

/* Functions that hear what the kernel tells its debugger; any may be NULL. */
struct hostsim_hooks {
    void *ctx;
    void (*event)(void *ctx, enum event_kind kind, struct slot *slot, struct slot *src,
                  struct cap cap, kaddr_t object, word_t detail);
    void (*refusal)(void *ctx);
    void (*fault)(void *ctx, struct tcb *t);
    bool (*syscall)(void *ctx, word_t number);
    void (*console)(void *ctx, char c);
    void (*boot)(void *ctx);
    void (*tick)(void *ctx);
    bool (*irq)(void *ctx, word_t irq);
};

/* What the kernel did to the parts of the machine that are not simulated. */
struct hostsim_counters {
    unsigned set_vspace;
    unsigned tlb_flush_all;
    unsigned tlb_flush_asid;
    unsigned tlb_flush_page;
    unsigned clean_table;
    unsigned clear;
    unsigned cache[4]; /* enum arch_cache_op */
    unsigned timer_ack;
    unsigned irq_looks;
    unsigned faults;
    unsigned refusals;
    unsigned events;
};

struct hostsim {
    struct hostsim_counters count;
    struct hostsim_hooks hooks;
    uint64_t irq_raised;  /* lines that are high */
    uint64_t irq_enabled; /* lines that are not masked */
    unsigned preempt_in;  /* the timer line rises at this look at interrupts from now; 0: never */
    unsigned preempt_every;
    paddr_t vspace_pd; /* last arch_set_vspace() */
    word_t vspace_asid;
    word_t last_flushed_asid; /* of the last tlb_flush_asid or _page */
    vaddr_t last_flushed_page;
    struct {
        enum arch_cache_op op;
        kaddr_t start;
        word_t bytes;
        vaddr_t vaddr;
    } last_cache;
    char panic_text[160]; /* "file:line: what" of the last panic */
};
extern struct hostsim hostsim;

struct hostsim_config {
    uint32_t ram_bytes;   /* a multiple of 1 MiB, at most 240 MiB; 0: HOSTSIM_RAM_BYTES */
    uint32_t image_pages; /* of the root task; 0: HOSTSIM_DEFAULT_IMAGE_PAGES */
    const void *dtb;      /* copied behind the kernel; NULL: none */
    uint32_t dtb_bytes;
    word_t user_cpsr; /* of new threads; 0: ARCH_USER_CPSR_DEBUG */
};

/* Maps the RAM; aborts the process with a message when the host has none. */
void hostsim_create(uint32_t ram_bytes);
void hostsim_destroy(void); /* no-op when there is no machine */
/* Back to cleared RAM, masked lines, no hooks, zero counters. */
void hostsim_reset(void);
/* Creates or resets the machine as configured and boots the kernel, up to the root task's first
 * instruction. NULL: defaults. */
void hostsim_boot(const struct hostsim_config *config);

/* Parts of booting: tells the board its size; puts the root task's image into cleared RAM and
 * starts the kernel, whose page directory and roots are there. */
void hostsim_board_ram(uint32_t ram_bytes);
void hostsim_start(const struct hostsim_config *config);
/* Brings hostsim.vspace_pd and vspace_asid up to date, where the processor holds them. */
void hostsim_see_processor(void);

/* A panic of the kernel fills panic_text and jumps there; NULL: it ends the process. Stays through
 * boots. */
void hostsim_panic_to(jmp_buf *where);

void hostsim_raise_irq(word_t irq);
void hostsim_lower_irq(word_t irq);
/* The n-th look at pending interrupts from now (1: the next) finds the timer's. 0: cancels. */
void hostsim_preempt_after(unsigned looks);
/* So does every n-th from then on, until called with 0. */
void hostsim_preempt_every(unsigned looks);
/* Is an unmasked line high? Does not count as a look of the kernel's. */
bool hostsim_irq_waiting(void);

/* The running digest, kept by the door while it watches. */
struct digest *hostsim_digest(void);
/* Set: nobody watches the kernel (debug_door.h). Stays through boots. */
extern bool hostsim_unwatched;
kaddr_t hostsim_roots(void);

#endif
