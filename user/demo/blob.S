/* The file of another program, in this program's image: BLOB up to BLOB_END. */
    .section .blob, "a"
    .global BLOB, BLOB_END
    .balign 4
BLOB:
    .incbin BLOB_FILE
BLOB_END:
