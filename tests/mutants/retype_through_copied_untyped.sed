# kernel/cdt.c: the source of a copied untyped capability may go on retyping
s/untyped_fill(from);/(void)from;/
