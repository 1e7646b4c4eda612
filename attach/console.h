/* Takes the monitor's prompt lines out of console text, so that what programs print is left.
 *
 * A prompt stands at the beginning of a line; it and what follows it (the echo of a command) go up
 * to the end of that line.  Carriage returns go too. */
#ifndef CAPSCOPE_ATTACH_CONSOLE_H
#define CAPSCOPE_ATTACH_CONSOLE_H

#include "attach/door.h"

enum console_prompt { PROMPT_NONE = 0, PROMPT_RUNNING, PROMPT_STOPPED };

struct console {
    enum { CONSOLE_BEGIN, CONSOLE_PASS, CONSOLE_DROP } state;
    char held[16]; /* beginning of a line that may become a prompt */
    uint32_t held_used;
};

void console_init(struct console *c);
/* Text that belongs to programs goes to `out`. Tells when a prompt was seen. */
enum console_prompt console_put(struct console *c, char byte, struct text *out);

#endif
