# A program's first instructions. The kernel has put argc, argv, envp and auxv at rsp.
        .section .text.start, "ax", @progbits
        .globl  _start
        .type   _start, @function
_start:
        xorl    %ebp, %ebp              # ends a debugger's backtrace
        movq    %rsp, %rdi
        leaq    __ehdr_start(%rip), %rsi
        leaq    _DYNAMIC(%rip), %rdx
        andq    $-16, %rsp
        call    cotrap_user_relocate
        ud2

        .hidden __ehdr_start, _DYNAMIC
        .section .note.GNU-stack, "", @progbits
