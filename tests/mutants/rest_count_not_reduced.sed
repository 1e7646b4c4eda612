# kernel/untyped.c: the rest of an interrupted Retype has as many objects as the whole
s/^\( *word_t count = .*\) - r->made;/\1;/
