# Options of the freestanding kernel for a PC, with musl's headers and its functions for strings.
#
# The kernel is linked at one address, but compiled as position-independent code: its addresses are too
# high for instructions with absolute ones. An interrupt uses the stack that the hart uses, so there is
# no red zone below the stack pointer. Without vector instructions nothing needs stacks that are aligned to 16
# bytes, so run_user() need not align the stack of the functions that serve traps.
include(freestanding)
find_path(COTRAP_MUSL_HEADERS features.h PATHS /usr/include/x86_64-linux-musl NO_DEFAULT_PATH REQUIRED)
find_library(COTRAP_MUSL libc.a PATHS /usr/lib/x86_64-linux-musl NO_DEFAULT_PATH REQUIRED)
find_library(COTRAP_BUILTINS libclang_rt.builtins-x86_64.a NO_DEFAULT_PATH REQUIRED
  PATHS /usr/lib/llvm-${COTRAP_LLVM_VERSION}/lib/clang/${COTRAP_LLVM_VERSION}/lib/linux)

cotrap_add_freestanding(cotrap_kernel_flags -nostdlibinc "SHELL:-isystem ${COTRAP_MUSL_HEADERS}")
target_compile_options(cotrap_kernel_flags INTERFACE
  ${COTRAP_KERNEL_BUILTINS}
  -fpie -fdirect-access-external-data -fvisibility=hidden -mno-red-zone -mstack-alignment=8 -mno-mmx -mno-sse -msoft-float -mno-implicit-float
  -fomit-frame-pointer -fno-stack-protector -fno-asynchronous-unwind-tables -ftls-model=local-exec)
target_compile_definitions(cotrap_kernel_flags INTERFACE
  FMT_USE_FLOAT=0 FMT_USE_DOUBLE=0 FMT_USE_LONG_DOUBLE=0)
target_link_options(cotrap_kernel_flags INTERFACE -nostdlib -static -Wl,-z,max-page-size=4096)
target_link_libraries(cotrap_kernel_flags INTERFACE ${COTRAP_MUSL} ${COTRAP_BUILTINS})
