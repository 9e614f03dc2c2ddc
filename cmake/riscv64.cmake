# Options of freestanding targets for riscv64, with picolibc as the C library: `cotrap_kernel_flags`
# (rv64imac, no floating point) and `cotrap_user_flags` (rv64gc).
include(freestanding)
find_path(COTRAP_PICOLIBC picolibc.h
          PATHS /usr/lib/picolibc/riscv64-unknown-elf/include NO_DEFAULT_PATH REQUIRED)
find_program(COTRAP_RISCV_GCC riscv64-unknown-elf-gcc REQUIRED)

# cotrap_ask_gcc(question march abi result): sets `result` to GCC's answer to -print-QUESTION for the
# multilib of march and abi.
function(cotrap_ask_gcc question march abi result)
  execute_process(COMMAND ${COTRAP_RISCV_GCC} -march=${march} -mabi=${abi} -print-${question}
                  OUTPUT_VARIABLE answer OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(${result} ${answer} PARENT_SCOPE)
endfunction()

# The path of the multilib's libgcc.a.
function(cotrap_libgcc march abi result)
  cotrap_ask_gcc(libgcc-file-name ${march} ${abi} path)
  set(${result} ${path} PARENT_SCOPE)
endfunction()

# The path of picolibc's libc.a for the multilib. GCC prints `.` as the folder of the default multilib.
function(cotrap_libc march abi result)
  cotrap_ask_gcc(multi-directory ${march} ${abi} folder)
  set(${result} ${COTRAP_PICOLIBC}/../lib/${folder}/libc.a PARENT_SCOPE)
endfunction()

cotrap_add_freestanding(cotrap_freestanding -mcmodel=medany -nostdlibinc
                        "SHELL:-isystem ${COTRAP_PICOLIBC}")
target_link_options(cotrap_freestanding INTERFACE -nostdlib -static)

add_library(cotrap_kernel_flags INTERFACE)
target_link_libraries(cotrap_kernel_flags INTERFACE cotrap_freestanding)
target_compile_options(cotrap_kernel_flags INTERFACE
  ${COTRAP_KERNEL_BUILTINS}
  -march=rv64imac_zicsr_zifencei_zicbom_zicboz -mabi=lp64 -fomit-frame-pointer
  -mno-implicit-float -ftls-model=local-exec)
target_compile_definitions(cotrap_kernel_flags INTERFACE
  FMT_USE_FLOAT=0 FMT_USE_DOUBLE=0 FMT_USE_LONG_DOUBLE=0)
cotrap_libc(rv64imac lp64 kernel_libc)
cotrap_libgcc(rv64imac lp64 kernel_libgcc)
target_link_libraries(cotrap_kernel_flags INTERFACE ${kernel_libc} ${kernel_libgcc})

add_library(cotrap_user_flags INTERFACE)
target_link_libraries(cotrap_user_flags INTERFACE cotrap_freestanding)
target_compile_options(cotrap_user_flags INTERFACE -ffreestanding -march=rv64gc -mabi=lp64d)
if(NOT COTRAP_MMU)
  # Static-PIE, because the kernel loads a program where there is room.
  target_compile_options(cotrap_user_flags INTERFACE -fPIE)
  target_link_options(cotrap_user_flags INTERFACE
    -Wl,-pie -Wl,--no-dynamic-linker -Wl,-z,text -Wl,-z,norelro)
endif()
cotrap_libc(rv64imafdc lp64d user_libc)
cotrap_libgcc(rv64imafdc lp64d user_libgcc)
target_link_libraries(cotrap_user_flags INTERFACE ${user_libc} ${user_libgcc})
