#include "gort/references.h"

#include <string.h>

enum { FUNCTION_BYTES_MAX = 1 << 20 };

/* Bytes of immediate operand after the displacement, −1 when the opcode is none that Go's compiler
 * uses with a global. */
static int immediate_bytes(uint8_t opcode, uint8_t modrm)
{
    switch (opcode) {
    case 0x8b:
    case 0x8d:
    case 0x89:
    case 0x39:
    case 0x3b:
    case 0x63:
    case 0xb1:
    case 0xc1:
    case 0x10:
    case 0x11:
    case 0x6f:
    case 0x7f:
    case 0xb6:
    case 0xb7:
    case 0x3a:
    case 0x38:
    case 0x88:
    case 0x8a:
    case 0x87:
    case 0x01:
    case 0x03:
    case 0x29:
    case 0x2b:
    case 0x85:
    case 0x84:
    case 0xff:
    case 0x2f:
    case 0x2e:
    case 0x58:
    case 0x59:
    case 0x5e:
        return 0;
    case 0x83:
    case 0x80:
    case 0xc6:
        return 1;
    case 0xc7:
    case 0x81:
        return 4;
    case 0xf6:
        return (modrm >> 3 & 7) <= 1 ? 1 : 0;
    default:
        return -1;
    }
}

uint32_t references_in_code(const uint8_t *bytes, uint64_t size, uint64_t pc, uint64_t low,
                            uint64_t high, struct reference *out, uint32_t max)
{
    uint32_t count = 0;
    for (uint64_t i = 1; i + 5 <= size; i++) {
        if ((bytes[i] & 0xc7) != 5)
            continue;
        int immediate = immediate_bytes(bytes[i - 1], bytes[i]);
        if (immediate < 0)
            continue;
        int32_t displacement;
        memcpy(&displacement, bytes + i + 1, 4);
        uint64_t target = pc + i + 5 + (uint64_t)immediate + (uint64_t)(int64_t)displacement;
        if (target < low || target >= high)
            continue;
        if (count == max)
            break;
        out[count++] = (struct reference){.address = target, .pc = pc + i + 1};
        i += 4;
    }
    return count;
}

struct error *references_of_function(struct go_runtime *runtime, const char *name,
                                     struct reference *out, uint32_t *out_count)
{
    struct pclntab_function function;
    uint32_t index = pclntab_find_name(runtime->pclntab, name);
    *out_count = 0;
    if (index == PCLNTAB_NONE)
        return NULL;
    TRY(pclntab_function(runtime->pclntab, index, &function));
    uint64_t size = MIN_OF(function.end - function.entry, (uint64_t)FUNCTION_BYTES_MAX);
    CLEANUP_FREE uint8_t *code = NULL;
    TRY(memory_array(size, 1, &code));
    TRY(target_read(runtime->target, function.entry, code, size));
    const struct go_module *module = &runtime->module;
    *out_count =
        references_in_code(code, size, function.entry, MIN_OF(module->address, module->data_low),
                           module->data_high, out, REFERENCES_MAX);
    return NULL;
}
