/* What the proxy (attach/proxy.h) uses of an open gdb door beyond attach.h: the line to the stub,
 * and what the kernel behind it says of the moment at which the machine stands.  One set of
 * operations a kernel. */
#ifndef CAPSCOPE_ATTACH_GDB_DOOR_H
#define CAPSCOPE_ATTACH_GDB_DOOR_H

#include "attach/door.h"
#include "attach/gdb_client.h"
#include "objwalk/walker.h"

/* What a stop of the machine is to those who watch a kernel from outside. */
enum gdb_door_stop {
    GDB_DOOR_NOT_OURS, /* nothing that was planted for commands of ours */
    GDB_DOOR_PASSES,   /* a place of ours at which nobody wants to stay */
    GDB_DOOR_STAYS,    /* what somebody waited for */
};

struct gdb_door_ops {
    struct gdb_client *(*client)(struct attach *a);
    /* What was read is forgotten: the machine moved, or its memory was written. */
    void (*forget)(struct attach *a);
    /* Does code at pc run in user mode? */
    enum error (*is_user)(struct attach *a, uint64_t pc, bool *yes);
    /* The TCB of the thread on the processor, as records have it; 0: none yet. */
    enum error (*current)(struct attach *a, uint64_t *tcb);
    /* What the kernel saved of a thread that is not on the processor. */
    enum error (*registers)(struct attach *a, const struct record_thread *t,
                            struct walker_registers *out);
    /* User addresses lie below this one. */
    uint64_t (*user_top)(struct attach *a);
    /* Where an address of the kernel's lies in memory; false: not told. */
    bool (*physical)(struct attach *a, uint64_t kaddr, uint64_t *out);
    /* Does the kernel itself lie there?  NULL: its records tell all memory. */
    bool (*is_image)(struct attach *a, uint64_t physical);
    /* Of kernels that do not stop by themselves at what they do with capabilities; NULL of others:
     * before the machine goes on; what a stop at pc is, with a sentence for STAYS. */
    enum error (*leave)(struct attach *a);
    enum error (*judge)(struct attach *a, uint64_t pc, enum gdb_door_stop *what, char *sentence,
                        size_t size);
    /* Commands about such stops, gdb_door_is_of_events(): false, with nothing in *text, if the stub
     * answers them itself. */
    bool (*command)(struct attach *a, const char *line, struct text *text);
    /* Takes away what commands armed; the machine stands. */
    void (*disarm)(struct attach *a);
};

/* Does this line arm, list or drop stops at capability events, or move on from one? */
bool gdb_door_is_of_events(const char *line);

extern const struct gdb_door_ops gdb_door_capscope;
extern const struct gdb_door_ops gdb_door_sel4;

#endif
