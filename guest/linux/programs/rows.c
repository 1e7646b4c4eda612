// SPDX-License-Identifier: GPL-2.0
/*
 * rows: the rows of the paper's table 1, measured by programs of our own in the manner of lmbench's.
 *
 *	rows [NAME...]		each prints one line: row NAME, nanoseconds or bytes a second, and below
 *				Linux on seL4 what the server asked for meanwhile, a round, in hundredths
 *
 * Each row is warmed up first; then all rounds are timed together.  Statically linked, one file.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, MB = 1 << 20, COUNTS = 13 };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* --- what the server below was asked for: /proc/sel4, absent on another Linux --- */

static int read_counts(long *value, char names[][16])
{
	char text[1024];
	int fd = open("/proc/sel4", O_RDONLY), n = 0;
	ssize_t got;

	if (fd < 0)
		return 0;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[got > 0 ? got : 0] = 0;
	for (char *line = strtok(text, "\n"); line && n < COUNTS; line = strtok(NULL, "\n"))
		if (sscanf(line, "%15s %ld", names[n], &value[n]) == 2)
			n++;
	return n;
}

/* What reading the counts costs itself is measured by reading them twice. */
static void tell(const char *name, const char *unit, long long value, long rounds, const long *before, const long *zero)
{
	long after[COUNTS];
	char names[COUNTS][16];
	int n = read_counts(after, names);

	printf("row %s %s %lld", name, unit, value);
	for (int i = 0; i < n; i++)
		printf(" %s %lld", names[i], ((after[i] - before[i] - (before[i] - zero[i])) * 100LL + rounds / 2) / rounds);
	printf("\n");
	fflush(stdout);
}

struct row {
	const char *name;
	long rounds;
	void (*run)(long rounds);
	long bytes;	/* of a round: a bandwidth; 0: a latency */
};

static long long timed;	/* by a row that does not time all of itself */

static void measure(const struct row *r)
{
	long zero[COUNTS] = { 0 }, before[COUNTS] = { 0 };
	char names[COUNTS][16];
	long long from;

	r->run(r->rounds / 10 + 1);
	read_counts(zero, names);
	read_counts(before, names);
	timed = 0;
	from = now();
	r->run(r->rounds);
	if (!timed)
		timed = now() - from;
	if (r->bytes)
		tell(r->name, "bytes/s", r->bytes * r->rounds * 1000000000LL / timed, r->rounds, before, zero);
	else
		tell(r->name, "ns", timed / r->rounds, r->rounds, before, zero);
}

/* --- latencies --- */

static void null(long n)
{
	while (n--)
		syscall(SYS_getppid);
}

/* lmbench's lat_pagefault reads the pages of a mapped file, all in the page cache */
static void pagefault(long n)
{
	enum { PAGES = 256 };
	static int fd = -1;
	volatile unsigned char sum = 0;

	if (fd < 0) {
		fd = open("/tmp/pages", O_RDWR | O_CREAT, 0600);
		if (fd < 0 || ftruncate(fd, PAGES * PAGE))
			die("/tmp/pages");
		for (int i = 0; i < PAGES; i++)
			if (pwrite(fd, "x", 1, i * PAGE) != 1)
				die("pwrite");
	}
	for (long done = 0; done < n; done += PAGES) {
		volatile unsigned char *p = mmap(NULL, PAGES * PAGE, PROT_READ, MAP_SHARED, fd, 0);
		long long from;

		if (p == MAP_FAILED)
			die("mmap");
		from = now();
		for (int i = 0; i < PAGES; i++)
			sum += p[(i * 37 % PAGES) * PAGE];	/* in no order, as there */
		timed += now() - from;
		munmap((void *)p, PAGES * PAGE);
	}
}

/* fresh memory: each page is cleared */
static void pagezero(long n)
{
	enum { PAGES = 256 };

	for (long done = 0; done < n; done += PAGES) {
		volatile char *p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		long long from;

		if (p == MAP_FAILED)
			die("mmap");
		from = now();
		for (int i = 0; i < PAGES; i++)
			p[i * PAGE] = 1;
		timed += now() - from;
		munmap((void *)p, PAGES * PAGE);
	}
}

