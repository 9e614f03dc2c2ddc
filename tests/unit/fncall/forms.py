#!/usr/bin/env python3
"""Writes assembly: every form of instruction that uses fs, the same instructions with gs, and the address of
each. The test rewrites the code with fs and compares the result with the code with gs.

usage: forms.py OUTPUT.S"""

import sys

ADDRESSES = ["%SEG:0", "%SEG:-8", "%SEG:0x7fffffff", "%SEG:(%rax)", "%SEG:8(%rbx)", "%SEG:-0x1234(%rcx)",
             "%SEG:(%rsp)", "%SEG:8(%rsp)", "%SEG:(%rbp)", "%SEG:(%r12)", "%SEG:(%r13)", "%SEG:0x4321(%r13)",
             "%SEG:(%rax,%rcx,4)", "%SEG:(%r12,%r9,2)", "%SEG:1(%r13,%r14,8)", "%SEG:0x1111(,%rdx,8)",
             "%SEG:0x10(%rip)", "%SEG:(%eax)", "%SEG:4(%r9d,%r10d,2)"]
# An operand size: its suffix, registers of this size (those of r8 to r15 and sil need a REX prefix), and the
# largest constant.
SIZES = [("b", ["al", "ch", "dl", "sil", "r9b"], "0x12"), ("w", ["ax", "bx", "r10w"], "0x1234"),
         ("l", ["eax", "edi", "r11d"], "0x12345678"), ("q", ["rax", "rbp", "r15"], "0x12345678")]


def old_byte_register(register, address):
    """True if the operands have no encoding: ah … dh exclude REX, which new registers and 64 bits need."""
    return register == "ch" and any(part in address for part in ("r8", "r9", "r1"))


def integers(address):
    arithmetic = ["add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"]
    for suffix, registers, constant in SIZES:
        for operation in arithmetic + ["mov", "test", "xchg", "xadd", "cmpxchg"]:
            for register in registers:
                if old_byte_register(register, address):
                    continue
                yield f"{operation}{suffix} %{register}, {address}"
                if operation in arithmetic + ["mov"]:
                    yield f"{operation}{suffix} {address}, %{register}"
        for operation in arithmetic + ["mov", "test"]:
            yield f"{operation}{suffix} $0x12, {address}"
            yield f"{operation}{suffix} ${constant}, {address}"
            if operation not in ("cmp", "mov", "test"):
                yield f"lock {operation}{suffix} $0x12, {address}"
        for operation in ["not", "neg", "mul", "imul", "div", "idiv", "inc", "dec"]:
            yield f"{operation}{suffix} {address}"
        for operation in ["rol", "ror", "rcl", "rcr", "shl", "shr", "sar"]:
            yield f"{operation}{suffix} {address}"
            yield f"{operation}{suffix} $5, {address}"
            yield f"{operation}{suffix} %cl, {address}"
        if suffix == "b":
            continue
        register = registers[-1]
        for operation in ["imul", "bsf", "bsr", "tzcnt", "lzcnt", "popcnt", "movbe"]:
            yield f"{operation}{suffix} {address}, %{register}"
        yield f"movbe{suffix} %{register}, {address}"
        yield f"imul{suffix} $0x12, {address}, %{register}"
        yield f"imul{suffix} ${constant}, {address}, %{register}"
        for operation in ["bt", "bts", "btr", "btc"]:
            yield f"{operation}{suffix} %{register}, {address}"
            yield f"{operation}{suffix} $7, {address}"
        for operation in ["shld", "shrd"]:
            yield f"{operation}{suffix} $3, %{register}, {address}"
            yield f"{operation}{suffix} %cl, %{register}, {address}"
        for condition in "o no b ae e ne be a s ns p np l ge le g".split():
            yield f"cmov{condition}{suffix} {address}, %{register}"
        yield f"movzb{suffix} {address}, %{register}"
        yield f"movsb{suffix} {address}, %{register}"
        if suffix != "w":
            yield f"movzw{suffix} {address}, %{register}"
            yield f"movsw{suffix} {address}, %{register}"
            yield f"crc32{suffix} {address}, %{'eax' if suffix == 'l' else 'rax'}"
            yield f"movnti{suffix} %{register}, {address}"
    for condition in "o no b ae e ne be a s ns p np l ge le g".split():
        yield f"set{condition} {address}"
    yield from (f"{one} {address}" for one in
                "cmpxchg8b cmpxchg16b pushq popq pushw popw prefetcht0 prefetchw clflush invlpg".split())
    yield from (f"{one} *{address}" for one in ("callq", "jmpq"))
    yield f"movslq {address}, %r8"
    yield f"lock cmpxchg16b {address}"
    yield f"adcxl {address}, %ecx"


