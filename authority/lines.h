/* Text files of short lines that people write: words, quotes, comments, and where a line is wrong.
 *
 * '#' at the beginning of a word begins a comment.  A word with blanks stands in double quotes, in
 * which \" and \\ stand for themselves.  A byte-order mark and CR LF are accepted. */
#ifndef CAPSCOPE_AUTHORITY_LINES_H
#define CAPSCOPE_AUTHORITY_LINES_H

#include "authority/authority.h"

struct line_word {
    char *text;      /* within the line, which is changed; NULL: the line ends here */
    uint32_t column; /* where it begins */
    uint32_t inside; /* where its text begins: behind a quote */
};

struct line_parser {
    char *line;
    char *at;
    struct authority_rules_fault *fault;
};

/* Puts the sentence into the fault; always ERR_FORMAT. */
enum error line_refuse(const struct line_parser *p, uint32_t column, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The next word. ERR_FORMAT. */
enum error line_next_word(struct line_parser *p, struct line_word *out);

/* Calls `take` with every line. ERR_IO (*fault has the sentence, and line 0), ERR_FORMAT, or what
 * `take` gives; after the last two *fault tells the line. */
typedef enum error (*line_taker)(void *ctx, struct line_parser *p);
enum error lines_read(const char *path, line_taker take, void *ctx,
                      struct authority_rules_fault *fault);

#endif
