/* The words of a capDL file, and how a list of parameters is written. */
#ifndef CAPSCOPE_CAPDB_CAPDL_WORDS_H
#define CAPSCOPE_CAPDB_CAPDL_WORDS_H

#include "capdb/capdl.h"

enum { CAPDL_WORD = 128 };

enum capdl_token { TOKEN_END, TOKEN_NAME, TOKEN_NUMBER, TOKEN_SIGN };

/* The token at hand, and what is behind it. */
struct capdl_words {
    const char *at, *end;
    const char *line_start;
    uint32_t line;
    enum capdl_token token;
    struct capdl_where where;
    char name[CAPDL_WORD];
    uint64_t number;
    char sign;
    /* the first comment between the token before and this one, if it stands on the former's line */
    char comment[RECORD_STRING_MAX * 4 + 1];
    bool commented;
    char root_thread[CAPDL_WORD]; /* as a line `-- root_thread NAME` says */
    struct capdl_where root_where;
    struct capdl_fault *fault;
};

/* Begins with the first token. ERR_FORMAT. */
enum error words_begin(struct capdl_words *w, const char *text, size_t length,
                       struct capdl_fault *fault);
enum error words_next(struct capdl_words *w);
bool words_is(const struct capdl_words *w, char sign);
bool words_is_name(const struct capdl_words *w, const char *name);
/* Takes a sign, a name or a number and goes on; or tells what was expected. */
enum error words_take(struct capdl_words *w, char sign);
enum error words_take_name(struct capdl_words *w, char name[CAPDL_WORD]);
enum error words_take_word(struct capdl_words *w, const char *name);
enum error words_take_number(struct capdl_words *w, uint64_t most, uint64_t *number);
/* A comma or semicolon, if there is one. */
enum error words_skip_divider(struct capdl_words *w);
enum error words_unexpected(const struct capdl_words *w, const char *expected);

#endif
