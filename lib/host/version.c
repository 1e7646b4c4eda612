/* The Makefile says which commit it is, and compiles this file again when it has become another. */
#include "lib/host/version.h"

const char host_version[] = CAPSCOPE_BUILD;
