/* capDL specifications: any bytes are imported or refused by line and column; what was imported can
 * be analysed and exported, and what was exported is imported again as the same. */
#include "authority/authority.h"
#include "capdb/capdl.h"
#include "capdb/export.h"
#include "tests/fuzz/text_file.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum error import(struct capstate *s)
{
    struct capdl_spec spec = {0};
    struct capdl_fault fault = {0};
    uint32_t kept;
    enum error e = capdl_read(text_path, &spec, &fault);
    text_claim(e != ERR_FORMAT || (fault.where.line && fault.where.column && fault.sentence[0]),
               "an error has a place and a sentence");
    if (e == ERR_OK)
        e = capdl_place(&spec, &fault);
    if (e == ERR_OK)
        e = capdl_keep(&spec, &kept, &fault);
    if (e == ERR_OK)
        e = capdl_state(&spec, s);
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

static void again(const struct capstate *s)
{
    struct capstate second;
    size_t one, two;
    char *text = exported(s, &one);
    text_put(text, one);
    capstate_init(&second);
    text_claim(import(&second) == ERR_OK, "what was exported can be imported");
    char *other = exported(&second, &two);
    text_claim(one == two && memcmp(text, other, one) == 0, "and is the same");
    free(text);
    free(other);
    capstate_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct capstate s;
    text_put(data, size);
    capstate_init(&s);
    if (import(&s) == ERR_OK) {
        analyse(&s);
        again(&s);
    }
    capstate_free(&s);
    return 0;
}
