// More code than the kernel can allocate in one piece. The kernel must rewrite all of it, from fs
// to gs.
#include <stdio.h>

void use_fs(void);
asm(".text\n.globl use_fs\nuse_fs:\n.rept 600000\nmov %fs:0, %rax\n.endr\nret\n");

int main(void) {
  puts("begin");
  use_fs();
  puts("end");
  return 0;
}
