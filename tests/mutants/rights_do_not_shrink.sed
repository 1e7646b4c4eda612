# kernel/capability.h: a copied endpoint capability has all rights of its source
s/c\.w\[1\] &= rights | ~(word_t)RIGHT_ALL;/(void)rights;/
