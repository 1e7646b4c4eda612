# kernel/capability.c: a guard set on a CNode capability is not cut to its size
s/guard & ((1u << size) - 1)/guard/
