# Freestanding targets for riscv64, over picolibc. Two flavours: `cotrap_kernel_flags` (rv64imac, no
# floating point) and `cotrap_user_flags` (rv64gc).
include(freestanding)
find_path(COTRAP_PICOLIBC picolibc.h
          PATHS /usr/lib/picolibc/riscv64-unknown-elf/include NO_DEFAULT_PATH REQUIRED)
find_program(COTRAP_RISCV_GCC riscv64-unknown-elf-gcc REQUIRED)

# libgcc.a of the multilib that fits march and abi.
function(cotrap_libgcc march abi result)
  execute_process(COMMAND ${COTRAP_RISCV_GCC} -march=${march} -mabi=${abi} -print-libgcc-file-name
                  OUTPUT_VARIABLE path OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(${result} ${path} PARENT_SCOPE)
endfunction()

cotrap_add_freestanding(cotrap_freestanding -mcmodel=medany -nostdlibinc
                        "SHELL:-isystem ${COTRAP_PICOLIBC}")
target_link_options(cotrap_freestanding INTERFACE -nostdlib -static)

add_library(cotrap_kernel_flags INTERFACE)
target_link_libraries(cotrap_kernel_flags INTERFACE cotrap_freestanding)
target_compile_options(cotrap_kernel_flags INTERFACE
  -march=rv64imac_zicsr_zifencei_zicbom_zicboz -mabi=lp64 -fomit-frame-pointer
  -mno-implicit-float -ftls-model=local-exec)
target_compile_definitions(cotrap_kernel_flags INTERFACE
  FMT_USE_FLOAT=0 FMT_USE_DOUBLE=0 FMT_USE_LONG_DOUBLE=0)
cotrap_libgcc(rv64imac lp64 kernel_libgcc)
target_link_libraries(cotrap_kernel_flags INTERFACE
  ${COTRAP_PICOLIBC}/../lib/rv64imac/lp64/libc.a ${kernel_libgcc})

add_library(cotrap_user_flags INTERFACE)
target_link_libraries(cotrap_user_flags INTERFACE cotrap_freestanding)
target_compile_options(cotrap_user_flags INTERFACE -march=rv64gc -mabi=lp64d)
cotrap_libgcc(rv64imafdc lp64d user_libgcc)
target_link_libraries(cotrap_user_flags INTERFACE
  ${COTRAP_PICOLIBC}/../lib/rv64imafdc/lp64d/libc.a ${user_libgcc})
