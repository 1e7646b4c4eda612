/* Which build of capscope's programs this is. */
#ifndef CAPSCOPE_LIB_HOST_VERSION_H
#define CAPSCOPE_LIB_HOST_VERSION_H

/* The commit as `git describe` names it, "unknown" outside a repository. */
extern const char host_version[];

#endif
