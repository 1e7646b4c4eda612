# kernel/delete.c: a revoke ends after its first victim
/^enum outcome slot_revoke/,/^}/s/while ((victim = first_child(s)))/if ((victim = first_child(s)))/
