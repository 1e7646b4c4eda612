# kernel/delete.c: the last capability to a CNode goes and leaves its slots filled
s/(type == CAP_CNODE || type == CAP_TCB)/type == CAP_TCB/
