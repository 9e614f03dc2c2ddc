# A system call on a PC, in the registers of user/machine/system_call.h. The bit says that the number is
# Cotrap's (trap/pc/context_layout.h): the same instruction makes Linux's calls with Linux's numbers.
        .text
        .globl  cotrap_system_call_gate
        .hidden cotrap_system_call_gate
        .type   cotrap_system_call_gate, @function
cotrap_system_call_gate:
        orl     $1 << 30, %eax
        syscall
        ret

        .section .note.GNU-stack, "", @progbits
