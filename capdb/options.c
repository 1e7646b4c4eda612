/* The options of the command line. */
#include "capdb/options.h"

#include "capdb/nearest.h"
#include "capdb/output.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum kind { FLAG, TEXT, NUMBER, SECONDS, JSON, HELP };

static const struct known {
    const char *name;
    enum kind kind;
    size_t field; /* in struct options, of the kind's type */
} known[] = {
#define FIELD(f) offsetof(struct options, f)
    {"at", TEXT, FIELD(at_text)},
    {"from", TEXT, FIELD(from_text)},
    {"to", TEXT, FIELD(to_text)},
    {"all", FLAG, FIELD(all)},
    {"every", SECONDS, FIELD(every)},
    {"patience", SECONDS, FIELD(patience)},
    {"on-change", FLAG, FIELD(on_change)},
    {"count", NUMBER, FIELD(count)},
    {"events", FLAG, FIELD(events)},
    {"domains", TEXT, FIELD(domains)},
    {"format", TEXT, FIELD(format)},
    {"name", TEXT, FIELD(name)},
    {"policy", TEXT, FIELD(policy)},
    {"junit", TEXT, FIELD(junit)},
    {"strict", FLAG, FIELD(strict)},
    {"explain", FLAG, FIELD(explain)},
    {"flow", FLAG, FIELD(flow)},
    {"kernel", TEXT, FIELD(kernel)},
    {"layout", TEXT, FIELD(layout)},
    {"same-machine", FLAG, FIELD(same_machine)},
    {"around", TEXT, FIELD(around)},
    {"depth", NUMBER, FIELD(depth)},
    {"output", TEXT, FIELD(output)},
    {"json", JSON, 0},
    {"help", HELP, 0},
#undef FIELD
};
enum { KNOWN = sizeof(known) / sizeof(*known), FIRST_CODE = 256 };
_Static_assert((int)KNOWN <= (int)OPTIONS_MAX, "each option fits into what was given");

static bool read_number(const char *name, const char *text, uint32_t *out)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    *out = (uint32_t)value;
    if (*text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && value > 0 &&
        value < UINT32_MAX)
        return true;
    command_complain(NULL, "--%s %s: not a positive number", name, text);
    return false;
}

static bool read_seconds(const char *name, const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    if (end != text && *end == '\0' && isfinite(*out) && *out >= 0 && *out < 1e9)
        return true;
    command_complain(NULL, "--%s %s: not a number of seconds", name, text);
    return false;
}

static bool take(const struct known *k, struct options *o, struct options_given *given)
{
    void *field = (char *)o + k->field;
    switch (k->kind) {
    case FLAG:
        *(bool *)field = true;
        return true;
    case TEXT:
        *(const char **)field = optarg;
        return true;
    case NUMBER:
        return read_number(k->name, optarg, field);
    case SECONDS:
        return read_seconds(k->name, optarg, field);
    case JSON:
        output_default = OUTPUT_JSON;
        return true;
    case HELP:
        given->help = true;
        return true;
    }
    return false;
}

static void as_getopt_has_them(struct option out[KNOWN + 1])
{
    for (int i = 0; i < KNOWN; i++) {
        bool alone = known[i].kind == FLAG || known[i].kind == JSON || known[i].kind == HELP;
        out[i] = (struct option){known[i].name, alone ? no_argument : required_argument, NULL,
                                 FIRST_CODE + i};
    }
    out[KNOWN] = (struct option){NULL, 0, NULL, 0};
}

static const struct known *known_as(const char *name)
{
    for (int i = 0; i < KNOWN; i++)
        if (strcmp(known[i].name, name) == 0)
            return &known[i];
    return NULL;
}

static const struct known *of_code(int code)
{
    if (code == 'o')
        return known_as("output");
    if (code == 'h')
        return known_as("help");
    return code >= FIRST_CODE ? &known[code - FIRST_CODE] : NULL;
}

static bool refuse(int code, const char *word)
{
    struct nearest near = {.wanted = word + strspn(word, "-")};
    for (int i = 0; i < KNOWN; i++)
        nearest_offer(&near, known[i].name);
    if (code == ':')
        command_complain(NULL, "%s: a value is missing", word);
    else if (word[1] >= '0' && word[1] <= '9')
        command_complain(NULL, "no option %s; an operand that begins with - goes behind --", word);
    else if (near.best)
        command_complain(NULL, "no option %s; did you mean --%s?", word, near.best);
    else
        command_complain(NULL, "no option %s; capdb --help lists them", word);
    return false;
}

/* Of two values neither is the one that was meant. */
static bool note(const struct known *k, struct options_given *given)
{
    bool again = options_were_given(given, k->name);
    if (!again)
        given->name[given->count++] = k->name;
    else if (k->kind != FLAG && k->kind != JSON)
        return command_complain(NULL, "--%s is given twice", k->name), false;
    return true;
}

bool options_read(int argc, char **argv, struct options *o, struct options_given *given)
{
    struct option list[KNOWN + 1];
    int code;
    as_getopt_has_them(list);
    *given = (struct options_given){.count = 0};
    optind = 0; /* begins anew */
    opterr = 0;
    while ((code = getopt_long(argc, argv, ":ho:", list, NULL)) != -1) {
        const struct known *k = of_code(code);
        char letter[] = {'-', (char)optopt, '\0'};
        if (!k) /* of letters that stand together the word behind them is not read yet */
            return refuse(code, code == '?' && optopt ? letter : argv[optind - 1]);
        if (!take(k, o, given))
            return false;
        if (k->kind != HELP && !note(k, given))
            return false;
    }
    return true;
}

bool options_were_given(const struct options_given *given, const char *name)
{
    for (uint32_t i = 0; i < given->count; i++)
        if (strcmp(given->name[i], name) == 0)
            return true;
    return false;
}