static void children(long n, char *const *argv)
{
	while (n--) {
		pid_t p = fork();

		if (p < 0)
			die("fork");
		if (p == 0) {
			if (argv)
				execv(argv[0], argv);
			_exit(0);
		}
		waitpid(p, NULL, 0);
	}
}

static void fork_row(long n) { children(n, NULL); }
static void exec_row(long n) { children(n, (char *const[]){ "/bin/rows", "nothing", NULL }); }
static void shell_row(long n) { children(n, (char *const[]){ "/bin/sh", "-c", "/bin/rows nothing", NULL }); }

/* a byte to and fro between two processes */
static void echo(long n, int out, int in, int peer_in, int peer_out)
{
	char c = 0;
	pid_t p = fork();
	long long from;

	if (p == 0) {
		while (read(peer_in, &c, 1) == 1)
			if (write(peer_out, &c, 1) != 1)
				break;
		_exit(0);
	}
	if (write(out, &c, 1) != 1 || read(in, &c, 1) != 1)
		die("echo");
	from = now();
	for (long i = 0; i < n; i++)
		if (write(out, &c, 1) != 1 || read(in, &c, 1) != 1)
			die("echo");
	timed = now() - from;
	kill(p, SIGKILL);
	waitpid(p, NULL, 0);
}

static void close_pair(const int *a)
{
	close(a[0]);
	close(a[1]);
}

static void pipe_row(long n)
{
	int a[2], b[2];

	if (pipe(a) || pipe(b))
		die("pipe");
	echo(n, a[1], b[0], a[0], b[1]);
	close_pair(a);
	close_pair(b);
}

static void unix_row(long n)
{
	int a[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, a))
		die("socketpair");
	echo(n, a[0], a[0], a[1], a[1]);
	close_pair(a);
}

static void tcp_pair(int fd[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (l < 0 || bind(l, (void *)&a, sizeof(a)) || listen(l, 1) || getsockname(l, (void *)&a, &len))
		die("listen");
	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd[0], (void *)&a, sizeof(a)) || (fd[1] = accept(l, NULL, NULL)) < 0)
		die("connect");
	for (int i = 0; i < 2; i++)
		setsockopt(fd[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	close(l);
}

static void tcp_row(long n)
{
	int a[2];

	tcp_pair(a);
	echo(n, a[0], a[0], a[1], a[1]);
	close_pair(a);
}

/* lmbench's lat_ctx -s 4 2: a token goes round two processes that each sum 4 KiB; without the cost of
 * the pipes and the sums, measured in one process */
static int block[PAGE / sizeof(int)];

static int sum_block(void)
{
	int s = 0;

	for (size_t i = 0; i < sizeof(block) / sizeof(*block); i++)
		s += ((volatile int *)block)[i];
	return s;
}

static void pass(int out, int in)
{
	int token = 1;

	if (write(out, &token, sizeof(token)) != sizeof(token) || read(in, &token, sizeof(token)) != sizeof(token))
		exit(0);
	sum_block();
}

static void ctx_row(long n)
{
	int a[2], b[2];
	long long alone, from;
	pid_t p;

	if (pipe(a) || pipe(b))
		die("pipe");
	from = now();
	for (long i = 0; i < n; i++)
		pass(a[1], a[0]);
	alone = now() - from;
	p = fork();
	if (p == 0) {
		int token;

		for (;;) {
			if (read(a[0], &token, sizeof(token)) != sizeof(token))
				exit(0);
			sum_block();
			if (write(b[1], &token, sizeof(token)) != sizeof(token))
				exit(0);
		}
	}
	pass(a[1], b[0]);
	from = now();
	for (long i = 0; i < n; i++)
		pass(a[1], b[0]);
	timed = (now() - from) / 2 - alone;	/* a round is two switches and two times the rest */
	if (timed <= 0)
		timed = 1;
	kill(p, SIGKILL);
	waitpid(p, NULL, 0);
	close_pair(a);
	close_pair(b);
}

/* --- bandwidths: a round is 64 KiB, or 1 MiB of memory --- */

static char buf[65536];

static void stream(long n, int out, int in)
{
	long total = n * sizeof(buf), got = 0;
	long long from;
	pid_t p = fork();

	if (p == 0) {
		for (long left = total; left > 0;) {
			ssize_t k = write(out, buf, left < (long)sizeof(buf) ? (size_t)left : sizeof(buf));

			if (k <= 0)
				_exit(1);
			left -= k;
		}
		_exit(0);
	}
	from = now();
	while (got < total) {
		ssize_t k = read(in, buf, sizeof(buf));

		if (k <= 0)
			die("stream");
		got += k;
	}
	timed = now() - from;
	waitpid(p, NULL, 0);
}

static void bw_pipe(long n)
{
	int a[2];

	if (pipe(a))
		die("pipe");
	stream(n, a[1], a[0]);
	close_pair(a);
}

static void bw_unix(long n)
{
	int a[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, a))
		die("socketpair");
	stream(n, a[0], a[1]);
	close_pair(a);
}

