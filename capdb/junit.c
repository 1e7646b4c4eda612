/* JUnit's XML: see junit.h. Cases are kept until their numbers, which stand before them, are known.
 */
#include "capdb/junit.h"

#include "capdb/outfile.h"
#include "capdb/output.h"
#include "lib/utf8.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALLEST = 64, NAME_BYTES = 4096 };

/* The names of cases, by hash. */
struct known {
    char *name; /* NULL: free */
    enum junit_result result;
    unsigned times; /* with other results */
};

struct junit {
    struct outfile out;
    FILE *cases; /* NULL: nothing is wanted */
    char *text;
    size_t size;
    unsigned count[JUNIT_SKIPPED + 1];
    struct known *known;
    uint32_t mask, known_count;
    char *sentence;
};

/* --- names ----------------------------------------------------------------------------------- */

static struct known *place_of(const struct junit *j, const char *name)
{
    uint32_t h = 0x811c9dc5u;
    for (const char *at = name; *at; at++)
        h = (h ^ (uint8_t)*at) * 0x01000193u;
    uint32_t at = h & j->mask;
    while (j->known[at].name && strcmp(j->known[at].name, name) != 0)
        at = (at + 1) & j->mask;
    return &j->known[at];
}

static void grow(struct junit *j)
{
    struct known *old = j->known;
    uint32_t old_room = old ? j->mask + 1 : 0;
    j->mask = old ? j->mask * 2 + 1 : SMALLEST - 1;
    j->known = output_alloc(NULL, ((size_t)j->mask + 1) * sizeof(*j->known));
    memset(j->known, 0, ((size_t)j->mask + 1) * sizeof(*j->known));
    for (uint32_t i = 0; i < old_room; i++)
        if (old[i].name)
            *place_of(j, old[i].name) = old[i];
    free(old);
}

static char *copy(const char *text)
{
    char *out = output_alloc(NULL, strlen(text) + 1);
    return strcpy(out, text);
}

/* 0: the case was told already; 1: its name is new; else the number behind the name. */
static unsigned number_of(struct junit *j, enum junit_result result, const char *name)
{
    if (!j->known || j->known_count > j->mask / 2)
        grow(j);
    struct known *k = place_of(j, name);
    if (k->name)
        return k->result == result ? 0 : ++k->times;
    *k = (struct known){copy(name), result, 1};
    j->known_count++;
    return 1;
}

static void forget_names(struct junit *j)
{
    for (uint32_t i = 0; j->known && i <= j->mask; i++)
        free(j->known[i].name);
    free(j->known);
    free(j->sentence);
}

/* --- the file -------------------------------------------------------------------------------- */

struct junit *junit_open(const char *path)
{
    struct junit *j = output_alloc(NULL, sizeof(*j));
    *j = (struct junit){0};
    if (!path)
        return j;
    if (outfile_open(&j->out, path))
        j->cases = open_memstream(&j->text, &j->size);
    if (j->cases)
        return j;
    if (j->out.file)
        outfile_close(&j->out, false);
    free(j);
    return NULL;
}

/* What XML cannot hold is shown as utf8_escape() does. */
static void put_escaped(FILE *f, const char *text)
{
    char one[8];
    for (uint32_t n; *text; text += n) {
        uint32_t left = (uint32_t)strnlen(text, 4);
        n = utf8_printable(text, left);
        if (n == 0) {
            n = 1;
            utf8_escape(one, sizeof(one), text, 1);
            fputs(one, f);
        } else if (n == 1 && strchr("&<>\"'", *text)) {
            fprintf(f, "&#%d;", *text);
        } else {
            fwrite(text, 1, n, f);
        }
    }
}

void junit_case(struct junit *j, enum junit_result result, const char *name, const char *sentence)
{
    static const char *const elements[] = {NULL, "failure", "error", "skipped"};
    char numbered[NAME_BYTES];
    unsigned number = number_of(j, result, name);
    if (number == 0)
        return;
    if (number > 1) {
        snprintf(numbered, sizeof(numbered), "%s (%u)", name, number);
        name = numbered;
    }
    j->count[result]++;
    if (!j->cases)
        return;
    fputs("    <testcase classname=\"capdb.check\" name=\"", j->cases);
    put_escaped(j->cases, name);
    fputs(elements[result] ? "\">\n" : "\"/>\n", j->cases);
    if (!elements[result])
        return;
    fprintf(j->cases, "      <%s message=\"", elements[result]);
    put_escaped(j->cases, sentence);
    fputs("\"/>\n    </testcase>\n", j->cases);
}

void junit_sentence(struct junit *j, const char *sentence)
{
    free(j->sentence);
    j->sentence = copy(sentence);
}

void junit_verdict(struct junit *j, enum junit_result result, const char *otherwise)
{
    junit_case(j, result, "verdict", j->sentence ? j->sentence : otherwise);
}

bool junit_close(struct junit *j, const char *suite)
{
    bool good = true;
    unsigned all = 0;
    for (int i = 0; i <= JUNIT_SKIPPED; i++)
        all += j->count[i];
    if (j->cases) {
        FILE *f = j->out.file;
        good = fclose(j->cases) == 0;
        fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"", f);
        put_escaped(f, suite);
        fprintf(f, "\" tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"%u\">\n", all,
                j->count[JUNIT_FAILED], j->count[JUNIT_ERROR], j->count[JUNIT_SKIPPED]);
        fwrite(j->text, 1, good ? j->size : 0, f);
        fputs("  </testsuite>\n</testsuites>\n", f);
        good &= outfile_close(&j->out, good);
    }
    forget_names(j);
    free(j->text);
    free(j);
    return good;
}
