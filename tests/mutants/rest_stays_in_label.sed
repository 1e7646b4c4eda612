# kernel/untyped.c: a Retype that was interrupted leaves its thread with another label
s/^\( *\)rest_write(WHOLE);/\1(void)rest_write;/
