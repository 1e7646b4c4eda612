/* JUnit's XML: see junit.h. Cases are kept until their numbers, which stand before them, are known.
 */
#include "capdb/junit.h"

#include "capdb/output.h"
#include "lib/utf8.h"

#include <stdlib.h>
#include <string.h>

struct junit {
    FILE *file; /* NULL: nothing is wanted */
    FILE *cases;
    char *text;
    size_t size;
    unsigned count[JUNIT_SKIPPED + 1];
};

struct junit *junit_open(const char *path)
{
    struct junit *j = output_alloc(NULL, sizeof(*j));
    *j = (struct junit){0};
    if (!path)
        return j;
    j->file = fopen(path, "w");
    j->cases = j->file ? open_memstream(&j->text, &j->size) : NULL;
    if (j->cases)
        return j;
    if (j->file)
        fclose(j->file);
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

bool junit_close(struct junit *j, const char *suite)
{
    bool good = true;
    unsigned all = 0;
    for (int i = 0; i <= JUNIT_SKIPPED; i++)
        all += j->count[i];
    if (j->file) {
        good = fclose(j->cases) == 0;
        fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"",
              j->file);
        put_escaped(j->file, suite);
        fprintf(j->file, "\" tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"%u\">\n", all,
                j->count[JUNIT_FAILED], j->count[JUNIT_ERROR], j->count[JUNIT_SKIPPED]);
        fwrite(j->text, 1, good ? j->size : 0, j->file);
        fputs("  </testsuite>\n</testsuites>\n", j->file);
        good &= !ferror(j->file);
        good &= fclose(j->file) == 0;
    }
    free(j->text);
    free(j);
    return good;
}
