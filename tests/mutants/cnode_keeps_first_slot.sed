# kernel/delete.c: a dying CNode leaves what its first slot holds
s/left == 0 || (left == 1 \&\& s == first)/left <= 1/
