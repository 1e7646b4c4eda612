/* Keys of references. */
#include "inspector-tui/ref.h"

/* Mixes well enough that two things of one sample do not share a key (splitmix64's finisher). */
static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

uint64_t ref_key(const struct ref *r)
{
    uint64_t x = mix(r->addr + 0x9e3779b97f4a7c15u * ((uint64_t)r->kind + 1));
    x = mix(x ^ r->of);
    x = mix(x ^ r->extra);
    return x ? x : 1;
}

uint64_t ref_hash(const char *text)
{
    uint64_t hash = 5381;
    for (; *text; text++)
        hash = hash * 33 + (uint8_t)*text;
    return hash;
}
