# kernel/cdt.c: a moved capability is no original any more
s/\.next = old.next}/.next = old.next \& ~(word_t)CDT_REVOCABLE}/
