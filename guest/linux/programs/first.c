// SPDX-License-Identifier: GPL-2.0
/*
 * The first process: file systems, busybox's commands, the loopback device; then what the manager's
 * text says (run=PROGRAM, whose exit status is the machine's) or a shell on the console, again and
 * again.  It lives on when nobody else can be made.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONSOLE "/dev/hvc0"

/* fork() that waits for better times */
static pid_t child(void)
{
	pid_t p;

	while ((p = fork()) < 0) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		sleep(1);
	}
	return p;
}

/* The status of the program, as a shell would tell it. */
static int finish(pid_t p)
{
	int status = 0;
	pid_t ended;

	while ((ended = waitpid(-1, &status, 0)) != p)
		if (ended < 0 && errno != EINTR)
			return 127;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run(char *const *argv)
{
	pid_t p = child();

	if (p == 0) {
		execv(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	return finish(p);
}

static void put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY);

	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		perror(file);
	close(fd);
}

/* A session of its own, so that Ctrl-C reaches what runs there. */
static void shell(void)
{
	pid_t p = child();

	if (p == 0) {
		put("/proc/self/oom_score_adj", "-900");	/* when memory ends, others go first */
		setsid();
		int fd = open(CONSOLE, O_RDWR);

		ioctl(fd, TIOCSCTTY, 1);
		for (int i = 0; i < 3; i++)
			dup2(fd, i);
		execl("/bin/sh", "sh", "-i", NULL);
		_exit(127);
	}
	finish(p);
}

static void off(int status)
{
	FILE *f = fopen("/proc/sel4", "w");

	if (f) {
		fprintf(f, "status %d\n", status);
		fclose(f);
	}
	sync();
	reboot(RB_POWER_OFF);
}

int main(void)
{
	struct utsname u;
	char *program = getenv("run");

	setenv("PATH", "/bin", 1);
	setenv("HOME", "/root", 1);
	mount("none", "/proc", "proc", 0, NULL);
	mount("none", "/tmp", "tmpfs", 0, NULL);
	run((char *[]){ "/bin/busybox", "--install", "-s", "/bin", NULL });
	put("/proc/sys/vm/oom_dump_tasks", "0");
	run((char *[]){ "/bin/busybox", "ip", "link", "set", "lo", "up", NULL });
	uname(&u);
	printf("init: %s %s %s\n", u.sysname, u.release, u.version);
	fflush(stdout);
	if (program)
		off(run((char *[]){ program, NULL }));
	for (;;)
		shell();
}
