# kernel/cdt_link.h: a removed slot does not hand on that it began a badge
s/after->next |= badged;/(void)badged;/
