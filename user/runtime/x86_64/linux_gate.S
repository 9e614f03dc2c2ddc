# A system call on Linux, in the registers of user/machine/system_call.h. Linux for x86_64 has numbers
# of its own; the table linux_numbers (relocate.cpp) has those of the calls that differ in nothing else.
# clone() is one of them for a process; for threads see clone.S.
        .set    LINUX_NUMBERS, 512       # length of the table
        .set    ARCH_PRCTL, 158         # arch_prctl(ARCH_SET_FS, address): asm/prctl.h
        .set    ARCH_SET_FS, 0x1002
        .set    SET_THREAD_POINTER, 0x1002

        .text
        .globl  cotrap_linux_gate
        .hidden cotrap_linux_gate
        .type   cotrap_linux_gate, @function
cotrap_linux_gate:
        cmpl    $LINUX_NUMBERS, %eax
        jae     1f
        leaq    linux_numbers(%rip), %rcx
        movzwl  (%rcx,%rax,2), %eax
        syscall
        ret

1:      cmpl    $SET_THREAD_POINTER, %eax
        movl    $-1, %eax               # a number that Linux does not have
        jne     2f
        pushq   %rdi
        pushq   %rsi
        movq    %rdi, %rsi
        movl    $ARCH_SET_FS, %edi
        movl    $ARCH_PRCTL, %eax
        syscall
        popq    %rsi
        popq    %rdi
        ret
2:      syscall
        ret

        .section .note.GNU-stack, "", @progbits
