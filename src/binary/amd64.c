#include "binary/amd64.h"

#include <string.h>

#include "base/cursor.h"

/* What an instruction's encoding says before its meaning is looked at. */
struct encoding {
    struct cursor at;
    struct amd64_instruction *out;
    uint64_t address;
    uint8_t rex; /* 0x40 … 0x4f, or 0 */
    bool operand_16, repeat, vex, vex_w;
    uint8_t mode, field, rm; /* ModRM: field and rm with the bits of REX */
    uint8_t vvvv;
};

enum { REX_W = 8, REX_R = 4, REX_X = 2, REX_B = 1, MODE_REGISTER = 3, INSTRUCTION_BYTES_MAX = 15 };
enum { VECTOR_BYTES = 64 };

static bool wide(const struct encoding *e)
{
    return e->rex & REX_W;
}

static void writes(struct encoding *e, unsigned reg)
{
    if (reg < 16)
        e->out->writes |= (uint16_t)(1u << reg);
}

/* Register operand of one byte: without REX, 4 … 7 are the high bytes of the first four. */
static unsigned byte_register(const struct encoding *e, unsigned reg)
{
    return !e->rex && reg >= 4 && reg < 8 ? reg - 4 : reg;
}

static void read_memory(struct encoding *e, uint8_t mode, uint8_t rm)
{
    struct amd64_instruction *out = e->out;
    out->has_memory = true;
    out->base = (uint8_t)(rm | (e->rex & REX_B ? 8 : 0));
    out->index = AMD64_NONE;
    if (rm == 4) {
        uint8_t sib = cursor_u8(&e->at);
        unsigned index = (sib >> 3 & 7u) | (e->rex & REX_X ? 8u : 0);
        out->shift = sib >> 6;
        out->index = index == 4 ? AMD64_NONE : (uint8_t)index;
        out->base = (uint8_t)((sib & 7) | (e->rex & REX_B ? 8 : 0));
        if ((sib & 7) == 5 && mode == 0) {
            out->base = AMD64_NONE;
            out->displacement = (int32_t)cursor_u32(&e->at);
        }
    } else if (rm == 5 && mode == 0) {
        out->base = AMD64_RIP; /* the address follows when the length is known */
        out->displacement = (int32_t)cursor_u32(&e->at);
    }
    if (mode == 1)
        out->displacement = (int8_t)cursor_u8(&e->at);
    else if (mode == 2)
        out->displacement = (int32_t)cursor_u32(&e->at);
}

static void read_modrm(struct encoding *e)
{
    uint8_t modrm = cursor_u8(&e->at);
    e->mode = modrm >> 6;
    e->field = (uint8_t)((modrm >> 3 & 7) | (e->rex & REX_R ? 8 : 0));
    e->rm = (uint8_t)((modrm & 7) | (e->rex & REX_B ? 8 : 0));
    if (e->mode != MODE_REGISTER)
        read_memory(e, e->mode, modrm & 7);
}

static void skip_immediate(struct encoding *e, unsigned bytes)
{
    uint64_t value = 0;
    const uint8_t *p = cursor_take(&e->at, bytes);
    if (!p)
        return;
    memcpy(&value, p, bytes);
    unsigned unused = 64 - 8 * bytes;
    e->out->immediate = bytes ? (int64_t)(value << unused) >> unused : 0;
}

/* 4 bytes, or 2 with the operand-size prefix. */
static void skip_immediate_full(struct encoding *e)
{
    skip_immediate(e, e->operand_16 && !wide(e) ? 2 : 4);
}

/* The operand that ModRM's rm names is written. */
static void writes_rm(struct encoding *e, unsigned bytes)
{
    if (e->mode == MODE_REGISTER) {
        writes(e, bytes == 1 ? byte_register(e, e->rm) : e->rm);
    } else {
        e->out->writes_memory = true;
        e->out->store_bytes = (uint8_t)bytes;
    }
}

static void set_target(struct encoding *e, enum amd64_operation operation, unsigned bytes)
{
    skip_immediate(e, bytes);
    e->out->operation = (uint8_t)operation;
    e->out->immediate = (int64_t)(e->address + e->at.position + (uint64_t)e->out->immediate);
}

