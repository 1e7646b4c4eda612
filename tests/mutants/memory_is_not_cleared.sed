# kernel/untyped.c: new objects find what lay in their memory
s/^\( *\)arch_clear(base + at, [^)]*);/\1(void)base;/
