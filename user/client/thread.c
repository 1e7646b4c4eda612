/* A thread of the program's: its first system call is none of the kernel's, its first store goes
 * astray, so both come to the program as faults. */
#include "user/client/client.h"

enum { SVC = 4 };

void thread_program(void)
{
    register word_t r0 __asm__("r0") = 1;
    register word_t r7 __asm__("r7") = THREAD_NUMBER;
    __asm__ volatile("svc 0" : "+r"(r0) : "r"(r7) : "memory");
    *(volatile word_t *)r0 = 1; /* r0 is what the answer said */
    for (;;)
        ;
}

/* The fault of a system call, answered as Linux would, and the store that follows it. */
void try_thread_faults(vaddr_t wild, word_t badge)
{
    struct ipc_regs m = ipc_recv(HANDOVER_FAULTS);
    const word_t *buffer = user_ipc_buffer();
    word_t pc = buffer[IPCBUF_MSG + 8];
    claim("a thread's system call comes as a fault",
          msginfo_label(m.tag) == FAULT_UNKNOWN_SYSCALL && m.mr[0] == 1 &&
              buffer[IPCBUF_MSG + 7] == THREAD_NUMBER && m.badge == badge);
    user_ipc_buffer()[IPCBUF_MSG + 8] = pc + SVC;
    m = ipc_reply_recv(HANDOVER_FAULTS, msginfo_make(0, 0, 0, 9), (const word_t[4]){wild});
    claim("and goes on with the answer", msginfo_label(m.tag) == FAULT_VM && m.mr[1] == wild);
}
