/* Checks: what fails is kept as text until the supervisor prints it with the test's result. */
#include "user/tests/tests.h"

#include "lib/format.h"

enum { TEXT_MAX = 2048 };
static char text[TEXT_MAX];
static word_t used;
static bool failed;

static void put(void *ctx, char c)
{
    (void)ctx;
    if (used < TEXT_MAX - 1)
        text[used++] = c;
    text[used] = 0;
}

void check_note(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (used)
        put(NULL, '\n');
    format_vto(put, NULL, fmt, args);
    va_end(args);
    failed = true;
}

static const char *base_name(const char *file)
{
    const char *name = file;
    for (const char *p = file; *p; p++)
        if (*p == '/')
            name = p + 1;
    return name;
}

bool check_true_at(const char *file, int line, const char *what, bool holds)
{
    if (!holds)
        check_note("%s:%d: does not hold: %s", base_name(file), line, what);
    return holds;
}

bool check_equal_at(const char *file, int line, const char *what, word_t got, word_t wanted)
{
    if (got != wanted)
        check_note("%s:%d: %s: got 0x%x wanted 0x%x", base_name(file), line, what, got, wanted);
    return got == wanted;
}

void must_at(bool holds)
{
    if (!holds)
        thread_exit(0);
}

void check_reset(void)
{
    used = 0;
    text[0] = 0;
    failed = false;
}

bool check_failed(void)
{
    return failed;
}

const char *check_text(void)
{
    return text;
}
