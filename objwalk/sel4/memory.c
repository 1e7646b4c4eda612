/* The cache, batches, and the kernel's two mappings. */
#include "objwalk/sel4/memory.h"
#include "lib/array.h"

#include <stdlib.h>
#include <string.h>

enum {
    GRAIN = 4, /* bytes that one bit of a page's map stands for */
    MAP_WORDS = SEL4_PAGE / GRAIN / 64,
    GAP = 1536, /* bytes between two pieces that are cheaper read than asked for apart */
    WORDS_AT_ONCE = 64,
    BATCH_BYTES = 4 << 20,
};

struct sel4_page {
    uint64_t number;
    uint64_t map[MAP_WORDS]; /* which bytes are here */
    uint8_t bytes[SEL4_PAGE];
};

void sel4_memory_init(struct sel4_memory *m, const struct sel4_port *port, unsigned word_bits)
{
    *m = (struct sel4_memory){
        .port = port, .word = word_bits / 8, .mask = word_bits == 64 ? ~(uint64_t)0 : 0xffffffffu};
}

void sel4_memory_forget(struct sel4_memory *m)
{
    for (uint32_t i = 0; i < m->room; i++) {
        free(m->table[i]);
        m->table[i] = NULL;
    }
    m->pages = 0;
    m->wants = 0;
    if (m->error == ERR_NO_MEMORY)
        m->error = ERR_OK;
}

void sel4_memory_fini(struct sel4_memory *m)
{
    sel4_memory_forget(m);
    free(m->table);
    free(m->want);
    *m = (struct sel4_memory){0};
}

/* --- addresses --- */

static const struct sel4_segment *segment_of(const struct sel4_memory *m, uint64_t va)
{
    for (uint32_t i = 0; i < m->segments; i++) {
        if (va - m->segment[i].va < m->segment[i].bytes)
            return &m->segment[i];
    }
    return NULL;
}

uint64_t sel4_memory_physical(const struct sel4_memory *m, uint64_t va)
{
    const struct sel4_segment *s = segment_of(m, va);
    return (s ? va - s->va + s->pa : va - m->offset) & m->mask;
}

bool sel4_memory_in_kernel(const struct sel4_memory *m, uint64_t va)
{
    return segment_of(m, va);
}

/* --- pages --- */

static uint32_t slot_of(const struct sel4_memory *m, uint64_t number)
{
    uint64_t h = number * 0x9e3779b97f4a7c15u;
    uint32_t i = (uint32_t)(h >> 32) & (m->room - 1);
    while (m->table[i] && m->table[i]->number != number)
        i = (i + 1) & (m->room - 1);
    return i;
}

static struct sel4_page *page_find(const struct sel4_memory *m, uint64_t pa)
{
    return m->room == 0 ? NULL : m->table[slot_of(m, pa / SEL4_PAGE)];
}

static bool grow(struct sel4_memory *m)
{
    if (m->room > m->pages * 2)
        return true;
    struct sel4_memory bigger = *m;
    bigger.room = m->room == 0 ? 256 : m->room * 2;
    bigger.table = calloc(bigger.room, sizeof(*bigger.table));
    if (!bigger.table)
        return false;
    for (uint32_t i = 0; i < m->room; i++) {
        if (m->table[i])
            bigger.table[slot_of(&bigger, m->table[i]->number)] = m->table[i];
    }
    free(m->table);
    *m = bigger;
    return true;
}

static struct sel4_page *page_make(struct sel4_memory *m, uint64_t pa)
{
    struct sel4_page *p = page_find(m, pa);
    if (p || m->pages >= SEL4_PAGES_MAX || !grow(m))
        return p;
    p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->number = pa / SEL4_PAGE;
    m->table[slot_of(m, p->number)] = p;
    m->pages++;
    return p;
}

static void mark(struct sel4_page *p, uint32_t at, uint32_t len)
{
    for (uint32_t g = (at + GRAIN - 1) / GRAIN; g < (at + len) / GRAIN; g++)
        p->map[g / 64] |= (uint64_t)1 << g % 64;
}

static bool is_marked(const struct sel4_page *p, uint32_t at, uint32_t len)
{
    for (uint32_t g = at / GRAIN; g <= (at + len - 1) / GRAIN; g++) {
        if (!(p->map[g / 64] >> g % 64 & 1))
            return false;
    }
    return true;
}

/* Bytes of [pa, pa + len) that lie in the first page. */
static uint32_t in_page(uint64_t pa, uint32_t len)
{
    uint32_t rest = SEL4_PAGE - (uint32_t)(pa % SEL4_PAGE);
    return len < rest ? len : rest;
}

static bool is_here(const struct sel4_memory *m, uint64_t pa, uint32_t len)
{
    while (len > 0) {
        uint32_t n = in_page(pa, len);
        const struct sel4_page *p = page_find(m, pa);
        if (!p || !is_marked(p, (uint32_t)(pa % SEL4_PAGE), n))
            return false;
        pa += n;
        len -= n;
    }
    return true;
}