static unsigned operand_bytes(const struct encoding *e)
{
    return wide(e) ? 8 : e->operand_16 ? 2 : 4;
}

/* 00 … 3f: add, or, adc, sbb, and, sub, xor, cmp in six forms each. */
static bool decode_arithmetic(struct encoding *e, uint8_t opcode)
{
    bool compare = opcode >= 0x38;
    unsigned form = opcode & 7;
    if (form > 5)
        return false;
    if (form == 4 || form == 5) {
        if (form == 4)
            skip_immediate(e, 1);
        else
            skip_immediate_full(e);
        if (!compare)
            writes(e, AMD64_RAX);
        return true;
    }
    read_modrm(e);
    unsigned bytes = form & 1 ? operand_bytes(e) : 1;
    if (compare)
        return true;
    if (form >= 2)
        writes(e, bytes == 1 ? byte_register(e, e->field) : e->field);
    else
        writes_rm(e, bytes);
    if ((opcode == 0x31 || opcode == 0x33) && e->mode == MODE_REGISTER && e->field == e->rm &&
        bytes >= 4) {
        e->out->operation = AMD64_CONSTANT; /* xor of a register with itself */
        e->out->reg = e->rm;
    }
    return true;
}

static void decode_move(struct encoding *e, uint8_t opcode)
{
    struct amd64_instruction *out = e->out;
    read_modrm(e);
    bool store = opcode == 0x89, in_register = e->mode == MODE_REGISTER;
    if (store)
        writes_rm(e, operand_bytes(e));
    else
        writes(e, e->field);
    if (!wide(e))
        return;
    out->reg = store && in_register ? e->rm : e->field;
    out->source = store ? e->field : e->rm;
    out->operation = in_register ? AMD64_MOVE : store ? AMD64_STORE : AMD64_LOAD;
}

/* 80, 81, 83: arithmetic with a constant. */
static void decode_constant_arithmetic(struct encoding *e, uint8_t opcode)
{
    read_modrm(e);
    if (opcode == 0x81)
        skip_immediate_full(e);
    else
        skip_immediate(e, 1);
    unsigned operation = e->field & 7;
    if (operation == 7)
        return;
    writes_rm(e, opcode == 0x80 ? 1 : operand_bytes(e));
    if (e->mode == MODE_REGISTER && opcode != 0x80 && wide(e) &&
        (operation == 0 || operation == 5)) {
        e->out->operation = AMD64_ADD_CONSTANT;
        e->out->reg = e->rm;
        if (operation == 5)
            e->out->immediate = -e->out->immediate;
    }
}

static bool decode_ff(struct encoding *e)
{
    read_modrm(e);
    switch (e->field & 7) {
    case 0:
    case 1:
        writes_rm(e, operand_bytes(e));
        return true;
    case 2:
        e->out->operation = AMD64_CALL_INDIRECT;
        break;
    case 4:
        e->out->operation = AMD64_JUMP_INDIRECT;
        break;
    case 6:
        e->out->operation = AMD64_PUSH;
        return true;
    default:
        return (e->field & 7) != 7;
    }
    e->out->reg = e->mode == MODE_REGISTER ? e->rm : AMD64_NONE;
    return true;
}

static void decode_f6(struct encoding *e, uint8_t opcode)
{
    read_modrm(e);
    unsigned operation = e->field & 7;
    if (operation <= 1) {
        if (opcode == 0xf6)
            skip_immediate(e, 1);
        else
            skip_immediate_full(e);
    } else if (operation <= 3) {
        writes_rm(e, opcode == 0xf6 ? 1 : operand_bytes(e));
    } else {
        writes(e, AMD64_RAX);
        writes(e, AMD64_RDX);
    }
}

