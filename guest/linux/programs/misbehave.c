// SPDX-License-Identifier: GPL-2.0
/*
 * misbehave fork|memory SECONDS: a fork bomb, or processes that take all memory, for so many seconds;
 * then everything it started is killed.  Tells how far it got and what stopped it.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

struct told {
	long forks, refused, pages;
	int error;
};
static struct told *told;

/* Each process makes two more, as long as it may. */
static void bomb(void)
{
	for (;;) {
		pid_t p = fork();

		if (p > 0) {
			__atomic_add_fetch(&told->forks, 1, __ATOMIC_SEQ_CST);
		} else if (p < 0) {
			__atomic_add_fetch(&told->refused, 1, __ATOMIC_SEQ_CST);
			told->error = errno;
			sched_yield();
		}
	}
}

static void hog(void)
{
	for (;;) {
		volatile char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED) {
			__atomic_add_fetch(&told->refused, 1, __ATOMIC_SEQ_CST);
			told->error = errno;
			sched_yield();
			continue;
		}
		for (int i = 0; i < 1 << 20; i += 4096) {
			p[i] = 1;
			__atomic_add_fetch(&told->pages, 1, __ATOMIC_SEQ_CST);
		}
	}
}

/* When memory ends, these go first. */
static void volunteer(void)
{
	FILE *f = fopen("/proc/self/oom_score_adj", "w");

	if (f) {
		fputs("900", f);
		fclose(f);
	}
}

int main(int argc, char **argv)
{
	time_t end = now() + (argc > 2 ? atoi(argv[2]) : 10);
	int memory = argc > 1 && !strcmp(argv[1], "memory"), killed = 0, status;
	pid_t group;

	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	while (now() < end) {
		group = fork();
		if (group == 0) {
			setpgid(0, 0);
			volunteer();
			if (memory)
				hog();
			bomb();
		}
		if (group < 0)
			continue;
		setpgid(group, group);
		while (now() < end && waitpid(group, &status, WNOHANG) == 0)
			usleep(100000);
		killed += now() < end;	/* by the kernel, for lack of memory */
		for (int i = 0; i < 50; i++) {	/* some may be born while others die */
			kill(-group, SIGKILL);
			usleep(10000);
		}
		while (waitpid(-group, &status, WNOHANG) > 0)
			;
	}
	printf("misbehave: %ld forks, %ld pages, %ld refusals (%s), %d times killed\n", told->forks, told->pages,
	       told->refused, told->error ? strerror(told->error) : "none", killed);
	return 0;
}
