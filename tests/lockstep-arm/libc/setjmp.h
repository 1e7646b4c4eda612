/* ISO C's setjmp.h; entry.S implements it. */
#ifndef CAPSCOPE_LOCKSTEP_ARM_SETJMP_H
#define CAPSCOPE_LOCKSTEP_ARM_SETJMP_H

typedef unsigned long jmp_buf[10]; /* r4 to r11, sp, lr */

int setjmp(jmp_buf at) __attribute__((returns_twice));
_Noreturn void longjmp(jmp_buf at, int value);

#endif
