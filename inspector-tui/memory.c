/* Drawing memory as a strip of letters. */
#include "inspector-tui/memory.h"

#include <ctype.h>

struct memory_cell memory_at(const struct session *s, const struct sample *of, uint64_t addr)
{
    struct authority_owner owner;
    int32_t domain = sample_owner(of, addr, &owner);
    if (owner.kernel)
        return (struct memory_cell){'K', STYLE_STRONG};
    bool typed = owner.object >= 0 && of->state.objects[owner.object].type != RECORD_CAP_UNTYPED;
    if (domain < 0)
        return typed ? (struct memory_cell){'?', STYLE_WARN} : (struct memory_cell){'.', STYLE_DIM};
    char letter = session_letter(s, of, domain);
    return (struct memory_cell){typed ? (char)toupper((unsigned char)letter) : letter,
                                session_style(s, of, domain)};
}

/* Addresses looked at a piece; pieces remembered, since a picture is painted at every key. */
enum { PROBES = 16, PIECES = 1 << 13 };

/* The most telling of some probes: an object before untyped memory, anything before nothing. */
static struct memory_cell look(const struct session *s, const struct sample *of, uint64_t base,
                               uint64_t size)
{
    struct memory_cell best = {' ', STYLE_DIM};
    for (uint64_t i = 0; i < PROBES; i++) {
        struct memory_cell c = memory_at(s, of, base + size * i / PROBES);
        bool better = best.letter == ' ' || (best.letter == '.' && c.letter != '.') ||
                      (islower((unsigned char)best.letter) && isupper((unsigned char)c.letter));
        if (better)
            best = c;
    }
    return best;
}

static struct memory_cell piece(const struct session *s, const struct sample *of, uint64_t base,
                                uint64_t size)
{
    static struct {
        uint64_t generation, base, size;
        const struct sample *of;
        struct memory_cell cell;
    } known[PIECES];
    uint64_t place = (base ^ base >> 17 ^ size * 31) * 0x9e3779b97f4a7c15u >> 51;
    if (known[place].generation != s->generation || known[place].base != base ||
        known[place].size != size || known[place].of != of) {
        known[place].generation = s->generation;
        known[place].base = base;
        known[place].size = size;
        known[place].of = of;
        known[place].cell = look(s, of, base, size);
    }
    return known[place].cell;
}

void memory_strip(const struct session *s, const struct sample *of, uint64_t base, uint64_t size,
                  uint32_t cells, struct line *l)
{
    char run[256];
    uint32_t n = 0;
    enum style style = STYLE_NORMAL;
    for (uint64_t i = 0; i < cells; i++) {
        uint64_t from = base + size * i / cells, to = base + size * (i + 1) / cells;
        struct memory_cell c = piece(s, of, from, to > from ? to - from : 1);
        if (n && (c.style != style || n + 1 == sizeof(run))) {
            line_put(l, style, "%.*s", (int)n, run);
            n = 0;
        }
        style = c.style;
        run[n++] = c.letter;
    }
    line_put(l, style, "%.*s", (int)n, run);
}
