# kernel/untyped.c: the rest of an interrupted Retype begins at the slot where the whole began
s/^\( *word_t offset = .*\) + r->made;/\1;/
