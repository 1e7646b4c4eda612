/* Edit distance (Levenshtein), row by row; what begins with the wanted is near, too. */
#include "capdb/nearest.h"

#include <stdbool.h>
#include <string.h>

enum { LONGEST = 63 };

static uint32_t least(uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t m = a < b ? a : b;
    return m < c ? m : c;
}

static uint32_t distance(const char *a, const char *b)
{
    uint32_t row[LONGEST + 1];
    uint32_t width = (uint32_t)strlen(b);
    for (uint32_t k = 0; k <= width; k++)
        row[k] = k;
    for (uint32_t i = 1; a[i - 1]; i++) {
        uint32_t diagonal = row[0];
        row[0] = i;
        for (uint32_t k = 1; k <= width; k++) {
            uint32_t above = row[k];
            row[k] = least(row[k - 1] + 1, above + 1, diagonal + (a[i - 1] != b[k - 1]));
            diagonal = above;
        }
    }
    return row[width];
}

void nearest_offer(struct nearest *n, const char *name)
{
    size_t length = strlen(n->wanted);
    if (length > LONGEST || strlen(name) > LONGEST)
        return;
    uint32_t changes = distance(n->wanted, name);
    bool begun = length > 1 && strncmp(n->wanted, name, length) == 0;
    if ((changes * 3 > length + 1 && !begun) || (n->best && changes >= n->changes))
        return;
    n->best = name;
    n->changes = changes;
}
