# The first instructions of a program that is position independent. The kernel has put argc, argv, envp
# and auxv at sp. Nothing uses gp.
        .section .text.start, "ax"
        .globl  _start
        .type   _start, @function
_start:
        mv      a0, sp
        lla     a1, __ehdr_start
        lla     a2, _DYNAMIC
        andi    sp, sp, -16
        li      ra, 0                   # ends a debugger's backtrace
        tail    cotrap_user_relocate

        .hidden __ehdr_start, _DYNAMIC