static void decode_c7(struct encoding *e, uint8_t opcode)
{
    read_modrm(e);
    if (opcode == 0xc6)
        skip_immediate(e, 1);
    else
        skip_immediate_full(e);
    writes_rm(e, opcode == 0xc6 ? 1 : operand_bytes(e));
    if (opcode == 0xc7 && operand_bytes(e) >= 4 && e->mode == MODE_REGISTER) {
        e->out->operation = AMD64_CONSTANT;
        e->out->reg = e->rm;
    } else if (opcode == 0xc7 && wide(e)) {
        e->out->operation = AMD64_STORE_CONSTANT;
    }
}

static void decode_constant(struct encoding *e, uint8_t opcode)
{
    unsigned reg = (opcode & 7u) | (e->rex & REX_B ? 8u : 0);
    if (opcode < 0xb8) {
        skip_immediate(e, 1);
        writes(e, byte_register(e, reg));
        return;
    }
    skip_immediate(e, operand_bytes(e));
    writes(e, reg);
    if (operand_bytes(e) == 4) /* zero extended */
        e->out->immediate &= 0xffffffff;
    if (operand_bytes(e) >= 4) {
        e->out->operation = AMD64_CONSTANT;
        e->out->reg = (uint8_t)reg;
    }
}

static void decode_string(struct encoding *e, uint8_t opcode)
{
    bool compares = opcode == 0xa6 || opcode == 0xa7 || opcode >= 0xae;
    if (!compares && opcode != 0xac && opcode != 0xad) {
        e->out->operation = AMD64_STRING;
        e->out->writes_memory = true;
    }
    e->out->writes = 1 << AMD64_RCX | 1 << AMD64_RSI | 1 << AMD64_RDI;
    if (opcode == 0xac || opcode == 0xad)
        writes(e, AMD64_RAX);
}

/* The opcodes of two bytes, 0f xx, whose effect on general registers is more than "none". */
static void two_byte_effects(struct encoding *e, uint8_t opcode)
{
    unsigned bytes = operand_bytes(e);
    bool in_register = e->mode == MODE_REGISTER;
    switch (opcode) {
    case 0x11:
    case 0x13:
    case 0x17:
    case 0x29:
    case 0x2b:
    case 0x7f:
    case 0xc3:
    case 0xd6:
    case 0xe7:
        if (!in_register)
            writes_rm(e, 16);
        break;
    case 0x7e: /* with f3 the vector register is loaded; to be safe a store in either case */
        writes_rm(e, 8);
        break;
    case 0x2c:
    case 0x2d:
    case 0x50:
    case 0xaf:
    case 0xb6:
    case 0xb7:
    case 0xb8:
    case 0xbc:
    case 0xbd:
    case 0xbe:
    case 0xbf:
    case 0xc5:
    case 0xd7:
    case 0x02:
    case 0x03:
    case 0xb2:
    case 0xb4:
    case 0xb5:
    case 0x78:
        writes(e, e->field);
        break;
    case 0xc0:
    case 0xc1:
        writes_rm(e, opcode == 0xc0 ? 1 : bytes);
        writes(e, opcode == 0xc0 ? byte_register(e, e->field) : e->field);
        break;
    case 0xb0:
    case 0xb1:
        writes_rm(e, opcode == 0xb0 ? 1 : bytes);
        writes(e, AMD64_RAX);
        break;
    case 0xba:
        if ((e->field & 7) == 4)
            break;
        writes_rm(e, bytes);
        break;
    case 0xa4:
    case 0xa5:
    case 0xab:
    case 0xac:
    case 0xad:
    case 0xb3:
    case 0xbb:
    case 0x00:
        writes_rm(e, bytes);
        break;
    case 0xc7: /* cmpxchg8b, cmpxchg16b, rdrand, xsave … */
        if (in_register)
            writes(e, e->rm);
        else
            writes_rm(e, 16);
        writes(e, AMD64_RAX);
        writes(e, AMD64_RDX);
        break;
    case 0xae:
        if (in_register)
            writes(e, e->rm); /* rdfsbase */
        else
            writes_rm(e, VECTOR_BYTES);
        break;
    case 0x01: /* xgetbv, rdtscp and their like */
        writes(e, AMD64_RAX);
        writes(e, AMD64_RCX);
        writes(e, AMD64_RDX);
        break;
    default:
        if ((opcode & 0xf0) == 0x40) /* cmov */
            writes(e, e->field);
        else if ((opcode & 0xf0) == 0x90) /* set */
            writes_rm(e, 1);
    }
}