static void bw_tcp(long n)
{
	int a[2];

	tcp_pair(a);
	stream(n, a[0], a[1]);
	close_pair(a);
}

static int sum_words(const int *p, size_t words)
{
	int s = 0;

	for (size_t i = 0; i < words; i += 16)
		s += p[i] + p[i + 1] + p[i + 2] + p[i + 3] + p[i + 4] + p[i + 5] + p[i + 6] + p[i + 7] + p[i + 8] + p[i + 9] +
		     p[i + 10] + p[i + 11] + p[i + 12] + p[i + 13] + p[i + 14] + p[i + 15];
	return s;
}

static volatile int sink;

static void bw_mem(long n)
{
	static int *p;

	if (!p) {
		p = malloc(MB);
		memset(p, 1, MB);
	}
	while (n--)
		sink = sum_words(p, MB / sizeof(int));
}

static void bw_mmap(long n)
{
	static int *p;

	if (!p) {
		int fd = open("/tmp/mapped", O_RDWR | O_CREAT, 0600);

		if (fd < 0 || ftruncate(fd, MB))
			die("/tmp/mapped");
		for (int i = 0; i < MB; i += sizeof(buf))
			if (pwrite(fd, buf, sizeof(buf), i) != sizeof(buf))
				die("pwrite");
		p = mmap(NULL, MB, PROT_READ, MAP_SHARED, fd, 0);
		if (p == MAP_FAILED)
			die("mmap");
	}
	while (n--)
		sink = sum_words(p, MB / sizeof(int));
}

/* --- the table --- */

static const struct row rows[] = {
	{ "pagefault", 4096, pagefault, 0 },
	{ "pagezero", 2048, pagezero, 0 },
	{ "fork", 60, fork_row, 0 },
	{ "exec", 40, exec_row, 0 },
	{ "shell", 20, shell_row, 0 },
	{ "syscall", 20000, null, 0 },
	{ "pipe", 2000, pipe_row, 0 },
	{ "tcp", 1000, tcp_row, 0 },
	{ "unix", 2000, unix_row, 0 },
	{ "ctx", 2000, ctx_row, 0 },
	{ "bw_pipe", 128, bw_pipe, sizeof(buf) },
	{ "bw_tcp", 128, bw_tcp, sizeof(buf) },
	{ "bw_unix", 128, bw_unix, sizeof(buf) },
	{ "bw_mem", 64, bw_mem, MB },
	{ "bw_mmap", 64, bw_mmap, MB },
};

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "nothing"))
		return 0;
	for (size_t r = 0; r < sizeof(rows) / sizeof(*rows); r++) {
		int wanted = argc == 1;

		for (int i = 1; i < argc; i++)
			wanted |= !strcmp(argv[i], rows[r].name);
		if (wanted)
			measure(&rows[r]);
	}
	puts("rows: done");
	return 0;
}
