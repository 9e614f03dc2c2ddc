// Contains an instruction that the kernel cannot rewrite to reach the program's fs through gs: it
// uses gs itself.
#include <stdio.h>

long use_gs(void);
asm(".section refused_text, \"ax\", @progbits\n.balign 4096\n.globl use_gs\n"
    "use_gs:\nmov %gs:0, %rax\nret\n.balign 4096\n.text\n");

static __thread int mine = 5;

int main(void) {
  printf("%d\n", mine);
  fflush(stdout);
  return (int)use_gs();
}
