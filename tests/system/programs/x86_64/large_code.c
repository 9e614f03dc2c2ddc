// More code than the kernel has memory in one piece, and all of it to be changed where fs becomes gs.
#include <stdio.h>

void use_fs(void);
asm(".text\n.globl use_fs\nuse_fs:\n.rept 600000\nmov %fs:0, %rax\n.endr\nret\n");

int main(void) {
  puts("begin");
  use_fs();
  puts("end");
  return 0;
}
