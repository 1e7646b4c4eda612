/* The short way of Call, ReplyRecv, faults and their answers against the long one: from the same
 * state both must leave the same memory, byte for byte, and must have asked the same of the
 * machine.
 *
 * Random threads, rights, priorities, bindings and messages give the states; each system call of a
 * long run that could take the short way is executed both ways. */
#include "kernel/fastpath.h"
#include "kernel/fault.h"
#include "kernel/sched.h"
#include "kernel/syscall.h"
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RAM_BYTES = 2 << 20,
    THREADS = 5,
    ENDPOINTS = 2,
    CAPS_EACH = 6, /* to one endpoint, with different rights */
    STEPS = 2500,
    TOP = 200,
    ROOT_PRIORITY = 10,
    HANDLER_SLOTS = ENDPOINTS * CAPS_EACH,
};

static uint32_t random_state;

static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state % limit;
}

/* ---- one system call, both ways ---- */

struct machine {
    uint8_t *ram;
    struct hostsim sim;
};

static void machine_keep(struct machine *m)
{
    memcpy(m->ram, hostsim_ram, RAM_BYTES);
    m->sim = hostsim;
}

static void machine_put_back(const struct machine *m)
{
    memcpy(hostsim_ram, m->ram, RAM_BYTES);
    hostsim = m->sim;
}

static struct machine before, fast;
static unsigned differing;

static void compare(word_t number, const struct tcb *t)
{
    if (memcmp(hostsim_ram, fast.ram, RAM_BYTES) == 0 &&
        memcmp(&hostsim, &fast.sim, sizeof(hostsim)) == 0)
        return;
    size_t at = 0;
    while (at < RAM_BYTES && hostsim_ram[at] == fast.ram[at])
        at++;
    fail_msg("system call %d of %s, r0 0x%x r1 0x%x: the two ways differ at RAM offset 0x%zx",
             (int)number, t->name, t->regs[REG_R0], t->regs[REG_R1], at);
}

/* Executes the svc of the current thread; what the short way left is compared with the long way's,
 * which stays. */
static void svc_both_ways(word_t number)
{
    struct tcb *t = current_thread();
    t->regs[REG_R7] = number;
    t->regs[REG_PC] = HOSTSIM_SVC + 4;
    machine_keep(&before);
    const struct tcb *next = kernel_enter_syscall(number);
    assert_ptr_equal(next, current_thread());
    differing += memcmp(before.ram, hostsim_ram, RAM_BYTES) != 0;
    machine_keep(&fast);
    machine_put_back(&before);
    t->regs[REG_FAULT_IP] = HOSTSIM_SVC;
    syscall_slow(number);
    compare(number, t);
}

/* The same of a memory fault of the current thread. */
static void abort_both_ways(vaddr_t addr, word_t fsr, bool prefetch)
{
    struct tcb *t = current_thread();
    t->regs[REG_PC] = HOSTSIM_SVC;
    machine_keep(&before);
    const struct tcb *next =
        prefetch ? kernel_enter_prefetch_abort(addr, fsr) : kernel_enter_data_abort(addr, fsr);
    assert_ptr_equal(next, current_thread());
    differing += memcmp(before.ram, hostsim_ram, RAM_BYTES) != 0;
    machine_keep(&fast);
    machine_put_back(&before);
    t->regs[REG_FAULT_IP] = t->regs[REG_PC];
    fault_send(fault_vm_record(addr, fsr, prefetch));
    sched_schedule();
    compare(prefetch, t);
}

/* ---- a world to do it in ---- */

static struct sim_thread threads[THREADS];
static cptr_t caps[HANDLER_SLOTS];
static cptr_t notification;

static void caps_make(void)
{
    static const word_t rights[CAPS_EACH] = {
        RIGHT_ALL,
        RIGHT_WRITE | RIGHT_READ,
        RIGHT_WRITE | RIGHT_GRANT_REPLY,
        RIGHT_READ | RIGHT_GRANT,
        RIGHT_WRITE | RIGHT_GRANT | RIGHT_READ,
        RIGHT_ALL,
    };
    for (unsigned e = 0; e < ENDPOINTS; e++) {
        cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
        for (unsigned i = 0; i < CAPS_EACH; i++) {
            cptr_t slot = sim_free_slots(1);
            assert_int_equal(sim_mint(slot, ep, rights[i], i * 77), SEL4_NO_ERROR);
            caps[e * CAPS_EACH + i] = slot;
        }
    }
}

