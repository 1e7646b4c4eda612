/* The place is filled from the wrong side: standard input for writing, the others for reading. */
#include "lib/host/standard.h"

#include <fcntl.h>
#include <unistd.h>

void standard_reserve(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* the lowest free: this */
}
