// SPDX-License-Identifier: GPL-2.0
/* stress: does a process's world hold under preemption, signals, copy-on-write, threads? Prints one verdict a line. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int ticks;
static void on_tick(int s __attribute__((unused)), siginfo_t *i __attribute__((unused)), void *c __attribute__((unused)))
{
	double x = ticks + 0.5;	/* disturb registers */
	ticks = (int)(x + 0.6);
}

static void verdict(const char *name, int ok)
{
	printf("%s %s\n", ok ? "ok" : "FAILED", name);
	fflush(stdout);
}

/* all registers across signals and preemption */
static int registers(void)
{
	unsigned a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, bad = 0;

	for (long i = 0; i < 30000000 || (ticks < 20 && i < 2000000000); i++) {
		__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f), "+r"(g));
		bad |= (a ^ 1) | (b ^ 2) | (c ^ 3) | (d ^ 4) | (e ^ 5) | (f ^ 6) | (g ^ 7);
	}
	return !bad;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long counter;
static __thread long mine;
static void *worker(void *arg __attribute__((unused)))
{
	for (int i = 0; i < 2000; i++) {
		pthread_mutex_lock(&lock);
		counter++;
		pthread_mutex_unlock(&lock);
		mine++;
		if (i % 500 == 0)
			sched_yield();
	}
	return (void *)mine;
}

/* seL4's Send to the endpoint that takes a thread's faults, slot 1 of its CSpace: label 2 is a system call's. */
static void forge(long a, long b)
{
	register long r0 __asm__("r0") = 1, r1 __asm__("r1") = 2 << 12 | 12, r2 __asm__("r2") = a, r3 __asm__("r3") = b,
		      r4 __asm__("r4") = 0, r5 __asm__("r5") = 0, r7 __asm__("r7") = -3;

	__asm__ volatile("svc 0" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3), "+r"(r4), "+r"(r5) : "r"(r7) : "memory");
}

/* A process makes Linux believe that it sleeps, runs on, and sends what is to look like this one's system
 * call: umask(0), as it is the call that was made last.  This one's must not change. */
static int strangers(void)
{
	const struct timespec soon = { 0, 1000000 }, late = { 1000, 0 };
	int ok = 1, st = 0;
	pid_t p = fork();

	if (p == 0) {
		syscall(SYS_nanosleep, &soon, 0L);
		forge((long)&late, 0);
		for (;;)
			forge(0, 0);
	}
	umask(022);
	for (int i = 0; i < 200 && waitpid(p, &st, WNOHANG) == 0; i++) {
		for (volatile int k = 0; k < 300000; k++)
			;
		ok &= syscall(SYS_umask, 022) == 022;
	}
	kill(p, SIGKILL);
	waitpid(p, &st, 0);
	return ok;
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = on_tick, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct itimerval it = { { 0, 10000 }, { 0, 10000 } };
	enum { N = 512 };
	int *p = mmap(NULL, N * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int *sh = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int ok = 1, st;

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
	verdict("registers under signals", registers());
	verdict("signals came", ticks > 3);

	for (int i = 0; i < N; i++)
		p[i * 1024] = i;
	for (int round = 0; round < 8; round++) {	/* parent and children write the same pages */
		if (fork() == 0) {
			for (int i = 0; i < N; i++)
				ok &= p[i * 1024] == i + round;
			for (int i = 0; i < N; i++)
				p[i * 1024] = -1;
			__atomic_add_fetch(sh, ok, __ATOMIC_SEQ_CST);
			_exit(!ok);
		}
		if (round & 1)
			while (wait(&st) < 0)
				;
		for (int i = 0; i < N; i++)
			ok &= p[i * 1024] == i + round, p[i * 1024]++;
	}
	while (wait(&st) > 0)
		ok &= WIFEXITED(st) && WEXITSTATUS(st) == 0;
	verdict("copy on write", ok && *sh == 8);

	for (int i = 0; i < 40; i++)
		if (fork() == 0) {
			usleep(1000 * (i % 7));
			_exit(i);
		}
	int sum = 0, n = 0;
	for (;;) {
		pid_t r = wait(&st);
		if (r < 0)
			break;
		sum += WEXITSTATUS(st);
		n++;
	}
	verdict("40 children", n == 40 && sum == 40 * 39 / 2);

	pthread_t t[4];
	void *res;
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, worker, NULL);
	ok = 1;
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &res);
		ok &= (long)res == 2000;
	}
	verdict("threads, mutex, thread-local", ok && counter == 8000);

	if (fork() == 0) {
		*(volatile int *)16 = 1;
		_exit(0);
	}
	wait(&st);
	verdict("a wild store kills only its process", WIFSIGNALED(st) && WTERMSIG(st) == SIGSEGV);
	if (fork() == 0) {
		__asm__ volatile("mov r7, #0\n mvn r7, #2\n mov r0, #1\n mov r1, #0\n svc 0" ::: "r0", "r1", "r7", "memory");
		_exit(0);
	}
	alarm(0);
	wait(&st);
	verdict("a seL4 Send from user code ends its process alone", WIFSIGNALED(st) && WTERMSIG(st) == SIGILL);
	verdict("what a process sends is not another's system call", strangers());
	if (fork() == 0) {
		for (;;)
			;
	}
	usleep(200000);
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	while (wait(&st) > 0)
		;
	verdict("a spinning process is killed", WIFSIGNALED(st));
	mprotect(p, 4096, PROT_READ);
	if (fork() == 0) {
		p[0] = 1;
		_exit(0);
	}
	wait(&st);
	verdict("mprotect", WIFSIGNALED(st) && WTERMSIG(st) == SIGSEGV);
	munmap(p, N * 4096);
	return 0;
}
