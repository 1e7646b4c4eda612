/* capdb/pq.h declares functions of libpq without its header: here that header is, and they agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capdb/pq.h"

#include <postgresql/libpq-fe.h>

static void constants_are_those_of_the_library(void **state)
{
    (void)state;
    assert_int_equal(PQ_CONNECTION_OK, CONNECTION_OK);
    assert_int_equal(PQ_COMMAND_OK, PGRES_COMMAND_OK);
    assert_int_equal(PQ_TUPLES_OK, PGRES_TUPLES_OK);
    assert_int_equal(PQ_COPY_IN, PGRES_COPY_IN);
}

/* Two of them give enumerations, which the ABI passes as int. */
#define is_the_type_of(name)                                                                       \
    (__builtin_types_compatible_p(__typeof__(pq.name), __typeof__(&name)) ||                       \
     (__builtin_types_compatible_p(__typeof__(name), ExecStatusType(const PGresult *)) &&          \
      __builtin_types_compatible_p(__typeof__(*pq.name), int(const PGresult *))) ||                \
     (__builtin_types_compatible_p(__typeof__(name), ConnStatusType(const PGconn *)) &&            \
      __builtin_types_compatible_p(__typeof__(*pq.name), int(const PGconn *))))

static void functions_take_and_give_what_the_library_says(void **state)
{
    (void)state;
    assert_int_equal(sizeof(ExecStatusType), sizeof(int));
    assert_int_equal(sizeof(ConnStatusType), sizeof(int));
#define X(name, result, parameters) assert_true(is_the_type_of(name));
    PQ_LIST(X)
#undef X
}

static void the_library_has_them_all(void **state)
{
    (void)state;
    assert_null(pq_load());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constants_are_those_of_the_library),
        cmocka_unit_test(functions_take_and_give_what_the_library_says),
        cmocka_unit_test(the_library_has_them_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
