/* What reading a capDL file and checking it share. */
#ifndef CAPSCOPE_CAPDB_CAPDL_READ_H
#define CAPSCOPE_CAPDB_CAPDL_READ_H

#include "capdb/capdl_words.h"

enum { CAPDL_IRQS = 1024 };

struct capdl_member {
    struct capdl_where where;
    char *name;
    int32_t untyped;
};

struct capdl_reader {
    struct capdl_words words;
    struct capdl_spec *spec;
    struct capdl_member *member;
    int32_t *by_name; /* objects, once all are declared */
    uint32_t members;
    size_t object_room, cap_room, member_room;
    uint32_t order;          /* of children, so far */
    int32_t irq[CAPDL_IRQS]; /* by number: one more than the object, 0: none */
};

/* How many slots or entries an object has; 0: it holds nothing. */
uint64_t capdl_slots(const struct capdl_reader *r, const struct capdl_object *o);
/* CAPDL_NONE when there is none. */
int32_t capdl_find(const struct capdl_reader *r, const char *name);

/* Each ERR_FORMAT with what is wrong. Names, once all objects are declared: */
enum error capdl_link_objects(struct capdl_reader *r);
/* One capability by itself; */
enum error capdl_check_cap(const struct capdl_reader *r, const struct capdl_cap *c);
/* all of them, which are sorted; */
enum error capdl_sort_caps(struct capdl_reader *r);
enum error capdl_set_irq(struct capdl_reader *r, int32_t object, uint64_t number,
                         struct capdl_where where);
/* what only the whole shows. */
enum error capdl_check_whole(struct capdl_reader *r);

#endif