static void world_make(void)
{
    sim_boot_config(&(struct hostsim_config){.ram_bytes = RAM_BYTES});
    before.ram = malloc(RAM_BYTES);
    fast.ram = malloc(RAM_BYTES);
    caps_make();
    notification = sim_new(OBJECT_NOTIFICATION, 0);
    for (unsigned i = 0; i < THREADS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "thread %u", i);
        cptr_t handler = i == 0 ? 0 : caps[random_below(2) * 5]; /* an empty slot */
        threads[i] = sim_thread_new(name, TOP - random_below(3), handler);
        sim_thread_start(threads[i]);
    }
    assert_int_equal(
        sim_call(threads[0].tcb, INV_TCB_BIND_NOTIFICATION, SIM_CAPS(notification), SIM_MRS()),
        SEL4_NO_ERROR);
    /* The root task runs when all others wait. */
    assert_int_equal(
        sim_call(INIT_TCB, INV_TCB_SET_PRIORITY, SIM_CAPS(INIT_TCB), SIM_MRS(ROOT_PRIORITY)),
        SEL4_NO_ERROR);
}

static void world_end(void)
{
    free(before.ram);
    free(fast.ram);
    sim_end();
}

/* A thread that stopped for good starts again, so that the world does not run down. */
static void restart_somebody(void)
{
    sim_call(threads[random_below(THREADS)].tcb, INV_TCB_RESUME, SIM_CAPS(), SIM_MRS());
}

static word_t random_tag(void)
{
    word_t length = random_below(8) == 0 ? random_below(128) : random_below(5);
    word_t extra = random_below(8) == 0 ? random_below(4) : 0;
    if (random_below(3) == 0) /* an answer to a fault, as servers give it */
        return msginfo_make(0, 0, extra, random_below(2) == 0 ? 9 : length);
    return msginfo_make(random_below(1u << 20), random_below(8), extra, length);
}

static void random_registers(void)
{
    struct tcb *t = current_thread();
    word_t *buffer = sim_buffer(t);
    for (unsigned i = 0; i < MSG_REGISTERS; i++)
        t->regs[REG_R2 + i] = random_below(1u << 30);
    for (unsigned i = MSG_REGISTERS; i < 13; i++)
        buffer[IPCBUF_MSG + i] = random_below(1u << 30);
    for (unsigned i = 0; i < MSG_MAX_EXTRA_CAPS; i++)
        buffer[IPCBUF_CAPS + i] = caps[random_below(HANDLER_SLOTS)];
    t->regs[REG_R0] =
        random_below(20) == 0 ? random_below(1000) : caps[random_below(HANDLER_SLOTS)];
    t->regs[REG_R1] = random_tag();
}

/* What the root task does to the others; they run until all of them wait or stopped. */
static void root_step(void)
{
    switch (random_below(4)) {
    case 0:
        sim_send(notification, 0, SIM_CAPS(), SIM_MRS());
        break;
    case 1:
        sim_call(threads[random_below(THREADS)].tcb, INV_TCB_SET_PRIORITY, SIM_CAPS(INIT_TCB),
                 SIM_MRS(TOP - random_below(3)));
        break;
    default:
        restart_somebody();
        break;
    }
}

static void thread_step(void)
{
    static const enum syscall_number likely[] = {
        SYS_CALL, SYS_CALL,  SYS_CALL, SYS_REPLY_RECV, SYS_REPLY_RECV, SYS_REPLY_RECV,
        SYS_RECV, SYS_REPLY, SYS_SEND, SYS_NBSEND,     SYS_YIELD,
    };
    random_registers();
    switch (random_below(8)) {
    case 0:
        svc_both_ways(random_below(512));
        return;
    case 1:
        abort_both_ways(random_below(1u << 30), random_below(1u << 14), random_below(2) == 0);
        return;
    default:
        break;
    }
    svc_both_ways((word_t)likely[random_below(sizeof(likely) / sizeof(likely[0]))]);
}

static void both_ways_leave_the_same_memory(void **state)
{
    (void)state;
    for (random_state = 1; random_state < 400; random_state += 97) {
        uint32_t seed = random_state;
        differing = 0;
        world_make();
        for (unsigned i = 0; i < STEPS / 4; i++) {
            if (current_thread() == sim_root())
                root_step();
            else
                thread_step();
            if (current_thread() == &ks.idle)
                fail_msg("seed %u: nobody is left to run", (unsigned)seed);
        }
        assert_true(differing > STEPS / 16);
        world_end();
        random_state = seed;
    }
}

/* ---- the usual cases, one by one ---- */

