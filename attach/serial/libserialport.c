/* Serial devices by libserialport, which knows hardware only. */
#include "attach/serial.h"

#include <libserialport.h>
#include <stdio.h>

bool serial_is_device(const char *path)
{
    struct sp_port *port = NULL;
    bool known = sp_get_port_by_name(path, &port) == SP_OK;
    sp_free_port(port);
    return known;
}

static bool configure(struct sp_port *port, uint32_t baud)
{
    return sp_set_baudrate(port, (int)baud) == SP_OK && sp_set_bits(port, 8) == SP_OK &&
           sp_set_parity(port, SP_PARITY_NONE) == SP_OK && sp_set_stopbits(port, 1) == SP_OK &&
           sp_set_flowcontrol(port, SP_FLOWCONTROL_NONE) == SP_OK;
}

static enum error trouble(char *why, size_t size)
{
    char *text = sp_last_error_message();
    snprintf(why, size, "%s", text && *text ? text : "not a serial device that can be used");
    sp_free_error_message(text);
    return ERR_IO;
}

enum error serial_open(const char *path, uint32_t baud, struct sp_port **port, int *fd, char *why,
                       size_t size)
{
    struct sp_port *p = NULL;
    if (sp_get_port_by_name(path, &p) != SP_OK)
        return trouble(why, size);
    if (sp_open(p, SP_MODE_READ_WRITE) != SP_OK) {
        trouble(why, size);
        sp_free_port(p);
        return ERR_IO;
    }
    if (!configure(p, baud) || sp_get_port_handle(p, fd) != SP_OK) {
        trouble(why, size);
        serial_close(p);
        return ERR_IO;
    }
    sp_flush(p, SP_BUF_BOTH);
    *port = p;
    return ERR_OK;
}

void serial_close(struct sp_port *port)
{
    sp_close(port);
    sp_free_port(port);
}
