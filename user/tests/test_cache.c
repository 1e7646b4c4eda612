/* Cache operations: what they answer, and that they lose nothing (ABI sheet 3.7). */
#include "user/tests/tests.h"

enum { SIZES = 4 };
static const enum object_type type_of[SIZES] = {OBJECT_FRAME_4K, OBJECT_FRAME_64K, OBJECT_FRAME_1M,
                                                OBJECT_FRAME_16M};
static const word_t bits_of[SIZES] = {12, 16, 20, 24};
static const enum invocation_label page_ops[] = {INV_PAGE_CLEAN_DATA, INV_PAGE_INVALIDATE_DATA,
                                                 INV_PAGE_CLEAN_INVALIDATE_DATA,
                                                 INV_PAGE_UNIFY_INSTRUCTION};
static const enum invocation_label pd_ops[] = {INV_PD_CLEAN_DATA, INV_PD_INVALIDATE_DATA,
                                               INV_PD_CLEAN_INVALIDATE_DATA,
                                               INV_PD_UNIFY_INSTRUCTION};

static void check_argument(cptr_t cap, enum invocation_label op, word_t start, word_t end,
                           word_t number)
{
    struct invocation v = {cap, op, 2, {start, end}, 0, {0}, 0, 0};
    check_equal(user_invoke(&v), SEL4_INVALID_ARGUMENT);
    check_equal(v.mr[0], number);
}

static void pages(void)
{
    for (word_t s = 0; s < SIZES; s++) {
        word_t size = (word_t)1 << bits_of[s];
        cptr_t frame = object_new(type_of[s], 0);
        for (word_t i = 0; i < 4; i++)
            check_equal(cache_operation(frame, page_ops[i], 0, 32), SEL4_ILLEGAL_OPERATION);
        must_succeed(cap_delete(frame));
        frame = map_new(type_of[s], AREA + s * 32 * SECTION);
        for (word_t i = 0; i < 4; i++) {
            check_equal(cache_operation(frame, page_ops[i], 0, size), SEL4_NO_ERROR);
            check_equal(cache_operation(frame, page_ops[i], size - 1, size), SEL4_NO_ERROR);
            check_argument(frame, page_ops[i], 8, 8, 1);
            check_argument(frame, page_ops[i], 8, 4, 1);
            check_argument(frame, page_ops[i], 0, size + 1, 0);
            check_argument(frame, page_ops[i], size, size + 4, 0);
            struct invocation v = {frame, page_ops[i], 1, {0}, 0, {0}, 0, 0};
            check_equal(user_invoke(&v), SEL4_TRUNCATED_MESSAGE);
        }
    }
}

static void directories(void)
{
    map_new(OBJECT_FRAME_4K, AREA);
    map_new(OBJECT_FRAME_64K, AREA + 0x10000);
    map_new(OBJECT_FRAME_1M, AREA + SECTION);
    for (word_t i = 0; i < 4; i++) {
        enum invocation_label op = pd_ops[i];
        check_equal(cache_operation(INIT_VSPACE, op, AREA, AREA + 4096), SEL4_NO_ERROR);
        check_equal(cache_operation(INIT_VSPACE, op, AREA + SECTION, AREA + 2 * SECTION),
                    SEL4_NO_ERROR);
        check_equal(cache_operation(INIT_VSPACE, op, AREA + 0x5000, AREA + 0x6000),
                    SEL4_NO_ERROR); /* nothing mapped: nothing to do */
        check_argument(INIT_VSPACE, op, AREA + 4, AREA + 4, 1);
        check_equal(cache_operation(INIT_VSPACE, op, 0xf0000000, 0xf0000004),
                    SEL4_ILLEGAL_OPERATION);
        check_equal(cache_operation(INIT_VSPACE, op, 0xefffff00, 0xf0000004),
                    SEL4_ILLEGAL_OPERATION);
        struct invocation v = {INIT_VSPACE, op, 2, {AREA + 0x10004, AREA + 0x20004}, 0, {0}, 0, 0};
        check_equal(user_invoke(&v), SEL4_RANGE_ERROR);
        check_equal(v.mr[0], AREA + 0x10004);
        check_equal(v.mr[1], AREA + 0x1ffff);
        check_equal(cache_operation(object_new(OBJECT_PAGE_DIRECTORY, 0), op, AREA, AREA + 4),
                    SEL4_INVALID_CAPABILITY);
    }
    check_equal(cache_operation(INIT_VSPACE, INV_PAGE_MAP, AREA, AREA + 4), SEL4_ILLEGAL_OPERATION);
}

static void contents_stay(void)
{
    cptr_t frame = map_new(OBJECT_FRAME_4K, AREA);
    volatile word_t *page = (volatile word_t *)AREA;
    for (word_t i = 0; i < 1024; i++)
        page[i] = message_pattern(4, i);
    check_equal(cache_operation(frame, INV_PAGE_CLEAN_DATA, 0, 4096), SEL4_NO_ERROR);
    check_equal(cache_operation(frame, INV_PAGE_INVALIDATE_DATA, 4, 4092), SEL4_NO_ERROR);
    check_equal(cache_operation(frame, INV_PAGE_CLEAN_INVALIDATE_DATA, 0, 4096), SEL4_NO_ERROR);
    cptr_t uncached = cap_copy(frame, RIGHT_ALL);
    must_succeed(page_map(uncached, INIT_VSPACE, AREA + 4096, READ_WRITE, 0));
    for (word_t i = 0; i < 1024; i++) {
        check_equal(page[i], message_pattern(4, i));
        check_equal(page[1024 + i], message_pattern(4, i));
    }
}

/* Code that was written becomes what is executed. */
static void new_code(void)
{
    cptr_t frame = map_new(OBJECT_FRAME_4K, AREA);
    volatile word_t *code = (volatile word_t *)AREA;
    for (word_t i = 1; i < 5; i++) {
        code[0] = 0xe3a00000 + i; /* mov r0, #i */
        code[1] = 0xe12fff1e;     /* bx lr */
        check_equal(i % 2 ? cache_operation(frame, INV_PAGE_UNIFY_INSTRUCTION, 0, 8)
                          : cache_operation(INIT_VSPACE, INV_PD_UNIFY_INSTRUCTION, AREA, AREA + 8),
                    SEL4_NO_ERROR);
        check_equal(((word_t(*)(void))AREA)(), i);
    }
}

const struct test cache_tests[] = {
    {"CACHEFLUSH0001 operations on pages of all sizes check their range", pages},
    {"CACHEFLUSH0002 operations on page directories check theirs", directories},
    {"CACHEFLUSH0003 nothing is lost, cached or not", contents_stay},
    {"CACHEFLUSH0004 unified code is executed", new_code},
    {0},
};
