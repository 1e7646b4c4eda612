/* What a capability of each type conveys to its holder: the one table the analysis knows of types.
 *
 * A type that is not in it, one of a kernel to come, counts as control: that errs towards a breach,
 * never away from one, and authority_check() says that it did. */
#ifndef CAPSCOPE_AUTHORITY_CONVEYS_H
#define CAPSCOPE_AUTHORITY_CONVEYS_H

#include "capstate/capstate.h"

enum authority_conveys {
    CONVEYS_NOTHING, /* the holder gets at nothing by it */
    CONVEYS_CONTROL, /* everything the target is and holds: holder and target are one */
    CONVEYS_FLOW,    /* information, as the rights say */
    CONVEYS_CHANNEL, /* an endpoint: information, and capabilities where both ends allow it */
    CONVEYS_REPLY,   /* an answer: control of the caller if capabilities can go with it */
};

enum authority_conveys authority_conveys(uint32_t type);
/* false: the type is not in the table. */
bool authority_knows_type(uint32_t type);
/* Can two domains break isolation by holding the same object of this type, whatever the rights? */
bool authority_type_is_exclusive(uint32_t type);
/* Does an object of this type hold capabilities or translations, or act? What is in one island with
 * it can be made to do what it does. */
bool authority_type_is_entity(uint32_t type);

/* Does an object of this type lead on to CNodes and threads: by capabilities in it, by memory that it
 * covers, by an answer? The domains of what holds capabilities depend on such objects alone as long as
 * every thread has a domain by its name or by a rule; where one is called after its island, on
 * everything that conveys more than information. */
bool authority_leads_on(uint32_t type);

#endif
