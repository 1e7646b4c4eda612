/* Asking commands: see asking.h. */
#include "tests/unit/asking.h"

#include "tests/unit/recordings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct options last;
enum status status;

char *ask_with(struct options o, command_fn command)
{
    char file[] = "/tmp/capdb-answer-XXXXXX";
    size_t size;
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    fflush(stdout);
    fflush(stderr);
    int out = dup(STDOUT_FILENO);
    int err = dup(STDERR_FILENO);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    status = command(&o);
    fflush(stdout);
    fflush(stderr);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    close(fd);
    last = o;
    char *text = read_file(file, &size);
    text[size] = '\0';
    unlink(file);
    return text;
}

void assert_same_as_whole(struct options o, command_fn command)
{
    dbview_whole = false;
    char *part = ask_with(o, command);
    enum status of_part = status;
    bool doubted = last.doubt;
    dbview_whole = true;
    char *whole = ask_with(o, command);
    dbview_whole = false;
    assert_string_equal(part, whole);
    assert_int_equal(of_part, status);
    assert_int_equal(doubted, last.doubt);
    free(part);
    free(whole);
}