static bool has_byte_immediate(uint8_t opcode) /* of 0f xx */
{
    return (opcode >= 0x70 && opcode <= 0x73) || opcode == 0xa4 || opcode == 0xac ||
           opcode == 0xba || opcode == 0xc2 || (opcode >= 0xc4 && opcode <= 0xc6);
}

static bool decode_two_byte(struct encoding *e)
{
    uint8_t opcode = cursor_u8(&e->at);
    switch (opcode) {
    case 0x0b:
        e->out->operation = AMD64_TRAP;
        return true;
    case 0x05:
    case 0x34:
        e->out->writes = 1 << AMD64_RAX | 1 << AMD64_RCX | 1 << AMD64_R11;
        return true;
    case 0x31:
    case 0x32:
    case 0x33:
    case 0xa2:
        e->out->writes = 1 << AMD64_RAX | 1 << AMD64_RBX | 1 << AMD64_RCX | 1 << AMD64_RDX;
        return true;
    case 0x06:
    case 0x08:
    case 0x09:
    case 0x0e:
    case 0x30:
    case 0x35:
    case 0x37:
    case 0x77:
    case 0xaa:
        return true;
    case 0xa0:
    case 0xa8:
        e->out->operation = AMD64_PUSH;
        return true;
    case 0xa1:
    case 0xa9:
        e->out->operation = AMD64_POP;
        return true;
    case 0x38:
        opcode = cursor_u8(&e->at);
        read_modrm(e);
        if (opcode >= 0xf0) { /* crc32, movbe, adcx: general registers */
            writes(e, e->field);
            writes_rm(e, 8);
        }
        return true;
    case 0x3a:
        opcode = cursor_u8(&e->at);
        read_modrm(e);
        skip_immediate(e, 1);
        if (opcode >= 0x14 && opcode <= 0x17) /* pextr */
            writes_rm(e, 8);
        if (opcode >= 0x60 && opcode <= 0x63) /* pcmpistri */
            writes(e, AMD64_RCX);
        return true;
    default:
        break;
    }
    if ((opcode & 0xf0) == 0x80) {
        set_target(e, AMD64_BRANCH, 4);
        return true;
    }
    if (opcode >= 0xc8 && opcode <= 0xcf) {
        writes(e, (opcode & 7u) | (e->rex & REX_B ? 8u : 0));
        return true;
    }
    read_modrm(e);
    if (has_byte_immediate(opcode))
        skip_immediate(e, 1);
    two_byte_effects(e, opcode);
    return true;
}

/* VEX (c4, c5) and EVEX (62): whether a register operand is a general one depends on the opcode;
 * to be safe every one counts as written. */
static bool decode_vector(struct encoding *e, uint8_t prefix)
{
    uint8_t a = cursor_u8(&e->at), map = 1;
    e->vvvv = 15 ^ (a >> 3 & 15);
    e->rex = a & 0x80 ? 0x40 : 0x40 | REX_R;
    if (prefix != 0xc5) {
        uint8_t b = cursor_u8(&e->at);
        map = a & (prefix == 0x62 ? 7 : 31);
        e->vvvv = 15 ^ (b >> 3 & 15);
        e->rex |= (uint8_t)((a & 0x40 ? 0 : REX_X) | (a & 0x20 ? 0 : REX_B));
        if (prefix == 0x62)
            cursor_u8(&e->at);
    }
    uint8_t opcode = cursor_u8(&e->at);
    if (map < 1 || map > 6)
        return false;
    if (map == 1 && opcode == 0x77)
        return true;
    read_modrm(e);
    if (map == 3 || (map == 1 && has_byte_immediate(opcode)))
        skip_immediate(e, 1);
    writes(e, e->field);
    writes(e, e->vvvv);
    writes_rm(e, VECTOR_BYTES);
    if (prefix == 0x62 && e->mode != MODE_REGISTER)
        e->out->operation = AMD64_STRING; /* its displacement counts in units that we do not know */
    return true;
}