static void server_waits(struct sim_thread client, struct sim_thread server, cptr_t ep)
{
    sim_become(server.p);
    sim_recv(ep);
    sim_become(client.p);
}

static void a_call_and_its_reply_come_back_the_short_way(void **state)
{
    (void)state;
    before.ram = malloc(RAM_BYTES);
    fast.ram = malloc(RAM_BYTES);
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    struct sim_thread client = sim_thread_new("client", 255, 0);
    struct sim_thread server = sim_thread_new("server", 255, 0);
    sim_thread_start(client);
    sim_thread_start(server);
    server_waits(client, server, ep);
    for (word_t length = 0; length <= MSG_REGISTERS; length++) {
        client.p->regs[REG_R0] = ep;
        client.p->regs[REG_R1] = msginfo_make(9, 0, 0, length);
        for (unsigned i = 0; i < MSG_REGISTERS; i++)
            client.p->regs[REG_R2 + i] = 100 + i;
        svc_both_ways((word_t)SYS_CALL);
        assert_ptr_equal(current_thread(), server.p);
        assert_int_equal(client.p->state, THREAD_BLOCKED_ON_REPLY);
        assert_int_equal(server.p->regs[REG_R1], msginfo_make(9, 0, 0, length));
        for (unsigned i = 0; i < length; i++)
            assert_int_equal(server.p->regs[REG_R2 + i], 100 + i);
        sim_check();
        server.p->regs[REG_R0] = ep;
        server.p->regs[REG_R1] = msginfo_make(7, 0, 0, length);
        svc_both_ways((word_t)SYS_REPLY_RECV);
        assert_ptr_equal(current_thread(), client.p);
        assert_int_equal(server.p->state, THREAD_BLOCKED_ON_RECEIVE);
        assert_int_equal(client.p->regs[REG_R1], msginfo_make(7, 0, 0, length));
        assert_int_equal(client.p->regs[REG_R0], 0);
        sim_check();
    }
    free(before.ram);
    free(fast.ram);
}

/* Nothing to be seen of the answer but what it says. */
static void a_fault_and_its_answer_come_back_the_short_way(void **state)
{
    (void)state;
    before.ram = malloc(RAM_BYTES);
    fast.ram = malloc(RAM_BYTES);
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    struct sim_thread client = sim_thread_new("client", 255, ep);
    struct sim_thread server = sim_thread_new("server", 255, 0);
    sim_thread_start(client);
    sim_thread_start(server);
    server_waits(client, server, ep);
    for (unsigned i = 0; i < 13; i++)
        client.p->regs[i] = 1000 + i;
    svc_both_ways(20);
    assert_ptr_equal(current_thread(), server.p);
    assert_int_equal(server.p->regs[REG_R1], msginfo_make(FAULT_UNKNOWN_SYSCALL, 0, 0, 13));
    assert_int_equal(sim_buffer(server.p)[IPCBUF_MSG + 12], 20);
    server.p->regs[REG_R0] = ep;
    server.p->regs[REG_R1] = msginfo_make(0, 0, 0, 9);
    server.p->regs[REG_R2] = 77;
    sim_buffer(server.p)[IPCBUF_MSG + 8] = HOSTSIM_SVC + 4;
    svc_both_ways((word_t)SYS_REPLY_RECV);
    assert_ptr_equal(current_thread(), client.p);
    assert_int_equal(client.p->regs[REG_R0], 77);
    assert_int_equal(client.p->regs[8], 1008);
    assert_int_equal(client.p->regs[REG_PC], HOSTSIM_SVC + 4);
    assert_int_equal(client.p->fault_type, FAULT_NONE);
    sim_check();
    abort_both_ways(0x5000, 0x807, false);
    assert_ptr_equal(current_thread(), server.p);
    assert_int_equal(server.p->regs[REG_R2 + 1], 0x5000);
    server.p->regs[REG_R0] = ep;
    server.p->regs[REG_R1] = 0;
    svc_both_ways((word_t)SYS_REPLY_RECV);
    assert_ptr_equal(current_thread(), client.p);
    sim_check();
    free(before.ram);
    free(fast.ram);
}

static int small_machine(void **state)
{
    (void)state;
    memset(&hostsim, 0, sizeof(hostsim));
    sim_boot_config(&(struct hostsim_config){.ram_bytes = RAM_BYTES});
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_call_and_its_reply_come_back_the_short_way, small_machine,
                                        sim_teardown),
        cmocka_unit_test_setup_teardown(a_fault_and_its_answer_come_back_the_short_way,
                                        small_machine, sim_teardown),
        cmocka_unit_test(both_ways_leave_the_same_memory),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
