# kernel/cdt.c: a capability is last if the one before it names something else
s/return !cap_same_object(before->cap, s->cap) && .*/return (void)after, !cap_same_object(before->cap, s->cap);/
s/(before->cap.w\[0\] == word || after->cap.w\[0\] == word)/(before->cap.w[0] == word)/
