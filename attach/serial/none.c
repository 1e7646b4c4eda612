/* A program made without libserialport has no serial devices. */
#include "attach/serial.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Pseudo-terminals of Linux (Documentation/admin-guide/devices.txt): these need no configuration. */
enum { PSEUDO_FIRST = 136, PSEUDO_LAST = 143 };

bool serial_is_device(const char *path)
{
    struct stat s;
    if (stat(path, &s) != 0 || !S_ISCHR(s.st_mode))
        return false;
    return major(s.st_rdev) < PSEUDO_FIRST || major(s.st_rdev) > PSEUDO_LAST;
}

enum error serial_open(const char *path, uint32_t baud, struct sp_port **port, int *fd, char *why,
                       size_t size)
{
    (void)path, (void)baud, (void)port, (void)fd;
    snprintf(why, size,
             "serial devices need libserialport, which this program was made without (Debian: "
             "libserialport-dev)");
    return ERR_UNSUPPORTED;
}

void serial_close(struct sp_port *port)
{
    (void)port;
}
