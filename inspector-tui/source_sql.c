/* What differs between two answers to one question in SQL.
 *
 * Rows have no names, so they are compared as text: each row of one answer stands for one equal row of
 * the other. */
#include "inspector-tui/source_private.h"

#include <stdlib.h>
#include <string.h>

struct lines {
    char **line; /* in the order of the answer */
    char **sorted;
    bool *matched; /* by place in `sorted` */
    uint32_t count;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Cuts the text at its line ends; the first line is left out. */
static bool split(char *text, struct lines *l)
{
    uint32_t room = 0;
    for (const char *p = text; *p; p++)
        room += *p == '\n';
    l->line = calloc(room + 1, sizeof(*l->line));
    l->sorted = calloc(room + 1, sizeof(*l->sorted));
    l->matched = calloc(room + 1, sizeof(*l->matched));
    if (!l->line || !l->sorted || !l->matched)
        return false;
    for (char *p = text; (p = strchr(p, '\n'));) {
        *p++ = 0;
        l->line[l->count++] = p;
    }
    memcpy(l->sorted, l->line, l->count * sizeof(*l->line));
    qsort(l->sorted, l->count, sizeof(*l->sorted), by_text);
    return true;
}

static void lines_free(struct lines *l)
{
    free(l->line);
    free(l->sorted);
    free(l->matched);
}

/* Pairs equal rows, both in order of their text. */
static void pair(struct lines *a, struct lines *b)
{
    for (uint32_t i = 0, k = 0; i < a->count && k < b->count;) {
        int order = strcmp(a->sorted[i], b->sorted[k]);
        if (order == 0)
            a->matched[i] = b->matched[k] = true;
        i += order <= 0;
        k += order >= 0;
    }
}

/* Is this row without an equal one? Of several equal rows the first that are asked about have theirs. */
static bool is_alone(struct lines *l, const char *line)
{
    char **found = bsearch(&line, l->sorted, l->count, sizeof(*l->sorted), by_text);
    size_t first = (size_t)(found - l->sorted), i;
    while (first > 0 && strcmp(l->sorted[first - 1], line) == 0)
        first--;
    for (i = first; i < l->count && strcmp(l->sorted[i], line) == 0; i++)
        if (l->matched[i]) {
            l->matched[i] = false;
            return false;
        }
    return true;
}

static char *put(char *to, char sign, const char *line)
{
    *to++ = sign;
    to = stpcpy(to, line);
    *to++ = '\n';
    *to = 0;
    return to;
}

static void write_all(char *to, const char *names, struct lines *a, struct lines *b)
{
    to = put(to, ' ', names);
    for (uint32_t i = 0; i < b->count; i++)
        to = put(to, is_alone(b, b->line[i]) ? '+' : ' ', b->line[i]);
    for (uint32_t i = 0; i < a->count; i++)
        if (is_alone(a, a->line[i]))
            to = put(to, '-', a->line[i]);
    to[-1] = 0; /* the last row ends the text, as in an answer */
}

char *source_compare_tables(char *before, char *after)
{
    struct lines a = {0}, b = {0};
    size_t room = 2 * (strlen(before) + strlen(after)) + 8;
    char *out = split(before, &a) && split(after, &b) ? malloc(room) : NULL;
    if (out) {
        pair(&a, &b);
        write_all(out, after, &a, &b);
    }
    lines_free(&a);
    lines_free(&b);
    free(before);
    free(after);
    return out;
}
