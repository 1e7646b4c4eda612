/* Standard input, output and error: three descriptors that no file of ours may get. */
#ifndef CAPSCOPE_LIB_HOST_STANDARD_H
#define CAPSCOPE_LIB_HOST_STANDARD_H

/* First of all in main().  Where one is closed (`capdb check RUN >&-`), the next file that is opened
 * would take its number, and what is meant for the terminal would be written into that file.  What
 * fills the place fails like the closed one: nothing can be read, and nothing written. */
void standard_reserve(void);

#endif
