/* Drawing memory as a strip of letters. */
#include "inspector-tui/memory.h"
#include "lib/array.h"

#include <ctype.h>

struct memory_cell memory_at(const struct session *s, const struct sample *of, uint64_t addr)
{
    struct authority_owner owner;
    int32_t domain = sample_owner(of, addr, &owner);
    if (owner.kernel)
        return (struct memory_cell){'K', STYLE_BLOCK | STYLE_STRONG};
    bool typed = owner.object >= 0 && of->state.objects[owner.object].type != RECORD_CAP_UNTYPED;
    if (!typed && sample_is_lost(of, &owner, addr))
        return (struct memory_cell){'!', domain < 0 ? STYLE_WARN : session_style(s, of, domain)};
    if (owner.shared)
        return (struct memory_cell){'&', typed ? STYLE_BLOCK | STYLE_NORMAL : STYLE_NORMAL};
    if (domain < 0)
        return typed               ? (struct memory_cell){'?', STYLE_WARN}
               : owner.object >= 0 ? (struct memory_cell){'.', STYLE_DIM}
                                   : (struct memory_cell){'_', STYLE_DIM};
    if (!typed && of->authority.domains[domain].trusted)
        return (struct memory_cell){'.', STYLE_DIM};
    char letter = session_letter(s, of, domain);
    return typed ? (struct memory_cell){(char)toupper((unsigned char)letter),
                                        STYLE_BLOCK | session_style(s, of, domain)}
                 : (struct memory_cell){letter, session_style(s, of, domain)};
}

/* Addresses looked at a piece; pieces remembered, since a picture is painted at every key. */
enum { PROBES = 16, PIECES = 1 << 13 };

/* How telling a letter is: objects before memory that is lost, that before what a domain could use,
 * anything before what is free. */
enum { MOST_TELLING = 5 };
static int weight(struct memory_cell c)
{
    bool free = islower((unsigned char)c.letter) || (c.letter == '&' && !(c.style & STYLE_BLOCK));
    return c.letter == ' '   ? 0
           : c.letter == '_' ? 1
           : c.letter == '.' ? 2
           : free            ? 3
           : c.letter == '!' ? 4
                             : MOST_TELLING;
}

/* The most telling of some probes; after one that nothing outdoes none is needed. */
static struct memory_cell look(const struct session *s, const struct sample *of, uint64_t base,
                               uint64_t size)
{
    struct memory_cell best = {' ', STYLE_DIM};
    for (uint64_t i = 0; i < PROBES && weight(best) < MOST_TELLING; i++) {
        struct memory_cell c = memory_at(s, of, base + size * i / PROBES);
        if (weight(c) > weight(best))
            best = c;
    }
    return best;
}

/* Small objects lie between probes: those that begin in the piece are looked at, too. */
static struct memory_cell look_at_objects(const struct session *s, const struct sample *of,
                                          uint64_t base, uint64_t size, struct memory_cell best)
{
    enum { MOST = 64 };
    const struct capstate *c = &of->state;
    size_t low = LOWER_BOUND(c->object_count, at, c->objects[at].addr < base);
    for (size_t i = low; i < c->object_count && i < low + MOST; i++) {
        if (c->objects[i].addr - base >= size || weight(best) == MOST_TELLING)
            break;
        if (c->objects[i].bits == 0 || c->objects[i].type == RECORD_CAP_UNTYPED)
            continue;
        struct memory_cell cell = memory_at(s, of, c->objects[i].addr);
        if (weight(cell) > weight(best))
            best = cell;
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
        known[place].cell = look_at_objects(s, of, base, size, look(s, of, base, size));
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

/* A domain that is not trusted, as the example; -1: there is none. */
static int32_t example(const struct sample *of)
{
    for (uint32_t i = 0; i < sample_domains(of); i++)
        if (!of->authority.domains[i].trusted)
            return (int32_t)i;
    return -1;
}

void memory_legend(const struct session *s, const struct sample *of, struct line *l)
{
    int32_t domain = example(of);
    char letter = session_letter(s, of, domain);
    line_put(l, STYLE_WARN, "! lost");
    line_put(l, STYLE_DIM, "  _ nobody's  . free  ");
    line_put(l, STYLE_BLOCK | STYLE_NORMAL, "&");
    line_put(l, STYLE_DIM, " shared  ");
    line_put(l, STYLE_BLOCK | STYLE_STRONG, "K");
    line_put(l, STYLE_DIM, " kernel");
    if (domain < 0)
        return;
    line_put(l, STYLE_DIM, "  ");
    line_put(l, STYLE_BLOCK | session_style(s, of, domain), "%c", toupper((unsigned char)letter));
    line_put(l, session_style(s, of, domain), " %s", sample_domain_name(of, domain));
    line_put(l, STYLE_DIM, "'s  ");
    line_put(l, session_style(s, of, domain), "%c", letter);
    line_put(l, STYLE_DIM, " its free");
}
