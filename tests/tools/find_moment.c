/* find_moment TARGET SLOT: goes back to where the capability in a slot was made, on a replay.
 * Prints the moment, or why there is none; the exit status is 0, or 1. */
#include "attach/attach.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    char text[600];
    struct attach *a;
    struct attach_moment moment;
    if (argc != 3 || attach_open(argv[1], &a, text, sizeof(text)) != ERR_OK) {
        printf("%s\n", argc == 3 ? text : "usage: find_moment TARGET SLOT");
        return 1;
    }
    enum error e = attach_find(a, ATTACH_MADE, strtoull(argv[2], NULL, 16), &moment);
    printf("%s\n", e == ERR_OK ? attach_moment_text(&moment, text, sizeof(text)) : attach_error(a));
    attach_close(a);
    return e == ERR_OK ? 0 : 1;
}
