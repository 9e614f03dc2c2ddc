# long cotrap_user_clone(flags, stack_top, parent_tid, thread_pointer, child_tid, entry, argument)
#
# Returns the new thread's id, or -errno. The new thread calls entry(argument) on its own stack, and
# exits with the returned status.
        .text
        .globl  cotrap_user_clone
        .type   cotrap_user_clone, @function
cotrap_user_clone:
        addi    a1, a1, -16
        sd      a5, 0(a1)
        sd      a6, 8(a1)
        li      a7, 220                 # clone
        ecall
        beqz    a0, 1f
        ret

1:      li      ra, 0
        ld      a5, 0(sp)
        ld      a0, 8(sp)
        jalr    a5
        li      a7, 93                  # exit
        ecall
