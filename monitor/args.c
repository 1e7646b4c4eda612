/* Words, numbers, addresses and thread names of a command line. */
#include "monitor/args.h"

#include "monitor/out.h"
#include "monitor/places.h"
#include "monitor/view.h"

enum { TCB_ALIGN_MASK = (1 << TCB_BITS) - 1 };

/* Takes one word from *at, which stands on its first character, and ends it with NUL. */
static char *take_word(char **at)
{
    char *p = *at;
    char end = ' ';
    if (*p == '"')
        end = *p++;
    char *word = p;
    while (*p != '\0' && *p != end)
        p++;
    if (*p != '\0')
        *p++ = '\0';
    *at = p;
    return word;
}

enum error args_parse(struct args *a, const char *line)
{
    uint32_t n = 0;
    for (; line[n] != '\0'; n++) {
        if (n == ARGS_LINE - 1)
            return ERR_BOUND;
        a->text[n] = line[n] == '\t' ? ' ' : line[n];
    }
    a->text[n] = '\0';
    a->count = 0;
    a->name = NULL;
    char *at = a->text;
    for (;;) {
        while (*at == ' ')
            at++;
        if (*at == '\0')
            return ERR_OK;
        if (a->count == ARGS_MAX)
            return ERR_BOUND;
        char *word = take_word(&at);
        if (!a->name)
            a->name = word;
        else
            a->word[a->count++] = word;
    }
}

bool args_equal(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

bool args_is(const struct args *a, uint32_t i, const char *word)
{
    return i < a->count && args_equal(a->word[i], word);
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 99;
}

/* The whole of `s`, or false. */
static bool number_in(const char *s, uint32_t base, uint32_t *out)
{
    uint32_t v = 0;
    if (*s == '\0')
        return false;
    for (; *s != '\0'; s++) {
        uint32_t d = (uint32_t)digit_of(*s);
        if (d >= base || v > (UINT32_MAX - d) / base)
            return false;
        v = v * base + d;
    }
    *out = v;
    return true;
}

static bool has_hex_prefix(const char *s)
{
    return s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
}

enum error args_number(const struct args *a, uint32_t i, uint32_t *out_value)
{
    if (i >= a->count)
        return ERR_ARGUMENT;
    const char *s = a->word[i];
    if (has_hex_prefix(s) ? number_in(s + 2, 16, out_value) : number_in(s, 10, out_value))
        return ERR_OK;
    out("'%s' is not a number\n", s);
    return ERR_ARGUMENT;
}

/* What follows "slot:", "tcb:" ... */
static const char *after_prefix(const char *s)
{
    for (const char *p = s; *p >= 'a' && *p <= 'z'; p++)
        if (p[1] == ':')
            return p + 2;
    return s;
}

static bool address_in(const char *s, kaddr_t *address)
{
    uint32_t v;
    s = after_prefix(s);
    if (!number_in(has_hex_prefix(s) ? s + 2 : s, 16, &v))
        return false;
    *address = view_is_ram(v) ? v : kaddr_from_paddr(v);
    return true;
}

enum error args_address(const struct args *a, uint32_t i, kaddr_t *address)
{
    if (i >= a->count)
        return ERR_ARGUMENT;
    if (address_in(a->word[i], address))
        return ERR_OK;
    out("'%s' is not a hexadecimal address\n", a->word[i]);
    return ERR_ARGUMENT;
}

static bool is_tcb(kaddr_t address)
{
    for (uint32_t i = 0; i < places_count(); i++)
        if (places_at(i)->kind == PLACE_TCB && places_at(i)->base == address)
            return true;
    return false;
}

enum error args_thread(struct objwalk *w, const struct args *a, uint32_t i, kaddr_t *tcb)
{
    if (i >= a->count)
        return ERR_ARGUMENT;
    places_collect(w);
    kaddr_t found = places_thread_named(a->word[i]);
    if (found == 0 && address_in(a->word[i], &found) &&
        ((found & TCB_ALIGN_MASK) != 0 || !is_tcb(found)))
        found = 0;
    if (found == 0) {
        out("there is no thread '%s'; see `threads`\n", a->word[i]);
        return ERR_NOT_FOUND;
    }
    *tcb = found;
    return ERR_OK;
}
