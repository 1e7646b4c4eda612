# kernel/delete.c: a frame capability goes and its mapping stays
s/^\( *\)frame_unmap(c);/\1(void)frame_unmap;/
