/* A serial device.  `serial/libserialport.c` uses that library; `serial/none.c` stands in its place in a
 * program made without it, and says so. */
#ifndef CAPSCOPE_ATTACH_SERIAL_H
#define CAPSCOPE_ATTACH_SERIAL_H

#include "lib/errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sp_port;

/* Hardware: no pseudo-terminal, no other file. */
bool serial_is_device(const char *path);

/* 8N1, raw, without flow control; *fd is non-blocking and the port's own.  On failure `why` (size
 * bytes) has a sentence and nothing stays open. */
enum error serial_open(const char *path, uint32_t baud, struct sp_port **port, int *fd, char *why,
                       size_t size);
void serial_close(struct sp_port *port);

#endif