static bool keep(struct sel4_memory *m, uint64_t pa, const uint8_t *bytes, uint32_t len)
{
    while (len > 0) {
        uint32_t n = in_page(pa, len);
        struct sel4_page *p = page_make(m, pa);
        if (!p)
            return false;
        memcpy(p->bytes + pa % SEL4_PAGE, bytes, n);
        mark(p, (uint32_t)(pa % SEL4_PAGE), n);
        pa += n;
        bytes += n;
        len -= n;
    }
    return true;
}

/* --- what is wanted --- */

static void want(struct sel4_memory *m, uint64_t pa, uint64_t va, uint32_t len)
{
    if (len == 0 || len > SEL4_READ_MAX || m->error != ERR_OK || is_here(m, pa, len))
        return;
    struct sel4_want *more = array_room(m->want, m->wants, &m->want_room, sizeof(*more));
    if (!more)
        return; /* it will be read when it is needed */
    m->want = more;
    m->want[m->wants++] = (struct sel4_want){.key = pa, .va = va, .len = len};
}

/* Whole grains, so that a later look at a part of one finds it here. */
static uint32_t whole(uint64_t *at, uint32_t len)
{
    uint32_t before = (uint32_t)(*at % GRAIN);
    *at -= before;
    return (len + before + GRAIN - 1) / GRAIN * GRAIN;
}

void sel4_memory_want(struct sel4_memory *m, uint64_t va, uint32_t len)
{
    len = whole(&va, len);
    want(m, sel4_memory_physical(m, va), va, len);
}

/* Where the kernel sees a physical address: before the window is known, its own image only. */
static uint64_t virtual_of(const struct sel4_memory *m, uint64_t pa)
{
    for (uint32_t i = 0; i < m->segments; i++) {
        if (pa - m->segment[i].pa < m->segment[i].bytes)
            return pa - m->segment[i].pa + m->segment[i].va;
    }
    return (pa + m->offset) & m->mask;
}

void sel4_memory_want_physical(struct sel4_memory *m, uint64_t pa, uint32_t len)
{
    len = whole(&pa, len);
    want(m, pa, virtual_of(m, pa), len);
}

static int by_key(const void *a, const void *b)
{
    const struct sel4_want *x = a;
    const struct sel4_want *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return 0;
}

/* --- batches --- */

/* The pieces of one batch. A piece covers wants[first..last]. */
struct batch {
    struct sel4_span *span;
    size_t *first;
    uint64_t *key;
    uint8_t *bytes;
    size_t count;
};

static void batch_fini(struct batch *b)
{
    free(b->span);
    free(b->first);
    free(b->key);
    free(b->bytes);
}

static bool batch_init(struct batch *b, size_t pieces, size_t bytes)
{
    *b = (struct batch){.span = calloc(pieces, sizeof(*b->span)),
                        .first = calloc(pieces, sizeof(*b->first)),
                        .key = calloc(pieces, sizeof(*b->key)),
                        .bytes = malloc(bytes)};
    return b->span && b->first && b->key && b->bytes;
}

static size_t pieces_of(const struct sel4_want *w, uint32_t piece)
{
    return (w->len + piece - 1) / piece;
}

static bool joins(const struct sel4_want *to, const struct sel4_want *w, uint32_t piece)
{
    uint64_t end = to->key + to->len;
    uint64_t len = w->key + w->len - to->key;
    if (w->va - to->va != w->key - to->key)
        return false;
    return w->key <= end ? len <= SEL4_READ_MAX : w->key - end <= GAP && len <= piece;
}

static void extend(struct sel4_want *to, const struct sel4_want *w)
{
    uint64_t end = w->key + w->len;
    if (end > to->key + to->len)
        to->len = (uint32_t)(end - to->key);
}

/* What is wanted, joined or not, in `out`, which has room for all; returns how many. */
static size_t join(const struct sel4_memory *m, bool joining, struct sel4_want *out)
{
    size_t n = 0;
    for (size_t i = 0; i < m->wants; i++) {
        if (joining && n > 0 && joins(&out[n - 1], &m->want[i], m->port->piece))
            extend(&out[n - 1], &m->want[i]);
        else
            out[n++] = m->want[i];
    }
    return n;
}

static void cut(const struct sel4_memory *m, const struct sel4_want *w, struct batch *b,
                uint8_t **bytes)
{
    for (uint32_t at = 0; at < w->len; at += m->port->piece) {
        uint32_t len = w->len - at < m->port->piece ? w->len - at : m->port->piece;
        b->key[b->count] = w->key + at;
        b->span[b->count++] =
            (struct sel4_span){.addr = m->port->physical ? w->key + at : (w->va + at) & m->mask,
                               .len = len,
                               .buf = *bytes,
                               .error = ERR_READ};
        *bytes += len;
    }
}

