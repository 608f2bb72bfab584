/* What the allocator gives for so many bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gort/size_class.h"

static void rounds_to_classes_and_pages(void **state)
{
    (void)state;
    static const uint64_t known[][2] = {
        {0, 8},         {1, 8},         {8, 8},         {9, 16},
        {17, 24},       {25, 32},       {1025, 1152},   {32760, 32768},
        {32768, 32768}, {32769, 40960}, {40960, 40960}, {40961, 49152},
    };
    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        assert_int_equal(size_class_round(27, known[i][0]), known[i][1]);
    assert_int_equal(size_class_round(15, 17), 32); /* 24 came with 1.16 */
    assert_true(size_class_round(27, UINT64_MAX) == UINT64_MAX);
}

static void a_type_header_takes_eight_bytes_of_what_has_pointers(void **state)
{
    (void)state;
    assert_int_equal(size_class_of_object(22, 512, true), 512);
    assert_int_equal(size_class_of_object(22, 576, true), 640);
    assert_int_equal(size_class_of_object(22, 576, false), 576);
    assert_int_equal(size_class_of_object(21, 576, true), 576);
    assert_int_equal(size_class_of_object(22, 32760, true), 32768);
    assert_int_equal(size_class_of_object(22, 32768, true), 32768); /* large: no header */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds_to_classes_and_pages),
        cmocka_unit_test(a_type_header_takes_eight_bytes_of_what_has_pointers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
