/* Documents for qXfer: written anew for each piece through a window that lets only that piece
 * through, so no document needs a buffer. The kernel stands, so the pieces fit together. */
#include "gdbstub/xml.h"

#include "gdbstub/reply.h"
#include "gdbstub/threads.h"
#include "kernel/board.h"

enum { PIECE_MAX = 2040 }; /* fits a packet even if every byte must be escaped */

static struct {
    uint32_t skip;
    uint32_t room;
    bool more; /* something came after the piece */
} window;

static void put(void *ctx, char c)
{
    (void)ctx;
    if (window.skip > 0) {
        window.skip--;
    } else if (window.room > 0) {
        window.room--;
        reply_char(NULL, c);
    } else {
        window.more = true;
    }
}

static void put_string(const char *s)
{
    for (; *s != '\0'; s++)
        put(NULL, *s);
}

/* Text inside an element or attribute. */
static void put_escaped(void *ctx, char c)
{
    (void)ctx;
    switch (c) {
    case '&':
        put_string("&amp;");
        break;
    case '<':
        put_string("&lt;");
        break;
    case '>':
        put_string("&gt;");
        break;
    case '"':
        put_string("&quot;");
        break;
    default:
        put(NULL, c);
        break;
    }
}

/* gdb takes a stub without it for one with floating point registers of the 1990s. */
static void write_target(void)
{
    put_string("<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
               "<target version=\"1.0\"><architecture>arm</architecture>"
               "<feature name=\"org.gnu.gdb.arm.core\">");
    for (uint32_t i = 0; i < 13; i++)
        format_to(put, NULL, "<reg name=\"r%u\" bitsize=\"32\" type=\"uint32\"/>", i);
    put_string("<reg name=\"sp\" bitsize=\"32\" type=\"data_ptr\"/>"
               "<reg name=\"lr\" bitsize=\"32\"/>"
               "<reg name=\"pc\" bitsize=\"32\" type=\"code_ptr\"/>"
               "<reg name=\"cpsr\" bitsize=\"32\" regnum=\"25\"/>"
               "</feature></target>");
}

/* gdb keeps to it: users' addresses and the RAM in the kernel window, the kernel's pages. */
static void write_memory_map(void)
{
    put_string("<?xml version=\"1.0\"?>"
               "<!DOCTYPE memory-map PUBLIC \"+//IDN gnu.org//DTD GDB Memory Map V1.0//EN\" "
               "\"http://sourceware.org/gdb/gdb-memory-map.dtd\"><memory-map>");
    format_to(put, NULL, "<memory type=\"ram\" start=\"0x0\" length=\"0x%x\"/>",
              KERNEL_WINDOW + board.ram_size);
    put_string("<memory type=\"ram\" start=\"0xfff00000\" length=\"0x100000\"/>"
               "</memory-map>");
}

static void write_threads(void)
{
    put_string("<?xml version=\"1.0\"?><threads>\n");
    for (uint32_t i = 0; i < threads_count() && !window.more; i++) {
        uint32_t id = threads_at(i);
        format_to(put, NULL, "<thread id=\"%x\" core=\"0\" name=\"", id);
        threads_name(id, put_escaped, NULL);
        put_string("\">");
        threads_describe(id, put_escaped, NULL);
        put_string("</thread>\n");
    }
    put_string("</threads>\n");
}

static const struct document {
    const char *request;
    void (*write)(void);
} documents[] = {
    {"features:read:target.xml:", write_target},
    {"memory-map:read::", write_memory_map},
    {"threads:read::", write_threads},
};
enum { DOCUMENTS = sizeof(documents) / sizeof(documents[0]) };

static void answer_piece(const struct document *d, uint32_t offset, uint32_t length)
{
    window.skip = offset;
    window.room = length < PIECE_MAX ? length : (uint32_t)PIECE_MAX;
    window.more = false;
    reply_char(NULL, 'l');
    d->write();
    if (window.more)
        reply.data[0] = 'm';
}

void xml_answer(struct gdb_text *t)
{
    uint32_t offset, length;
    for (uint32_t i = 0; i < DOCUMENTS; i++) {
        if (!gdb_text_take_word(t, documents[i].request))
            continue;
        if (gdb_text_number(t, &offset) && gdb_text_take(t, ',') && gdb_text_number(t, &length))
            answer_piece(&documents[i], offset, length);
        else
            reply_error(REPLY_MALFORMED);
        return;
    }
}
