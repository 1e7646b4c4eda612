/* gdb-proxy: a GDB server in front of another.  The protocol is attach/proxy.h's; here is what it
 * asks of the floors above: why a thread does not run, and `monitor cap`, which is any command of
 * capdb's that reads one snapshot, asked of the machine as it stands. */
#include "capdb/command.h"

#include "attach/proxy.h"
#include "facts/why.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_SECONDS = 60, ANSWER_MAX = 1 << 22, WORDS_MAX = 32, LINE_BYTES = 4096 };

static volatile sig_atomic_t over;

static void end_by_signal(int number)
{
    (void)number;
    over = 1;
    attach_interrupt();
}

static bool is_over(void *ctx)
{
    (void)ctx;
    return over;
}

static void say(void *ctx, const char *sentence)
{
    (void)ctx;
    command_complain(NULL, "%s", sentence);
}

static void reason(void *ctx, const struct capstate *s, int32_t thread, char *buf, size_t size)
{
    struct why w;
    (void)ctx;
    why_init(&w);
    why_not_running(s, thread, &w);
    snprintf(buf, size, "%s", w.count ? w.lines[0].text : "");
    why_free(&w);
}

/* --- monitor cap --- */

/* Words of the line, `…` and "…" kept together; argv[2] is the target. */
static int split(char *line, char *run, char **argv)
{
    int n = 0;
    argv[n++] = (char *)(uintptr_t) "capdb";
    while (n < WORDS_MAX - 1) {
        line += strspn(line, " \t");
        if (!*line)
            break;
        char quote = *line == '"' || *line == '\'' ? *line : '\0';
        char *end = quote ? strchr(++line, quote) : line + strcspn(line, " \t");
        argv[n++] = line;
        if (n == 2)
            argv[n++] = run;
        if (!end || !*end)
            break;
        *end = '\0';
        line = end + 1;
    }
    argv[n] = NULL;
    return n;
}

/* In a process of its own: a command may end the program, and its output goes to stdout. */
static void answer_in_child(int out, const struct options *with, const struct capstate *state,
                            const char *line)
{
    static char words[LINE_BYTES];
    char *argv[WORDS_MAX];
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    alarm(ANSWER_SECONDS);
    output_default = OUTPUT_TABLE; /* people read it */
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    snprintf(words, sizeof(words), "%s", line);
    int argc = split(words, (char *)(uintptr_t)with->run, argv);
    command_answer(argc, argv, state, with->domains);
    fflush(NULL);
    _exit(0);
}

static char *read_back(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    size_t n = size < 0 ? 0 : size < ANSWER_MAX ? (size_t)size : (size_t)ANSWER_MAX;
    char *text = malloc(n + 1);
    if (!text)
        return NULL;
    ssize_t got = pread(fd, text, n, 0);
    text[got > 0 ? got : 0] = '\0';
    return text;
}

static char *answer(void *ctx, const struct capstate *state, const char *line)
{
    const struct options *with = ctx;
    int status = 0;
    int fd = memfd_create("answer", MFD_CLOEXEC);
    if (fd < 0)
        return NULL;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        answer_in_child(fd, with, state, line);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && !over)
        ;
    char *text = pid < 0 ? NULL : read_back(fd);
    if (text && WIFSIGNALED(status)) {
        free(text);
        text = strdup("the answer took too long, or failed\n");
    }
    close(fd);
    return text;
}

/* --- the command --- */

static enum status serve(struct options *o, struct attach *a)
{
    char message[CAPDB_MESSAGE];
    int listener;
    const struct proxy_help help = {
        .ctx = o, .reason = reason, .answer = answer, .say = say, .is_over = is_over};
    if (proxy_listen(o->operand[0], &listener, message, sizeof(message)) != ERR_OK)
        return command_complain(NULL, "%s", message);
    fprintf(stderr, "capdb: gdb and LLDB find %s at %s\n", o->run, o->operand[0]);
    enum error e = proxy_serve(a, listener, &help, message, sizeof(message));
    proxy_unlisten(o->operand[0], listener);
    return e == ERR_OK ? STATUS_YES : command_complain(NULL, "%s", message);
}

enum status command_gdb_proxy(struct options *o)
{
    char message[CAPDB_MESSAGE];
    struct attach *a;
    if (strncmp(o->run, "gdb:", 4) != 0)
        return command_complain(o->run, "is no stub to stand in front of (gdb:…)");
    int listener; /* a place where nobody can be met is told before the machine is touched */
    if (proxy_listen(o->operand[0], &listener, message, sizeof(message)) != ERR_OK)
        return command_complain(NULL, "%s", message);
    proxy_unlisten(o->operand[0], listener);
    command_catch_signals(end_by_signal);
    if (attach_open(o->run, &a, message, sizeof(message)) != ERR_OK)
        return command_complain(NULL, "%s", message);
    enum status s = serve(o, a);
    command_leave(a);
    return s;
}