def vectors(address):
    loads = """movss movsd movaps movups movapd movupd movdqa movdqu movlps movhps movlpd movhpd addss addsd
        addps addpd mulss subsd divps minss maxsd sqrtsd andps andnpd orps xorpd ucomiss comisd unpcklps
        cvtss2sd cvtsd2ss cvtdq2ps cvttps2dq cvtdq2pd paddb paddq psubd pmulld pxor pand por pcmpeqb pcmpgtd
        pshufb punpcklqdq packuswb pmaddwd pminub pmovzxbw pmovsxdq ptest aesenc lddqu movddup haddps
        psllw psrlq psrad""".split()
    yield from (f"{one} {address}, %{register}" for one in loads for register in ("xmm3", "xmm12"))
    yield from (f"{one} %xmm9, {address}" for one in
                "movss movsd movaps movups movapd movupd movdqa movdqu movlps movhps movlpd movhpd movntps movntdq".split())
    yield from (f"{one} $3, {address}, %xmm5" for one in
                "pshufd pshufhw shufps cmpps cmpsd pblendw roundsd pcmpistri palignr insertps pclmulqdq".split())
    yield f"pinsrw $2, {address}, %xmm1"
    yield f"pinsrb $2, {address}, %xmm10"
    yield f"pextrd $1, %xmm2, {address}"
    for pair in (f"{address}, %xmm7", f"%xmm7, {address}"):
        yield f"movd {pair}"
        yield f"movq {pair}"
    yield from (f"cvtsi2sd{suffix} {address}, %xmm4" for suffix in "lq")
    yield from (f"cvttsd2si {address}, %{register}" for register in ("eax", "r9"))
    yield f"movq {address}, %mm1"
    yield f"paddd {address}, %mm2"
    for width in "xyz":
        yield f"vmovups {address}, %{width}mm6"
        yield f"vmovups %{width}mm6, {address}"
        yield f"vmovdqu64 {address}, %{width}mm20"
        yield f"vaddpd {address}, %{width}mm1, %{width}mm2"
        yield f"vpaddd {address}, %{width}mm17, %{width}mm18 {{%k1}} {{z}}"
        yield f"vfmadd231ps {address}, %{width}mm3, %{width}mm14"
        yield f"vpshufd $1, {address}, %{width}mm5"
        yield f"vpternlogd $0x96, {address}, %{width}mm3, %{width}mm4"
        yield f"vshufps $1, {address}, %{width}mm5, %{width}mm6"
        yield f"vpslld $3, {address}, %{width}mm19"
        for conversion in ("vcvttps2udq", "vcvtudq2ps", "vcvtqq2pd", "vcvtpd2qq"):
            yield f"{conversion} {address}, %{width}mm1"
    yield f"vmovsd {address}, %xmm8"
    yield f"vpinsrq $1, {address}, %xmm1, %xmm9"
    yield f"vbroadcastss {address}, %ymm11"
    yield f"vinserti128 $1, {address}, %ymm1, %ymm2"
    yield f"vpblendvb %xmm3, {address}, %xmm1, %xmm2"
    yield f"vgatherdps %xmm1, %SEG:(%rax,%xmm2,4), %xmm3"
    yield f"vaddph {address}, %zmm1, %zmm2"
    yield f"vcmpps $3, {address}, %zmm1, %k2"
    yield f"kmovq {address}, %k3"
    yield f"kmovb %k3, {address}"
    yield from (f"{one} {address}, %r10, %r11" for one in ("andnq", "mulxq", "pdepq", "pextq"))
    yield from (f"{one} %rcx, {address}, %r11" for one in ("bextrq", "bzhiq", "sarxq", "shlxq"))
    yield f"rorxq $7, {address}, %rax"
    yield f"blsrl {address}, %eax"


def x87_and_state(address):
    yield from (f"{one} {address}" for one in """flds fldl fldt fsts fstps fstpl fstpt filds fildl fildll
        fistps fistpl fistpll fisttpll fadds faddl fmuls fsubl fdivs ficoms fiaddl fbld fbstp fldcw fnstcw fldenv
        fnstenv fnstsw fxsave fxrstor ldmxcsr stmxcsr xsave xsave64 xrstor64 xsaveopt xsavec""".split())


def alone():
    """Instructions with a fixed address operand, or with none."""
    for register in ("al", "ax", "eax", "rax"):
        yield f"movabs %SEG:0x1122334455667788, %{register}"
        yield f"movabs %{register}, %SEG:0x1122334455667788"
    for suffix in "bwlq":
        yield f"movs{suffix} %SEG:(%rsi), %es:(%rdi)"
        yield f"cmps{suffix} %es:(%rdi), %SEG:(%rsi)"
        yield f"lods{suffix} %SEG:(%rsi)"
        yield f"rep movs{suffix} %SEG:(%rsi), %es:(%rdi)"
    yield "outsb %SEG:(%rsi), %dx"
    yield "outsl %SEG:(%rsi), %dx"
    yield "SEG\nxlatb"
    # Accesses to thread-local variables with several prefixes, as linkers write them.
    yield ".byte 0x66\n.byte 0x66\nmovq %SEG:0, %rax"
    yield ".byte 0x66\n.byte 0x66\n.byte 0x66\nmovq %SEG:0x28, %rax"
    for base in ("rdSEGbase", "wrSEGbase"):
        for register in ("eax", "edi", "r9d", "rax", "rbp", "r15"):
            yield f"{base} %{register}"


def forms():
    for address in ADDRESSES:
        yield from integers(address)
        yield from vectors(address)
        yield from x87_and_state(address)
    yield from alone()


def main():
    with open(sys.argv[1], "w", encoding="ascii") as out:
        out.write("// Written by forms.py.\n")
        for segment in ("fs", "gs"):
            out.write(f'  .section .rodata.{segment}_forms, "a", @progbits\n'
                      f"  .globl {segment}_forms\n{segment}_forms:\n")
            for number, form in enumerate(forms()):
                out.write(f".L{segment}{number}:\n{form.replace('SEG', segment)}\n")
            out.write(f"  .globl {segment}_forms_end\n{segment}_forms_end:\n")
        count = sum(1 for _ in forms())
        out.write('  .section .rodata.form_starts, "a", @progbits\n  .balign 4\n'
                  "  .globl form_starts\nform_starts:\n")
        for number in range(count):
            out.write(f"  .long .Lfs{number} - fs_forms\n")
        out.write("  .globl form_starts_end\nform_starts_end:\n"
                  '  .section .note.GNU-stack, "", @progbits\n')


if __name__ == "__main__":
    main()
