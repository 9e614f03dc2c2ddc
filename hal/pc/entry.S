// From the firmware to C++: 32-bit mode, long mode with translation, a stack and per-hart data.
//
// QEMU enters the kernel by the PVH boot protocol (Xen, docs/misc/pvh.pandoc): the note below has the
// physical address of the entry.

#include "hart_start_layout.h"

#define PHYSICAL(symbol) (symbol - KERNEL_OFFSET_BITS)
#define KERNEL_OFFSET_BITS 0xffff800000000000
#define XEN_ELFNOTE_PHYS32_ENTRY 18

#define CR0_PROTECTED 1
#define CR0_BITS 0x80010033    // paging, write protection, FPU errors as exceptions, protected mode
#define CR4_BITS 0xa0          // global pages, PAE
#define EFER 0xc0000080
#define EFER_BITS 0x101        // long mode, the instruction syscall
#define EFER_NO_EXECUTE 0x800  // page table entries have a bit that forbids execution
#define FS_BASE 0xc0000100
#define CPUID_EXTENDED 0x80000001
#define CPUID_LONG_MODE (1 << 29)  // in edx
#define CPUID_LARGEST_PAGES (1 << 26)  // in edx: pages of 1 GiB
#define SERIAL_PORT 0x3f8
#define SERIAL_STATUS 5            // offset of the port of the line status
#define SERIAL_TAKES_BYTE 0x20
#define DEBUG_EXIT_PORT 0xf4       // power.cpp
#define ENTRY_OF_TABLE 0x63    // dirty, accessed, writable, present
#define ENTRY_OF_LARGE_PAGE 0xe3
#define CODE_32 0x08           // selectors of boot_descriptors
#define CODE_64 0x10
#define DATA 0x18

  .section .note.Xen, "a", @note
  .balign 4
  .long 4, 4, XEN_ELFNOTE_PHYS32_ENTRY
  .asciz "Xen"
  .long PHYSICAL(_start)

  .section .text.entry, "ax"
  .code32
// The boot hart's entry. In: ebx = physical address of the start information. The hart is in 32-bit
// protected mode with flat segments, paging off and interrupts masked.
  .globl _start
_start:
  cli
  cld
  movl  %ebx, %ebp

  movl  $CPUID_EXTENDED, %eax
  cpuid
  movl  $PHYSICAL(no_long_mode), %esi
  testl $CPUID_LONG_MODE, %edx
  jz    give_up
  movl  %edx, %esi

  movl  $PHYSICAL(kernel_bss_start), %edi
  movl  $PHYSICAL(kernel_bss_end), %ecx
  subl  %edi, %ecx
  shrl  $2, %ecx
  xorl  %eax, %eax
  rep stosl

  // Fill the boot page table: it maps the first 512 GiB of physical memory at their own addresses and
  // at the start of the upper half, with pages of 1 GiB. If the processor has none, it maps 4 GiB with
  // pages of 2 MiB (mapped_at_boot() in boot.cpp). Each hart uses this table until it switches to the
  // kernel's own.
  movl  $PHYSICAL(boot_page_table), %edi
  movl  $PHYSICAL(boot_gigabytes) + ENTRY_OF_TABLE, %eax
  movl  %eax, (%edi)
  movl  %eax, 256 * 8(%edi)
  movl  $PHYSICAL(boot_gigabytes), %edi
  testl $CPUID_LARGEST_PAGES, %esi
  jz    smaller_pages
  movl  $ENTRY_OF_LARGE_PAGE, %eax
  xorl  %edx, %edx
  movl  $512, %ecx
1:movl  %eax, (%edi)
  movl  %edx, 4(%edi)
  addl  $0x40000000, %eax
  adcl  $0, %edx
  addl  $8, %edi
  loop  1b
  jmp   start_long_mode

smaller_pages:
  movl  $PHYSICAL(boot_pages) + ENTRY_OF_TABLE, %eax
  movl  $4, %ecx
1:movl  %eax, (%edi)
  addl  $4096, %eax
  addl  $8, %edi
  loop  1b
  movl  $PHYSICAL(boot_pages), %edi
  movl  $ENTRY_OF_LARGE_PAGE, %eax
  movl  $4 * 512, %ecx
2:movl  %eax, (%edi)
  addl  $0x200000, %eax
  addl  $8, %edi
  loop  2b

start_long_mode:
  lgdtl PHYSICAL(boot_descriptors_pointer)
  movl  $PHYSICAL(boot_page_table), %eax
  movl  %eax, %cr3
  movl  $CR4_BITS, %eax
  movl  %eax, %cr4
  movl  $EFER, %ecx
  movl  $EFER_BITS, %eax
  xorl  %edx, %edx
  wrmsr
  movl  $CR0_BITS, %eax
  movl  %eax, %cr0
  ljmpl $CODE_64, $PHYSICAL(boot_hart_low)

