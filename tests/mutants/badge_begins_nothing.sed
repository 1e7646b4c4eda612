# layout/derivation.h: equal badges count as one, whoever minted them
s/ && !(b->next & CDT_FIRST_BADGED)//
