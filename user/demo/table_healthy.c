/* The healthy system: three domains that share nothing but the driver's endpoint and notifications.
 */
#include "user/demo/demo.h"

const struct demo_table demo_table = {.name = "the healthy demo"};
