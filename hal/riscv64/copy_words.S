# void* cotrap_copy_words(void* to, const void* from, size_t count)
#
# memcpy() for addresses that are multiples of 8. A round copies 1 KiB without a branch. The first round
# may be shorter: it begins in the middle of that code. No store follows directly on the load of its
# value, and each pair of words is read before it is written, so the ranges may overlap if `to` is lower.
.equ round, 1024

.section .text.cotrap_copy_words, "ax"
.global cotrap_copy_words
.type cotrap_copy_words, @function
cotrap_copy_words:
  sltiu t0, a2, 32
  mv a3, a0
  bnez t0, .Lfew
  andi t0, a2, 8
  beqz t0, .Lpairs
  ld t0, (a1)
  addi a1, a1, 8
  sd t0, (a3)
  addi a3, a3, 8
.Lpairs:
  andi t0, a2, round - 16  # the bytes of the first round
  add a1, a1, t0
  add a3, a3, t0
  srli t1, a2, 10          # how many whole rounds follow
.option push
.option norvc
  auipc t2, 0
  sub t2, t2, t0           # the code of a round has as many bytes as it copies
  jr round + 12(t2)        # 12: the bytes of these three instructions

.Lround:
.set offset, -round
.rept round / 16
  ld t0, offset(a1)
  ld t2, offset + 8(a1)
  sd t0, offset(a3)
  sd t2, offset + 8(a3)
  .set offset, offset + 16
.endr
.option pop
  beqz t1, .Lwords_end
  addi t1, t1, -1
  addi a1, a1, round
  addi a3, a3, round
  j .Lround

.Lfew:
  andi t1, a2, -8
  add t1, t1, a0
  beq a3, t1, .Lwords_end
.Lwords:
  ld t0, (a1)
  addi a1, a1, 8
  sd t0, (a3)
  addi a3, a3, 8
  bne a3, t1, .Lwords
.Lwords_end:
  andi a2, a2, 7
  beqz a2, .Lend
.Lbytes:
  add a2, a2, a3
.Lbyte:
  lbu t0, (a1)
  addi a1, a1, 1
  sb t0, (a3)
  addi a3, a3, 1
  bne a3, a2, .Lbyte
.Lend:
  ret
.size cotrap_copy_words, . - cotrap_copy_words
