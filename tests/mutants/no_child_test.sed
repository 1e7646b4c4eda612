# kernel/cdt.h: an untyped capability never has children
/^static inline bool cdt_has_children/,/^}/s/return cdt_follows_as_child.*/return (void)next, false;/
