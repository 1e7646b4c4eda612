// SPDX-License-Identifier: GPL-2.0
/* stress: does a process's world hold under preemption, signals, copy-on-write, threads? Prints one verdict a line. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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
	verdict("a seL4 Send from user code does no harm", 1);
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
