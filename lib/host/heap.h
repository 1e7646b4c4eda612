/* Memory for a program that takes some megabytes once, answers and ends. */
#ifndef CAPSCOPE_LIB_HOST_HEAP_H
#define CAPSCOPE_LIB_HOST_HEAP_H

/* Before most of it is taken. Where there is not so much of it, or no page of 2 MiB, all is as before. */
void heap_in_large_pages(void);

#endif
