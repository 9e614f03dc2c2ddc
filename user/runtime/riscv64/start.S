# A program's first instructions. The kernel has put argc, argv, envp and auxv at sp.
        .section .text.start, "ax"
        .globl  _start
        .type   _start, @function
_start:
        .option push
        .option norelax
        la      gp, __global_pointer$
        .option pop
        mv      a0, sp
        andi    sp, sp, -16
        li      ra, 0                   # ends a debugger's backtrace
        tail    cotrap_user_start
