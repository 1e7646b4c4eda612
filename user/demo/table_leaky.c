/* The leaky system: the same three domains, one fault of each kind the paper forbids (3.2.3), and memory
 * that is lost. */
#include "user/demo/demo.h"

const struct demo_table demo_table = {
    .name = "the leaky demo",
    .loses_memory = true,
    .plants = 4,
    .plant =
        {
            {PLANT_SHARED_CNODE, 1, 0},   /* guest's, in critical too */
            {PLANT_GRANT_ENDPOINT, 0, 1}, /* critical grants, guest receives */
            {PLANT_TCB, 2, 1},            /* guest holds driver/server */
            {PLANT_UNTYPED, 1, 0},        /* a frame of critical in guest's untyped */
        },
};
