/* UTF-8 (RFC 3629) from strangers: which bytes may be shown as they are. */
#ifndef CAPSCOPE_LIB_UTF8_H
#define CAPSCOPE_LIB_UTF8_H

#include <stdint.h>

/* Bytes of the character that begins at `bytes` if it can be shown: well formed, no control
 * character (C0, DEL, C1), nothing that turns the direction of writing or is invisible.  0 for
 * anything else. */
uint32_t utf8_printable(const char *bytes, uint32_t length);
/* The same for any well-formed character. */
uint32_t utf8_character(const char *bytes, uint32_t length);

/* The printable form of `length` hostile bytes: characters as above but backslash stand for
 * themselves, any other byte becomes \xNN. Returns the untruncated length; never cuts a character.
 */
uint32_t utf8_escape(char *buf, uint32_t size, const char *bytes, uint32_t length);

#endif
