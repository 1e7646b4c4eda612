/* A reader for the kernel's description of its bit fields. */
#include "objwalk/sel4/description.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 48, TERMS_MAX = 64, BITS_MAX = 4096, FIELDS_MAX = 64 };

struct token {
    const char *at;
    size_t len;
};

struct reader {
    const char *at;
    const char *end;
    struct token token;
    unsigned line;
    const char *why; /* NULL: no error so far */
    /* of the last `base` */
    unsigned word_bits;
    unsigned canonical;
    bool sign;
};

/* A block as it stands in the description; bits count from its top. */
struct parsed_field {
    char name[NAME_MAX_BYTES];
    unsigned from_top; /* of its highest bit */
    unsigned width;
    bool high;
};

struct parsed_block {
    char name[NAME_MAX_BYTES];
    unsigned bits;
    unsigned fields;
    struct parsed_field field[FIELDS_MAX];
};

/* What the description says of the blocks we know, before it is laid over the table. */
struct found {
    struct sel4_block block[SEL4_BLOCKS];
    bool there[SEL4_BLOCKS];
    bool tagged;        /* a union of capabilities was met */
    unsigned word_bits; /* of it: other blocks may have others */
};

/* --- tokens --- */

static void fail(struct reader *r, const char *why)
{
    if (!r->why)
        r->why = why;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static void skip_line(struct reader *r)
{
    while (r->at < r->end && *r->at != '\n')
        r->at++;
}

static void skip_blank(struct reader *r)
{
    while (r->at < r->end) {
        if (*r->at == '#' || (*r->at == '-' && r->end - r->at > 1 && r->at[1] == '-'))
            skip_line(r);
        else if (is_space(*r->at))
            r->line += *r->at++ == '\n';
        else
            return;
    }
}

/* false: at the end. */
static bool next(struct reader *r)
{
    skip_blank(r);
    r->token = (struct token){.at = r->at};
    if (r->at == r->end)
        return false;
    if (!is_word(*r->at))
        r->at++;
    else
        while (r->at < r->end && is_word(*r->at))
            r->at++;
    r->token.len = (size_t)(r->at - r->token.at);
    return true;
}

static bool token_is(const struct reader *r, const char *text)
{
    return r->token.len == strlen(text) && memcmp(r->token.at, text, r->token.len) == 0;
}

/* Is that the next token? It is then taken. */
static bool accept(struct reader *r, const char *text)
{
    struct reader before = *r;
    if (next(r) && token_is(r, text))
        return true;
    *r = before;
    return false;
}

static void expect(struct reader *r, const char *text, const char *why)
{
    if (!r->why && !accept(r, text))
        fail(r, why);
}

static void take_name(struct reader *r, char *out)
{
    out[0] = '\0';
    if (!next(r) || !is_word(*r->token.at) || r->token.len >= NAME_MAX_BYTES)
        fail(r, "a name is missing");
    else
        (void)snprintf(out, NAME_MAX_BYTES, "%.*s", (int)r->token.len, r->token.at);
}

/* --- numbers --- */

static unsigned digits(struct reader *r, unsigned base, size_t from)
{
    unsigned v = 0;
    for (size_t i = from; i < r->token.len; i++) {
        char c = r->token.at[i];
        unsigned d = c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
        if (d >= base || v > 0xffffff)
            fail(r, "a number is missing");
        v = v * base + d;
    }
    return v;
}

static unsigned term(struct reader *r)
{
    if (!next(r)) {
        fail(r, "a number is missing");
        return 0;
    }
    if (token_is(r, "word_size"))
        return r->word_bits;
    if (token_is(r, "canonical_size"))
        return r->canonical;
    if (!is_word(*r->token.at)) {
        fail(r, "a number is missing");
        return 0;
    }
    bool hex = r->token.len > 2 && r->token.at[0] == '0' && (r->token.at[1] | 0x20) == 'x';
    return hex ? digits(r, 16, 2) : digits(r, 10, 0);
}

static unsigned product(struct reader *r)
{
    unsigned v = term(r);
    for (unsigned i = 0; i < TERMS_MAX && !r->why && accept(r, "*"); i++)
        v *= term(r);
    return v;
}

/* Sums of products: the description has no other arithmetic. Parentheses around it are taken. */
static unsigned number(struct reader *r)
{
    bool parenthesis = accept(r, "(");
    unsigned v = product(r);
    for (unsigned i = 0; i < TERMS_MAX && !r->why; i++) {
        if (accept(r, "+"))
            v += product(r);
        else if (accept(r, "-"))
            v -= product(r);
        else
            break;
    }
    if (parenthesis)
        expect(r, ")", "a parenthesis is not closed");
    return v;
}

static unsigned bits_number(struct reader *r)
{
    unsigned v = number(r);
    if (v > BITS_MAX)
        fail(r, "a width makes no sense");
    return r->why ? 0 : v;
}

/* --- blocks --- */

static void skip_parameters(struct reader *r)
{
    if (!accept(r, "("))
        return;
    while (next(r)) {
        if (token_is(r, ")"))
            return;
    }
    fail(r, "a parenthesis is not closed");
}

static void add_field(struct reader *r, struct parsed_block *b, const char *name, unsigned width,
                      bool high)
{
    if (b->fields == FIELDS_MAX || b->bits + width > BITS_MAX) {
        fail(r, "a block has too many fields");
        return;
    }
    struct parsed_field *f = &b->field[b->fields++];
    (void)snprintf(f->name, sizeof(f->name), "%s", name);
    f->from_top = b->bits;
    f->width = width;
    f->high = high;
    b->bits += width;
}

/* field_ptr(A) NAME N */
static void pointer_field(struct reader *r, struct parsed_block *b)
{
    unsigned align = 0;
    char name[NAME_MAX_BYTES];
    if (accept(r, "(")) {
        align = bits_number(r);
        expect(r, ")", "a parenthesis is not closed");
    }
    take_name(r, name);
    unsigned n = bits_number(r);
    if (r->why)
        return;
    if (align > r->canonical || n + align < r->canonical) {
        fail(r, "a pointer field is too short");
        return;
    }
    b->bits += n + align - r->canonical;
    add_field(r, b, name, r->canonical - align, true);
}

static void plain_field(struct reader *r, struct parsed_block *b, bool high)
{
    char name[NAME_MAX_BYTES];
    take_name(r, name);
    unsigned n = bits_number(r);
    if (!r->why && high && n > r->canonical)
        fail(r, "a high field is wider than a pointer");
    if (!r->why)
        add_field(r, b, name, n, high);
}

static void block_item(struct reader *r, struct parsed_block *b)
{
    if (accept(r, "padding"))
        b->bits += bits_number(r);
    else if (accept(r, "field_high"))
        plain_field(r, b, true);
    else if (accept(r, "field_ptr"))
        pointer_field(r, b);
    else if (accept(r, "field"))
        plain_field(r, b, false);
    else
        fail(r, "padding, field, field_high, field_ptr or } is missing");
    if (b->bits > BITS_MAX)
        fail(r, "a block is too long");
}

static void parse_block(struct reader *r, struct parsed_block *b)
{
    *b = (struct parsed_block){0};
    take_name(r, b->name);
    skip_parameters(r);
    expect(r, "{", "{ is missing");
    while (!r->why && !accept(r, "}"))
        block_item(r, b);
    if (!r->why && (r->word_bits == 0 || b->bits % r->word_bits != 0))
        fail(r, "the fields of a block do not fill its words");
}

/* --- what we know of it --- */

/* The kind that the description calls so; SEL4_BLOCKS: none. */
static size_t block_named(const char *name)
{
    static const char cap[] = "_cap";
    size_t len = strlen(name);
    for (size_t k = 0; k < SEL4_BLOCKS; k++) {
        const char *ours = sel4_block_name((enum sel4_block_kind)k);
        size_t n = strlen(ours);
        if (k < SEL4_CAPS ? len == n + sizeof(cap) - 1 && memcmp(name, ours, n) == 0 &&
                                strcmp(name + n, cap) == 0
                          : strcmp(name, ours) == 0)
            return k;
    }
    return SEL4_BLOCKS;
}

static const struct sel4_field *field_named(const struct sel4_block *b, const char *name)
{
    for (size_t i = 0; i < b->fields; i++) {
        if (strcmp(b->field[i].name, name) == 0)
            return &b->field[i];
    }
    return NULL;
}

static struct sel4_field place(const struct reader *r, const struct parsed_block *b,
                               const struct parsed_field *p, size_t kind)
{
    unsigned low = b->bits - p->from_top - p->width;
    return (struct sel4_field){
        .word = (uint8_t)(low / r->word_bits + (kind == SEL4_BLOCK_MDB ? 2 : 0)),
        .low = (uint8_t)(low % r->word_bits),
        .width = (uint8_t)p->width,
        .shift = (uint8_t)(p->high ? r->canonical - p->width : 0),
        .sign = (uint8_t)(p->high && r->sign ? r->canonical : 0),
    };
}

/* A field must lie in one of the words that a walker reads. */
static bool fits(const struct sel4_field *f, const struct reader *r, size_t kind)
{
    unsigned words = kind < SEL4_CAPS ? 2 : kind == SEL4_BLOCK_MDB ? 4 : 8;
    return f->width > 0 && f->width <= r->word_bits && f->word < words &&
           f->low + f->width <= (int)r->word_bits;
}

static void take_block(struct reader *r, const struct parsed_block *p,
                       const struct sel4_block *built_in, struct found *found)
{
    size_t kind = block_named(p->name);
    if (r->why || kind == SEL4_BLOCKS)
        return;
    struct sel4_block *out = &found->block[kind];
    *out = (struct sel4_block){.tag = SEL4_NO_TAG};
    for (unsigned i = 0; i < p->fields; i++) {
        const struct sel4_field *ours = field_named(&built_in[kind], p->field[i].name);
        if (!ours || out->fields == SEL4_BLOCK_FIELDS)
            continue;
        struct sel4_field f = place(r, p, &p->field[i], kind);
        if (!fits(&f, r, kind)) {
            fail(r, "a field does not lie within one word");
            return;
        }
        f.role = ours->role;
        memcpy(f.name, ours->name, sizeof(f.name));
        out->field[out->fields++] = f;
    }
    found->there[kind] = true;
}

/* --- unions --- */

static void union_tag(struct reader *r, bool caps, struct found *found)
{
    char name[NAME_MAX_BYTES];
    take_name(r, name);
    struct reader value_at = *r;
    bool several = accept(r, "("); /* of unions with more than one tag, not of capabilities */
    *r = value_at;
    if (several)
        skip_parameters(r);
    unsigned value = several ? 0 : number(r);
    size_t kind = block_named(name);
    if (!r->why && caps && !several && kind < SEL4_CAPS)
        found->block[kind].tag = (uint16_t)(value & 0xfff);
}

static void union_item(struct reader *r, bool caps, struct found *found)
{
    if (accept(r, "mask")) {
        (void)number(r);
        (void)number(r);
    } else if (accept(r, "tag")) {
        union_tag(r, caps, found);
    } else {
        fail(r, "tag, mask or } is missing");
    }
}

static void parse_union(struct reader *r, struct found *found)
{
    char name[NAME_MAX_BYTES];
    char tag[NAME_MAX_BYTES];
    take_name(r, name);
    take_name(r, tag);
    skip_parameters(r);
    expect(r, "{", "{ is missing");
    bool caps = strcmp(name, "cap") == 0;
    found->tagged = found->tagged || caps;
    found->word_bits = caps ? r->word_bits : found->word_bits;
    while (!r->why && !accept(r, "}"))
        union_item(r, caps, found);
}

static void parse_base(struct reader *r)
{
    r->word_bits = bits_number(r);
    r->canonical = r->word_bits;
    r->sign = false;
    if (accept(r, "(")) {
        r->canonical = bits_number(r);
        expect(r, ",", "a comma is missing");
        r->sign = number(r) != 0;
        expect(r, ")", "a parenthesis is not closed");
    }
    if ((r->word_bits != 32 && r->word_bits != 64) || r->canonical == 0 ||
        r->canonical > r->word_bits)
        fail(r, "the word size makes no sense");
}

static void parse_item(struct reader *r, const struct sel4_block *built_in, struct found *found)
{
    struct parsed_block b;
    if (accept(r, "base"))
        parse_base(r);
    else if (accept(r, "tagged_union"))
        parse_union(r, found);
    else if (accept(r, "block")) {
        parse_block(r, &b);
        take_block(r, &b, built_in, found);
    } else
        fail(r, "base, block or tagged_union is missing");
}

/* --- laying it over the table --- */

struct laying {
    sel4_tell tell;
    void *ctx;
    struct sel4_description *out;
};

static void differ(struct laying *l, const char *text)
{
    l->out->differences++;
    if (l->tell)
        l->tell(l->ctx, text);
}

static void field_text(const struct sel4_field *f, char *buf, size_t size)
{
    if (!f)
        (void)snprintf(buf, size, "absent");
    else
        (void)snprintf(buf, size, "word %u [%u:%u]<<%u", f->word, f->low + f->width - 1u, f->low,
                       f->shift);
}

static void compare_field(struct laying *l, size_t kind, const struct sel4_field *ours,
                          const struct sel4_field *theirs)
{
    char text[200];
    char a[48];
    char b[48];
    /* of SMMUs and virtual machines: kernels without these do not have them */
    bool optional = ours->role == SEL4_CB_NUMBER || ours->role == SEL4_VPID;
    if (!theirs ? optional : sel4_field_same(ours, theirs))
        return;
    field_text(ours, a, sizeof(a));
    field_text(theirs, b, sizeof(b));
    (void)snprintf(text, sizeof(text), "%s.%s: %s in the description, %s in the built-in table",
                   sel4_block_name((enum sel4_block_kind)kind), ours->name, b, a);
    differ(l, text);
}

static void compare(struct laying *l, size_t kind, const struct sel4_block *ours,
                    const struct sel4_block *theirs)
{
    char text[120];
    if (kind < SEL4_CAPS && ours->tag != theirs->tag && theirs->tag != SEL4_NO_TAG) {
        (void)snprintf(text, sizeof(text),
                       "%s: type %u in the description, %u in the built-in table",
                       sel4_block_name((enum sel4_block_kind)kind), theirs->tag, ours->tag);
        differ(l, text);
    }
    for (size_t i = 0; i < ours->fields; i++)
        compare_field(l, kind, &ours->field[i],
                      sel4_block_field(theirs, (enum sel4_role)ours->field[i].role));
}

static void lay(struct laying *l, struct sel4_block *block, const struct found *found)
{
    for (size_t k = 0; k < SEL4_BLOCKS; k++) {
        if (!found->there[k]) {
            if (k < SEL4_CAPS && found->tagged)
                block[k].tag = SEL4_NO_TAG; /* this kernel has no such type */
            continue;
        }
        compare(l, k, &block[k], &found->block[k]);
        block[k] = found->block[k];
        l->out->blocks++;
    }
}

enum error sel4_description_apply(const char *text, size_t len, enum sel4_arch arch,
                                  struct sel4_block *block, sel4_tell tell, void *ctx,
                                  struct sel4_description *out)
{
    struct reader r = {.at = text, .end = text + len, .line = 1};
    *out = (struct sel4_description){0};
    struct found *found = calloc(1, sizeof(*found));
    if (!found)
        return ERR_NO_MEMORY;
    for (size_t k = 0; k < SEL4_BLOCKS; k++)
        found->block[k].tag = SEL4_NO_TAG;
    while (!r.why && (skip_blank(&r), r.at < r.end))
        parse_item(&r, block, found);
    enum error e = ERR_OK;
    if (!r.why && !found->tagged)
        fail(&r, "no union of capabilities is in it");
    if (r.why)
        e = ERR_FORMAT;
    else if (found->word_bits != (arch == SEL4_AARCH32 ? 32 : 64))
        e = ERR_LAYOUT;
    out->line = r.line;
    out->why = e == ERR_LAYOUT ? "it describes a kernel of another word size" : r.why;
    if (e == ERR_OK)
        lay(&(struct laying){.tell = tell, .ctx = ctx, .out = out}, block, found);
    free(found);
    return e;
}