static bool decode_one_byte(struct encoding *e, uint8_t opcode)
{
    struct amd64_instruction *out = e->out;
    unsigned low = (opcode & 7u) | (e->rex & REX_B ? 8u : 0);
    if (opcode < 0x40)
        return decode_arithmetic(e, opcode);
    switch (opcode) {
    case 0x50 ... 0x57:
        out->operation = AMD64_PUSH;
        out->reg = (uint8_t)low;
        return true;
    case 0x58 ... 0x5f:
        out->operation = AMD64_POP;
        out->reg = (uint8_t)low;
        writes(e, low);
        return true;
    case 0x63:
        read_modrm(e);
        writes(e, e->field);
        return true;
    case 0x68:
        skip_immediate_full(e);
        out->operation = AMD64_PUSH;
        return true;
    case 0x6a:
        skip_immediate(e, 1);
        out->operation = AMD64_PUSH;
        return true;
    case 0x69:
    case 0x6b:
        read_modrm(e);
        if (opcode == 0x6b)
            skip_immediate(e, 1);
        else
            skip_immediate_full(e);
        writes(e, e->field);
        return true;
    case 0x70 ... 0x7f:
    case 0xe0 ... 0xe3:
        set_target(e, AMD64_BRANCH, 1);
        if (opcode >= 0xe0 && opcode <= 0xe2)
            writes(e, AMD64_RCX);
        return true;
    case 0x80:
    case 0x81:
    case 0x83:
        decode_constant_arithmetic(e, opcode);
        return true;
    case 0x84:
    case 0x85:
        read_modrm(e);
        return true;
    case 0x86:
    case 0x87:
        read_modrm(e);
        writes(e, opcode == 0x86 ? byte_register(e, e->field) : e->field);
        writes_rm(e, opcode == 0x86 ? 1 : operand_bytes(e));
        if (opcode == 0x87 && wide(e) && e->mode != MODE_REGISTER) {
            out->operation = AMD64_EXCHANGE;
            out->reg = e->field;
        }
        return true;
    case 0x88:
        read_modrm(e);
        writes_rm(e, 1);
        return true;
    case 0x8a:
        read_modrm(e);
        writes(e, byte_register(e, e->field));
        return true;
    case 0x89:
    case 0x8b:
        decode_move(e, opcode);
        return true;
    case 0x8c:
        read_modrm(e);
        writes_rm(e, 8);
        return true;
    case 0x8e:
        read_modrm(e);
        return true;
    case 0x8d:
        read_modrm(e);
        writes(e, e->field);
        if (wide(e)) {
            out->operation = AMD64_ADDRESS;
            out->reg = e->field;
        }
        return e->mode != MODE_REGISTER;
    case 0x8f:
        read_modrm(e);
        writes_rm(e, 8);
        out->operation = AMD64_POP;
        return true;
    case 0x90:
    case 0x91 ... 0x97:
        if (low != AMD64_RAX) {
            writes(e, low);
            writes(e, AMD64_RAX);
        }
        return true;
    case 0x98:
        writes(e, AMD64_RAX);
        return true;
    case 0x99:
        writes(e, AMD64_RDX);
        return true;
    case 0x9c:
        out->operation = AMD64_PUSH;
        return true;
    case 0x9d:
        out->operation = AMD64_POP;
        return true;
    case 0x9b:
    case 0x9e:
    case 0x9f:
    case 0xf5:
    case 0xf8 ... 0xfd:
        writes(e, AMD64_RAX); /* lahf; the flags' own do no harm */
        return true;
    case 0xa4 ... 0xa7:
    case 0xaa ... 0xaf:
        decode_string(e, opcode);
        return true;
    case 0xa8:
        skip_immediate(e, 1);
        return true;
    case 0xa9:
        skip_immediate_full(e);
        return true;
    case 0xb0 ... 0xbf:
        decode_constant(e, opcode);
        return true;
    case 0xc0:
    case 0xc1:
        read_modrm(e);
        skip_immediate(e, 1);
        writes_rm(e, opcode == 0xc0 ? 1 : operand_bytes(e));
        return true;
    case 0xd0 ... 0xd3:
        read_modrm(e);
        writes_rm(e, opcode & 1 ? operand_bytes(e) : 1);
        return true;
    case 0xc2:
        skip_immediate(e, 2);
        out->operation = AMD64_RETURN;
        return true;
    case 0xc3:
        out->operation = AMD64_RETURN;
        return true;
    case 0xc6:
    case 0xc7:
        decode_c7(e, opcode);
        return true;
    case 0xc9:
        writes(e, AMD64_RSP);
        writes(e, AMD64_RBP);
        return true;
    case 0xca:
        skip_immediate(e, 2);
        out->operation = AMD64_TRAP;
        return true;
    case 0xcb:
    case 0xcc:
    case 0xcf:
    case 0xf4:
        out->operation = AMD64_TRAP;
        return true;
    case 0x6c ... 0x6f:
    case 0xd7:
    case 0xe4 ... 0xe7:
    case 0xec ... 0xef:
        if (opcode >= 0xe4 && opcode <= 0xe7)
            skip_immediate(e, 1);
        out->operation = AMD64_STRING; /* nothing that a program may do, or does */
        out->writes = 1 << AMD64_RAX | 1 << AMD64_RCX | 1 << AMD64_RSI | 1 << AMD64_RDI;
        return true;
    case 0xcd:
        skip_immediate(e, 1);
        return true;
    case 0xd8 ... 0xdf:
        read_modrm(e);
        if (e->mode == MODE_REGISTER)
            writes(e, AMD64_RAX); /* fnstsw */
        else
            writes_rm(e, VECTOR_BYTES);
        return true;
    case 0xe8:
        set_target(e, AMD64_CALL, 4);
        return true;
    case 0xe9:
        set_target(e, AMD64_JUMP, 4);
        return true;
    case 0xeb:
        set_target(e, AMD64_JUMP, 1);
        return true;
    case 0xf6:
    case 0xf7:
        decode_f6(e, opcode);
        return true;
    case 0xfe:
        read_modrm(e);
        writes_rm(e, 1);
        return (e->field & 7) <= 1;
    case 0xff:
        return decode_ff(e);
    default:
        return false;
    }
}

