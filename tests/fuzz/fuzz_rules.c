/* Files of domain rules: any bytes are read or refused by line and column; a rule that was read has
 * a pattern and a domain, and a domain is trusted by all its rules or by none. */
#include "authority/authority.h"
#include "tests/fuzz/text_file.h"

#include <fnmatch.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_rule(const struct authority_rules *rules, uint32_t at)
{
    const struct authority_rule *r = &rules->rules[at];
    text_claim(r->pattern[0] && r->domain[0], "a rule has a pattern and a domain");
    fnmatch(r->pattern, "guest/init", 0);
    for (uint32_t i = 0; i < at; i++)
        text_claim(strcmp(rules->rules[i].domain, r->domain) != 0 ||
                       rules->rules[i].trusted == r->trusted,
                   "a domain is trusted or it is not");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct authority_rules rules = {0};
    struct authority_rules_fault fault = {0};
    text_put(data, size);
    enum error e = authority_rules_read(text_path, &rules, &fault);
    text_claim(e != ERR_FORMAT || (fault.line && fault.column && fault.sentence[0]),
               "an error has a place and a sentence");
    for (uint32_t i = 0; e == ERR_OK && i < rules.count; i++)
        check_rule(&rules, i);
    authority_rules_free(&rules);
    return 0;
}
