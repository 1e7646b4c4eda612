# kernel/cdt.c: a moved capability is no original any more
s/\.next = from->next}/.next = from->next \& ~(word_t)CDT_REVOCABLE}/
