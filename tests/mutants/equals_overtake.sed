# kernel/sched.c: a woken thread of equal priority runs at once
s/candidate->priority > current->priority/candidate->priority >= current->priority/
