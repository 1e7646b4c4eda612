# kernel/cdt.c: a moved capability is no original any more
/^void cdt_move/,/^}/s/to->next = from->next;/to->next = from->next \& ~(word_t)CDT_REVOCABLE;/
