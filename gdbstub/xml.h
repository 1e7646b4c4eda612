/* The documents that gdb reads in pieces (qXfer): registers, memory map, threads. */
#ifndef CAPSCOPE_GDBSTUB_XML_H
#define CAPSCOPE_GDBSTUB_XML_H

#include "wire/gdb_packet.h"

/* Answers what stands behind "qXfer:" in the reply: "OBJECT:read:ANNEX:OFFSET,LENGTH". */
void xml_answer(struct gdb_text *t);

#endif
