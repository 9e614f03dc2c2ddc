// The boot archive of a kernel without built-in programs (hal/builtin_archive.h). The linker takes
// this object from the library only if no other one defines the symbols.
  .section .rodata.builtin_archive, "a", @progbits
  .globl cotrap_builtin_archive
  .globl cotrap_builtin_archive_end
cotrap_builtin_archive:
cotrap_builtin_archive_end:

  .section .note.GNU-stack, "", @progbits
