/* Which functions of the runtime tell a type, by name and version; receivers by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "gort/runtime_calls.h"
#include "gort/variable_types.h"

static void by_name(void **state)
{
    (void)state;
    struct code_call call = runtime_call_named("runtime.mapassign_faststr", 27);
    assert_int_equal(call.effect, CODE_CALL_MAP);
    assert_int_equal(call.subject, 1);
    call = runtime_call_named("internal/runtime/maps.runtime_mapaccess1", 24);
    assert_int_equal(call.effect, CODE_CALL_MAP);
    call = runtime_call_named("runtime.newobject", 15);
    assert_int_equal(call.effect, CODE_CALL_MAKE);
    assert_int_equal(call.result, 1);
    call = runtime_call_named("sync/atomic.CompareAndSwapPointer", 21);
    assert_int_equal(call.effect, CODE_CALL_STORE);
    assert_int_equal(call.subject, 2);
    assert_int_equal(runtime_call_named("runtime.newobject.func1", 21).effect, CODE_CALL_ORDINARY);
    assert_int_equal(runtime_call_named("main.mapassign", 21).effect, CODE_CALL_ORDINARY);
    assert_int_equal(runtime_call_named("runtime.morestack_noctxt", 15).effect, CODE_CALL_AGAIN);
}

static void by_version(void **state)
{
    (void)state;
    assert_int_equal(runtime_call_named("runtime.growslice", 19).type, 0);
    assert_int_equal(runtime_call_named("runtime.growslice", 19).subject, 1);
    assert_int_equal(runtime_call_named("runtime.growslice", 21).type, 4);
    assert_int_equal(runtime_call_named("runtime.growslice", 21).subject, 0);
    assert_int_equal(runtime_call_named("runtime.gcWriteBarrierCX", 19).effect, CODE_CALL_BARRIER);
    assert_int_equal(runtime_call_named("runtime.gcWriteBarrierCX", 19).stored, AMD64_RCX);
    assert_int_equal(runtime_call_named("gcWriteBarrier2", 22).effect, CODE_CALL_BUFFER);
    struct code_call call = runtime_call_named("runtime.mallocgcSmallScanNoHeaderSC4", 27);
    assert_int_equal(call.effect, CODE_CALL_MAKE);
    assert_int_equal(call.type, 1);
}

static void receivers(void **state)
{
    (void)state;
    char name[40];
    assert_int_equal(variable_types_receiver("net/http.(*conn).serve", name, sizeof(name)), 14);
    assert_string_equal(name, "*net/http.conn");
    variable_types_receiver("gopkg.in/yaml%2ev2.(*parser).parse", name, sizeof(name));
    assert_string_equal(name, "*gopkg.in/yaml.v2.parser");
    assert_int_equal(variable_types_receiver("main.(*T).m.func1", name, sizeof(name)), 0);
    assert_int_equal(variable_types_receiver("main.(*T).m-fm", name, sizeof(name)), 0);
    assert_int_equal(variable_types_receiver("main.T.m", name, sizeof(name)), 0);
    assert_int_equal(variable_types_receiver("main.(*T", name, sizeof(name)), 0);
    assert_int_equal(variable_types_receiver("a/long/path/to/a/package.(*WithALongName).method",
                                             name, sizeof(name)),
                     0); /* no room */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_name),
        cmocka_unit_test(by_version),
        cmocka_unit_test(receivers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
