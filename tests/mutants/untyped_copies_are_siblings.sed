# kernel/capability.c: the copy of an untyped capability hangs beside its source
/^bool cap_copy_is_revocable_other/,/^}/s/return true;/return false;/
