# kernel/untyped.c: pieces of a Retype after the first begin where the first did
s/^\( *\)r->offset += n << r->object_bits;/\1(void)n;/
