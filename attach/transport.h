/* A byte line to a target: unix socket, TCP or serial device, read and written with deadlines. */
#ifndef CAPSCOPE_ATTACH_TRANSPORT_H
#define CAPSCOPE_ATTACH_TRANSPORT_H

#include "attach/clock.h"
#include "attach/target.h"

#include <stdbool.h>
#include <stddef.h>

struct sp_port;

struct transport {
    int fd;
    bool socket;
    struct sp_port *port; /* serial lines */
    size_t head, tail;    /* unread bytes of `in` */
    uint8_t in[65536];
};

/* On failure `why` (size bytes) says what the system said; nothing stays open. */
enum error transport_open(struct transport *t, const struct target *target, deadline_t deadline,
                          char *why, size_t size);
void transport_close(struct transport *t);

/* Nobody is at the other end any more; what came before may still be unread. */
bool transport_has_ended(const struct transport *t);

/* From now on whoever would wait gets ERR_STOPPED instead. Safe in a signal handler. */
void transport_interrupt(void);
/* on: what is done now is done to its end, whatever was or is interrupted. off: and that is over.
 */
void transport_protect(bool on);

/* All or an error: ERR_TIMEOUT, ERR_CLOSED, ERR_IO, ERR_STOPPED. */
enum error transport_write(struct transport *t, const void *data, size_t len, deadline_t deadline);
/* One byte. A deadline that has passed asks only for what is there already. */
enum error transport_get(struct transport *t, uint8_t *byte, deadline_t deadline);

#endif