static enum error batch_read(struct sel4_memory *m, struct batch *b)
{
    m->batches++;
    m->pieces += (uint32_t)b->count;
    enum error e = m->port->read(m->port->ctx, b->span, b->count);
    for (size_t i = 0; e == ERR_OK && i < b->count; i++) {
        if (b->span[i].error != ERR_OK)
            continue;
        m->bytes += b->span[i].len;
        if (!keep(m, b->key[i], b->span[i].buf, b->span[i].len))
            e = ERR_NO_MEMORY;
    }
    return e;
}

/* Some of the joined wants, as one batch. */
static enum error some(struct sel4_memory *m, const struct sel4_want *joined, size_t n,
                       size_t pieces, size_t bytes)
{
    struct batch b;
    enum error e = batch_init(&b, pieces, bytes) ? ERR_OK : ERR_NO_MEMORY;
    uint8_t *at = b.bytes;
    for (size_t i = 0; e == ERR_OK && i < n; i++)
        cut(m, &joined[i], &b, &at);
    if (e == ERR_OK)
        e = batch_read(m, &b);
    batch_fini(&b);
    return e;
}

/* One go over all that is wanted, in batches of a bounded size. */
static enum error go(struct sel4_memory *m, bool joining)
{
    struct sel4_want *joined = malloc(m->wants * sizeof(*joined));
    enum error e = joined ? ERR_OK : ERR_NO_MEMORY;
    size_t n = e == ERR_OK ? join(m, joining, joined) : 0;
    for (size_t i = 0; e == ERR_OK && i < n;) {
        size_t pieces = 0;
        size_t bytes = 0;
        size_t first = i;
        for (; i < n && (bytes == 0 || bytes + joined[i].len <= BATCH_BYTES); i++) {
            pieces += pieces_of(&joined[i], m->port->piece);
            bytes += joined[i].len;
        }
        e = some(m, joined + first, i - first, pieces, bytes);
    }
    free(joined);
    return e;
}

static void drop_what_is_here(struct sel4_memory *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->wants; i++) {
        if (!is_here(m, m->want[i].key, m->want[i].len))
            m->want[n++] = m->want[i];
    }
    m->wants = n;
}

/* Joined pieces that cannot be read are tried in their parts: only the gap between them may be what
 * is not there. */
enum error sel4_memory_fetch(struct sel4_memory *m)
{
    if (m->wants > 0 && m->error == ERR_OK) {
        qsort(m->want, m->wants, sizeof(*m->want), by_key);
        m->error = go(m, true);
        drop_what_is_here(m);
        if (m->error == ERR_OK && m->wants > 0)
            m->error = go(m, false);
    }
    m->wants = 0;
    return m->error;
}

/* --- reading --- */

static enum error copy_out(struct sel4_memory *m, uint64_t pa, uint8_t *buf, uint32_t len)
{
    while (len > 0) {
        uint32_t n = in_page(pa, len);
        const struct sel4_page *p = page_find(m, pa);
        if (!p || !is_marked(p, (uint32_t)(pa % SEL4_PAGE), n))
            return ERR_READ;
        memcpy(buf, p->bytes + pa % SEL4_PAGE, n);
        pa += n;
        buf += n;
        len -= n;
    }
    return ERR_OK;
}

static enum error read_at(struct sel4_memory *m, uint64_t pa, uint64_t va, void *buf, uint32_t len)
{
    if (len == 0 || copy_out(m, pa, buf, len) == ERR_OK)
        return ERR_OK;
    uint64_t at = pa;
    uint32_t n = whole(&at, len);
    want(m, at, va - (pa - at), n);
    enum error e = sel4_memory_fetch(m);
    return e != ERR_OK ? e : copy_out(m, pa, buf, len);
}

enum error sel4_memory_read(struct sel4_memory *m, uint64_t va, void *buf, uint32_t len)
{
    return read_at(m, sel4_memory_physical(m, va), va, buf, len);
}

enum error sel4_memory_read_physical(struct sel4_memory *m, uint64_t pa, void *buf, uint32_t len)
{
    return read_at(m, pa, virtual_of(m, pa), buf, len);
}

enum error sel4_memory_words(struct sel4_memory *m, uint64_t va, uint64_t *words, uint32_t count)
{
    uint8_t bytes[WORDS_AT_ONCE * 8];
    while (count > 0) {
        uint32_t n = count < WORDS_AT_ONCE ? count : WORDS_AT_ONCE;
        enum error e = sel4_memory_read(m, va, bytes, n * m->word);
        if (e != ERR_OK)
            return e;
        for (uint32_t i = 0; i < n; i++)
            words[i] = sel4_word(bytes + i * m->word, m->word);
        va += n * m->word;
        words += n;
        count -= n;
    }
    return ERR_OK;
}
