/* Policy files: any bytes are read or refused by line and column; what was read is written as a file
 * that says the same. */
#include "authority/policy.h"
#include "tests/fuzz/text_file.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *written(const struct policy *p, size_t *size)
{
    char *text;
    FILE *f = open_memstream(&text, size);
    text_claim(f && policy_write(f, p), "a policy can be written");
    fclose(f);
    return text;
}

static enum error read_it(struct policy *p)
{
    struct authority_rules_fault fault = {0};
    enum error e = policy_read(text_path, p, &fault);
    text_claim(e != ERR_FORMAT || (fault.line && fault.column && fault.sentence[0]),
               "an error has a place and a sentence");
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy first = {0};
    struct policy second = {0};
    size_t one, two;
    text_put(data, size);
    if (read_it(&first) != ERR_OK)
        return 0;
    char *text = written(&first, &one);
    text_put(text, one);
    text_claim(read_it(&second) == ERR_OK, "what was written can be read");
    char *again = written(&second, &two);
    text_claim(one == two && memcmp(text, again, one) == 0, "and says the same");
    free(text);
    free(again);
    policy_free(&first);
    policy_free(&second);
    return 0;
}
