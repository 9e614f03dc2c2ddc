# long cotrap_user_clone(flags, stack_top, parent_tid, thread_pointer, child_tid, entry, argument)
#
# Returns the new thread's id, or -errno. The new thread calls entry(argument) on its own stack, and
# exits with the returned status.
        .text
        .globl  cotrap_user_clone
        .type   cotrap_user_clone, @function
cotrap_user_clone:
        movq    8(%rsp), %rax           # argument
        subq    $16, %rsi
        movq    %r9, (%rsi)
        movq    %rax, 8(%rsi)
        movq    %rcx, %r10
        movl    $220, %eax              # clone
        leaq    cotrap_system_call_gate(%rip), %r11
        cmpq    %r11, cotrap_system_call_entry(%rip)
        je      2f
        leaq    cotrap_linux_gate(%rip), %r11
        cmpq    %r11, cotrap_system_call_entry(%rip)
        je      4f
        call    *cotrap_system_call_entry(%rip)
3:      testq   %rax, %rax
        jz      1f
        ret

1:      xorl    %ebp, %ebp
        popq    %rax
        popq    %rdi
        call    *%rax
        movslq  %eax, %rdi
        movl    $93, %eax               # exit
        call    *cotrap_system_call_entry(%rip)
        ud2

2:      orl     $1 << 30, %eax          # as the gate, but the new thread has no return address to pop
        syscall
        jmp     3b

4:      movl    $56, %eax               # Linux's number for x86_64. The last two arguments change places
        xchgq   %r8, %r10
        syscall
        jmp     3b

        .section .note.GNU-stack, "", @progbits
