# Options for the kernel as a Linux x86_64 process, and for the programs that run on it.
#
# `cotrap_kernel_flags`: the kernel is freestanding code on the host's C library. hal/hosted uses its
# threads, signals and mappings; the rest of the kernel uses only the memory functions.
# `cotrap_user_flags`: programs are static and position-independent, because each gets its own address
# range in the one process. They use musl's headers and functions, but the runtime makes all system calls.
include(freestanding)
find_path(COTRAP_MUSL_HEADERS features.h PATHS /usr/include/x86_64-linux-musl NO_DEFAULT_PATH REQUIRED)
find_library(COTRAP_MUSL libc.a PATHS /usr/lib/x86_64-linux-musl NO_DEFAULT_PATH REQUIRED)
find_library(COTRAP_BUILTINS libclang_rt.builtins-x86_64.a NO_DEFAULT_PATH REQUIRED
  PATHS /usr/lib/llvm-${COTRAP_LLVM_VERSION}/lib/clang/${COTRAP_LLVM_VERSION}/lib/linux)

cotrap_add_freestanding(cotrap_kernel_flags)
target_compile_options(cotrap_kernel_flags INTERFACE ${COTRAP_KERNEL_BUILTINS} -fno-pie -ftls-model=local-exec -pthread)
target_compile_definitions(cotrap_kernel_flags INTERFACE
  FMT_USE_FLOAT=0 FMT_USE_DOUBLE=0 FMT_USE_LONG_DOUBLE=0)
target_link_options(cotrap_kernel_flags INTERFACE -nostdlib++ -no-pie -pthread)
if(COTRAP_SANITIZE)
  # The sanitizer must not replace the kernel's operator new: the kernel's heap uses the machine's frames.
  if(COTRAP_SANITIZE STREQUAL thread)
    set(sanitizers -fsanitize=thread)
    # The kernel polls for interrupts at each edge (trap/hosted/step_interrupts_polled.cpp).
    target_compile_options(cotrap_kernel_flags INTERFACE -fsanitize-coverage=edge,no-prune,trace-pc)
  else()
    set(sanitizers -fsanitize=address,undefined -fno-sanitize=null,object-size,vptr)  # see host.cmake
  endif()
  target_compile_options(cotrap_kernel_flags INTERFACE
    ${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(cotrap_kernel_flags INTERFACE ${sanitizers} -fno-sanitize-link-c++-runtime)
endif()

# No red zone: a system call is a call instruction here, and would write its return address into the red
# zone. No stack protector: its code would read the canary from the C library's thread-local storage.
cotrap_add_freestanding(cotrap_user_flags -nostdlibinc "SHELL:-isystem ${COTRAP_MUSL_HEADERS}")
target_compile_options(cotrap_user_flags INTERFACE
  -ffreestanding --target=x86_64-linux-musl -fPIE -mno-red-zone -fno-stack-protector -fno-asynchronous-unwind-tables)
target_link_options(cotrap_user_flags INTERFACE
  --target=x86_64-linux-musl -nostdlib -static-pie -Wl,-z,now -Wl,-z,norelro)
target_link_libraries(cotrap_user_flags INTERFACE ${COTRAP_MUSL} ${COTRAP_BUILTINS})
