// What the auxiliary vector says of a dynamically linked program and its interpreter.
#define _GNU_SOURCE
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

extern void _start(void);
extern const ElfW(Ehdr) __ehdr_start;

static const char* same(unsigned long a, unsigned long b) {
  return a == b ? "right" : "wrong";
}

int main(void) {
  const unsigned long base = getauxval(AT_BASE);
  const ElfW(Ehdr)* const interpreter = (const ElfW(Ehdr)*)base;
  printf("AT_BASE: %s\n", memcmp(interpreter->e_ident, ELFMAG, SELFMAG) == 0 ? "right" : "wrong");
  printf("AT_BASE is the linker's: %s\n", same(base, _r_debug.r_ldbase));
  printf("AT_ENTRY: %s\n", same(getauxval(AT_ENTRY), (unsigned long)_start));
  const unsigned long headers = (unsigned long)&__ehdr_start + __ehdr_start.e_phoff;
  printf("AT_PHDR: %s\n", same(getauxval(AT_PHDR), headers));
  printf("AT_PHNUM: %s\n", same(getauxval(AT_PHNUM), __ehdr_start.e_phnum));
  printf("AT_PHENT: %lu\n", getauxval(AT_PHENT));
  printf("AT_PAGESZ: %lu\n", getauxval(AT_PAGESZ));
  printf("AT_CLKTCK: %lu\n", getauxval(AT_CLKTCK));
  printf("AT_SECURE: %lu\n", getauxval(AT_SECURE));
  printf("AT_UID: %s\n", same(getauxval(AT_UID), getuid()));
  printf("AT_EGID: %s\n", same(getauxval(AT_EGID), getegid()));
  const char* const name = strrchr((const char*)getauxval(AT_EXECFN), '/');
  printf("AT_EXECFN: %s\n", name);
  printf("bytes at AT_RANDOM: %s\n", getauxval(AT_RANDOM) != 0 ? "yes" : "no");
  printf("AT_HWCAP has imafdc: %d\n", (getauxval(AT_HWCAP) & 0x112d) == 0x112d);
  return 0;
}