// Writes the text at esi to the serial port, and ends QEMU or stops.
give_up:
  movl  $SERIAL_PORT + SERIAL_STATUS, %edx
1:inb   %dx, %al
  testb $SERIAL_TAKES_BYTE, %al
  jz    1b
  movb  (%esi), %al
  incl  %esi
  testb %al, %al
  jz    2f
  movl  $SERIAL_PORT, %edx
  outb  %al, %dx
  jmp   give_up
2:movb  $1, %al
  outb  %al, $DEBUG_EXIT_PORT
3:hlt
  jmp   3b

no_long_mode:
  .asciz "cotrap: the processor has no 64-bit mode\n"

  .code64
boot_hart_low:
  movabsq $boot_hart, %rax
  jmpq  *%rax

boot_hart:
  movl  $DATA, %eax
  movl  %eax, %ds
  movl  %eax, %es
  movl  %eax, %ss
  movabsq $kernel_stack_top, %rsp

  // Copy the initialised per-hart data; the rest is zero already.
  movabsq $boot_hart_data, %rdi
  movabsq $kernel_tdata_start, %rsi
  movabsq $kernel_tdata_end, %rcx
  subq  %rsi, %rcx
  rep movsb

  movabsq $boot_hart_pointer, %rax
  call  set_hart_data
  movl  %ebp, %edi
  xorl  %ebp, %ebp
  call  hal_start
3:hlt
  jmp   3b

// Makes rax the address of the hart's data: FS has it, and the word there. Changes rcx and rdx.
set_hart_data:
  movq  %rax, (%rax)
  movq  %rax, %rdx
  shrq  $32, %rdx
  movl  $FS_BASE, %ecx
  wrmsr
  ret

// ── A hart that hal::start_hart() has started ──
//
// harts.cpp copies [hart_start_code, hart_start_code_end) to the page HART_START_PAGE, below 1 MiB.
// The hart begins there in real mode. The word `hart_start_argument` of the copy is the physical
// address of its HartStart.
#define COPIED(label) (label - hart_start_code + HART_START_PAGE)

  .code16
  .globl hart_start_code, hart_start_argument, hart_start_code_end
hart_start_code:
  cli
  cld
  xorw  %ax, %ax
  movw  %ax, %ds
  lgdtl COPIED(hart_start_descriptors_pointer)
  movl  $CR0_PROTECTED, %eax
  movl  %eax, %cr0
  ljmpl $CODE_32, $COPIED(hart_start_32)

  .code32
hart_start_32:
  movl  $DATA, %eax
  movl  %eax, %ds
  movl  %eax, %es
  movl  %eax, %ss
  movl  $PHYSICAL(boot_page_table), %eax
  movl  %eax, %cr3
  movl  $CR4_BITS, %eax
  movl  %eax, %cr4
  movl  $EFER, %ecx
  movl  $EFER_BITS | EFER_NO_EXECUTE, %eax
  xorl  %edx, %edx
  wrmsr
  movl  COPIED(hart_start_argument), %ebp
  movl  $CR0_BITS, %eax
  movl  %eax, %cr0
  ljmpl $CODE_64, $COPIED(hart_start_64)

  .code64
hart_start_64:
  movabsq $other_hart, %rax
  jmpq  *%rax

  .balign 8
hart_start_argument:
  .quad 0
hart_start_descriptors_pointer:
  .word boot_descriptors_end - boot_descriptors - 1
  .long PHYSICAL(boot_descriptors)
hart_start_code_end:

other_hart:
  movabsq $KERNEL_OFFSET_BITS, %rax
  addq  %rax, %rbp
  movq  HART_START_TRANSLATION(%rbp), %rax
  movq  %rax, %cr3
  movq  HART_START_DATA(%rbp), %rax
  movq  HART_START_STACK(%rbp), %rsp
  call  set_hart_data
  movq  %rbp, %rdi
  xorl  %ebp, %ebp
  call  hal_start_hart
4:hlt
  jmp   4b

  .balign 8
boot_descriptors:  // Intel SDM, volume 3, "Segment Descriptors"
  .quad 0
  .quad 0x00cf9b000000ffff  // CODE_32
  .quad 0x00af9b000000ffff  // CODE_64
  .quad 0x00cf93000000ffff  // DATA
boot_descriptors_end:
boot_descriptors_pointer:
  .word boot_descriptors_end - boot_descriptors - 1
  .long PHYSICAL(boot_descriptors)

  .section .bss.boot_page_table, "aw", @nobits
  .balign 4096
boot_page_table:
  .zero 4096
boot_gigabytes:
  .zero 4096
boot_pages:
  .zero 4 * 4096
