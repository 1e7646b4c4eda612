# layout/derivation.h: every capability counts as an original
s/!(a->next & CDT_REVOCABLE) || //
