/* The checks of cmocka's that tests/sim/sim.c and sim_check.c make: one that fails ends the
 * trial. */
#ifndef CAPSCOPE_LOCKSTEP_ARM_CMOCKA_H
#define CAPSCOPE_LOCKSTEP_ARM_CMOCKA_H

_Noreturn void fail_msg(const char *format, ...);

#define assert_true(e)                                                                             \
    do {                                                                                           \
        if (!(e))                                                                                  \
            fail_msg("%s:%d: not so: %s", __FILE__, __LINE__, #e);                                 \
    } while (0)
#define assert_int_equal(a, b)        assert_true((a) == (b))
#define assert_int_not_equal(a, b)    assert_true((a) != (b))
#define assert_in_range(a, low, high) assert_true((a) - (low) <= (high) - (low))

#endif