/* Returns the opcode's first byte, behind the prefixes. */
static uint8_t read_prefixes(struct encoding *e)
{
    for (;;) {
        uint8_t byte = cursor_u8(&e->at);
        switch (byte) {
        case 0x66:
            e->operand_16 = true;
            break;
        case 0xf2:
        case 0xf3:
            e->repeat = true;
            break;
        case 0x64:
        case 0x65:
            e->out->segment = true;
            break;
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
        case 0xf0:
            break;
        case 0x40 ... 0x4f:
            e->rex = byte;
            return cursor_u8(&e->at);
        default:
            return byte;
        }
        if (cursor_failed(&e->at))
            return 0;
    }
}

bool amd64_decode(const uint8_t *bytes, uint64_t size, uint64_t address,
                  struct amd64_instruction *out)
{
    *out = (struct amd64_instruction){
        .reg = AMD64_NONE, .source = AMD64_NONE, .base = AMD64_NONE, .index = AMD64_NONE};
    struct encoding e = {
        .at = cursor_make(bytes, size < INSTRUCTION_BYTES_MAX ? size : INSTRUCTION_BYTES_MAX),
        .out = out,
        .address = address,
    };
    uint8_t opcode = read_prefixes(&e);
    bool fine = opcode == 0x0f                                       ? decode_two_byte(&e)
                : opcode == 0xc4 || opcode == 0xc5 || opcode == 0x62 ? decode_vector(&e, opcode)
                                                                     : decode_one_byte(&e, opcode);
    if (!fine || cursor_failed(&e.at))
        return false;
    out->length = (uint8_t)e.at.position;
    if (out->base == AMD64_RIP)
        out->displacement += (int64_t)(address + e.at.position);
    return true;
}
