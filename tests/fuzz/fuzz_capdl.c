/* capDL specifications: any bytes are imported or refused by line and column; what was imported can
 * be analysed and exported; what leaves out nothing is imported again as the same. */
#include "authority/authority.h"
#include "capdb/capdl.h"
#include "capdb/export.h"
#include "tests/fuzz/text_file.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An object without a capability is left out, and what it holds with it. */
static bool is_held(const struct capdl_spec *spec, int32_t object)
{
    for (uint32_t i = 0; i < spec->caps; i++)
        if (spec->cap[i].object == object)
            return true;
    return false;
}

static bool leaves_out_nothing(const struct capdl_spec *spec)
{
    for (uint32_t i = 0; i < spec->objects; i++)
        if (!is_held(spec, (int32_t)i))
            return false;
    return true;
}

static enum error import(struct capstate *s, bool *whole)
{
    struct capdl_spec spec = {0};
    struct capdl_fault fault = {0};
    uint32_t kept;
    enum error e = capdl_read(text_path, &spec, &fault);
    text_claim(e != ERR_FORMAT || (fault.where.line && fault.where.column && fault.sentence[0]),
               "an error has a place and a sentence");
    if (e == ERR_OK)
        e = capdl_place(&spec, &fault);
    *whole = e == ERR_OK && leaves_out_nothing(&spec);
    if (e == ERR_OK)
        e = capdl_keep_threads(&spec, &kept);
    if (e == ERR_OK)
        e = capdl_state(&spec, s);
    *whole = *whole && e == ERR_OK;
    capdl_free(&spec);
    return e;
}

static void analyse(const struct capstate *s)
{
    struct authority a;
    struct authority_verdict v;
    if (authority_build(s, NULL, &a) != ERR_OK)
        return;
    if (authority_check(&a, false, &v) == ERR_OK)
        authority_verdict_free(&v);
    authority_free(&a);
}

static char *exported(const struct capstate *s, size_t *size)
{
    char *text;
    FILE *f = open_memstream(&text, size);
    text_claim(f && export_capdl(f, s) == ERR_OK, "what was imported can be exported");
    fclose(f);
    return text;
}

static void again(const struct capstate *s, bool whole)
{
    struct capstate second;
    bool second_whole;
    size_t one, two;
    char *text = exported(s, &one);
    text_put(text, one);
    capstate_init(&second);
    text_claim(import(&second, &second_whole) == ERR_OK, "what was exported can be imported");
    char *other = exported(&second, &two);
    text_claim(!whole || (one == two && memcmp(text, other, one) == 0), "and is the same");
    free(text);
    free(other);
    capstate_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct capstate s;
    bool whole;
    text_put(data, size);
    capstate_init(&s);
    if (import(&s, &whole) == ERR_OK) {
        analyse(&s);
        again(&s, whole);
    }
    capstate_free(&s);
    return 0;
}
