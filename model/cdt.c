/* The derivation tree: parents and ordered children, told by the operations and never computed
 * (9.2). */
#include "model/model.h"

static void link_siblings(struct model_slot *parent, struct model_slot *left,
                          struct model_slot *right)
{
    if (left)
        left->right = right;
    else
        parent->first_child = right;
    if (right)
        right->left = left;
    else
        parent->last_child = left;
}

static void put_between(struct model_slot *parent, struct model_slot *left, struct model_slot *s,
                        struct model_slot *right)
{
    s->parent = parent;
    s->left = left;
    s->right = right;
    link_siblings(parent, left, s);
    link_siblings(parent, s, right);
}

void model_cdt_root(struct model *m, struct model_slot *s)
{
    put_between(&m->forest, m->forest.last_child, s, NULL);
}

void model_cdt_child(struct model_slot *parent, struct model_slot *s)
{
    put_between(parent, NULL, s, parent->first_child);
}

void model_cdt_after(struct model_slot *sibling, struct model_slot *s)
{
    put_between(sibling->parent, sibling, s, sibling->right);
}

static void adopt_children(struct model_slot *from, struct model_slot *parent)
{
    for (struct model_slot *c = from->first_child; c; c = c->right)
        c->parent = parent;
}

static void forget_links(struct model_slot *s)
{
    s->parent = s->left = s->right = s->first_child = s->last_child = NULL;
}

void model_cdt_remove(struct model_slot *s)
{
    struct model_slot *parent = s->parent;
    if (s->first_child) {
        adopt_children(s, parent);
        link_siblings(parent, s->left, s->first_child);
        link_siblings(parent, s->last_child, s->right);
    } else {
        link_siblings(parent, s->left, s->right);
    }
    forget_links(s);
}

void model_cdt_move(struct model_slot *to, struct model_slot *from)
{
    put_between(from->parent, from->left, to, from->right);
    to->first_child = from->first_child;
    to->last_child = from->last_child;
    adopt_children(from, to);
    forget_links(from);
}

bool model_cdt_has_children(const struct model_slot *s)
{
    return s->first_child;
}

struct model_slot *model_cdt_next(const struct model *m, const struct model_slot *s)
{
    if (s->first_child)
        return s->first_child;
    while (s != &m->forest && !s->right)
        s = s->parent;
    return s == &m->forest ? NULL : s->right;
}
