# kernel/cdt.c: a moved capability is no original any more
s/slot_write(to, c, old\.prev, old\.next);/slot_write(to, c, old.prev, old.next \& ~(word_t)CDT_REVOCABLE);/
