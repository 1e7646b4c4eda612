/* For LD_PRELOAD: the process gets the signal that END_SIGNAL numbers where it does most harm: when
 * what it makes is complete and, in the next moment, would bear its name. */
#include <signal.h>
#include <stdlib.h>

static void end(void)
{
    const char *number = getenv("END_SIGNAL");
    if (number)
        raise(atoi(number));
    abort(); /* nobody lived through it */
}

int rename(const char *from, const char *to)
{
    (void)from, (void)to;
    end();
    return -1;
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    (void)from_folder, (void)from, (void)to_folder, (void)to, (void)flags;
    end();
    return -1;
}
