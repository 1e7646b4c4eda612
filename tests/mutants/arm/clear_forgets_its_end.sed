# kernel/armv6/cp15.S: the last line of cleared memory keeps what lay there
s/^3:      adds    r1, r1, #96 /3:      adds    r1, r1, #64 /
