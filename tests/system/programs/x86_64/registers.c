// Checks that a `syscall` preserves all general registers but rax, rcx and r11, all vector
// registers, and the memory below the stack pointer. The instruction before the `syscall` loads eax
// with a constant, or copies it from another register. `registers code` prints for both whether the
// kernel has rewritten the code to a jump.
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct probe {
  unsigned char given[16][32], found[16][32];
  long answer, wrong;
  struct stat status;  // the kernel uses vector registers to fill it
};
_Static_assert(offsetof(struct probe, answer) == 1024 && offsetof(struct probe, status) == 1040, "asm");

void probe_constant(struct probe*);
void probe_register(struct probe*);
extern const unsigned char probe_constant_at[], probe_register_at[];

#define PROBE(name, call)                                                          \
  asm(".text\n.globl probe_" name ", probe_" name "_at\nprobe_" name ":\n"         \
      ".irp r, rbx, rbp, r12, r13, r14, r15\npush %\\r\n.endr\n"                   \
      "mov %rdi, %rbp\n"                                                           \
      ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"                            \
      "vmovdqu 32*\\n(%rbp), %ymm\\n\n.endr\n"                                     \
      "mov $11, %ebx\nmov $12, %edx\nlea 1040(%rbp), %rsi\nmov $1, %edi\nmov $15, %r8d\n" \
      "mov $16, %r9d\nmov $17, %r10d\nmov $18, %r12d\nmov $19, %r13d\n"            \
      "mov $20, %r14d\nmov $5, %r15d\n"                                           \
      "movq $21, -8(%rsp)\nmovq $22, -128(%rsp)\n"                                 \
      "probe_" name "_at:\n" call                                                  \
      ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"                            \
      "vmovdqu %ymm\\n, 512+32*\\n(%rbp)\n.endr\n"                                 \
      "mov %rax, 1024(%rbp)\n"                                                     \
      "sub $11, %rbx\nsub $12, %rdx\nsub $1040, %rsi\nsub %rbp, %rsi\nsub $1, %rdi\nsub $15, %r8\n" \
      "sub $16, %r9\nsub $17, %r10\nsub $18, %r12\nsub $19, %r13\nsub $20, %r14\n" \
      "sub $5, %r15\nsubq $21, -8(%rsp)\nsubq $22, -128(%rsp)\n"                  \
      ".irp r, rdx, rsi, rdi, r8, r9, r10, r12, r13, r14, r15\nor %\\r, %rbx\n.endr\n" \
      "or -8(%rsp), %rbx\nor -128(%rsp), %rbx\nmov %rbx, 1032(%rbp)\n"             \
      "vzeroupper\n"                                                               \
      ".irp r, r15, r14, r13, r12, rbp, rbx\npop %\\r\n.endr\n"                    \
      "ret\n")

PROBE("constant", "mov $5, %eax\nsyscall\n");
PROBE("register", "mov %r15d, %eax\nsyscall\n");

static void run(const char* how, void (*function)(struct probe*)) {
  struct probe probe;
  for (int i = 0; i < (int)sizeof probe.given; ++i) {
    probe.given[i / 32][i % 32] = (unsigned char)(i * 7 + i / 32);
  }
  for (int i = 0; i < 3; ++i) {
    memset(probe.found, 0, sizeof probe.found);
    memset(&probe.status, 0, sizeof probe.status);
    function(&probe);
    printf("%s: %s, %s, %s\n", how, probe.answer == 0 && probe.status.st_nlink > 0 ? "answered" : "?",
           probe.wrong == 0 ? "general registers kept" : "general registers lost",
           memcmp(probe.given, probe.found, sizeof probe.given) == 0 ? "vector registers kept"
                                                                     : "vector registers lost");
  }
}

static const char* what_is(const unsigned char* code) {
  return *code == 0xe9 ? "a jump" : "as it was";
}

int main(int argc, char** argv) {
  if (!__builtin_cpu_supports("avx")) {
    puts("no vector registers to look at");
    return 0;
  }
  run("constant", probe_constant);
  run("register", probe_register);
  if (argc > 1 && strcmp(argv[1], "code") == 0) {
    printf("constant: %s\n", what_is(probe_constant_at));
    printf("register: %s\n", what_is(probe_register_at));
  }
  return 0;
}
