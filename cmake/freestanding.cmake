# What every freestanding target is built with: libc++'s headers over picolibc, no exceptions, no
# RTTI. Two flavours: `cotrap_kernel_flags` (rv64imac, no floating point) and
# `cotrap_user_flags` (rv64gc).
find_path(COTRAP_LIBCXX __config PATHS /usr/lib/llvm-${COTRAP_LLVM_VERSION}/include/c++/v1
          NO_DEFAULT_PATH REQUIRED)
find_path(COTRAP_PICOLIBC picolibc.h
          PATHS /usr/lib/picolibc/riscv64-unknown-elf/include NO_DEFAULT_PATH REQUIRED)
find_path(COTRAP_FMT_HEADERS fmt/format.h PATHS /usr/include REQUIRED)
find_program(COTRAP_RISCV_GCC riscv64-unknown-elf-gcc REQUIRED)

# fmt's directory alone: the host's other headers must not be seen.
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/include)
file(CREATE_LINK ${COTRAP_FMT_HEADERS}/fmt ${CMAKE_BINARY_DIR}/include/fmt SYMBOLIC)

# libgcc.a of the multilib that fits march and abi.
function(cotrap_libgcc march abi result)
  execute_process(COMMAND ${COTRAP_RISCV_GCC} -march=${march} -mabi=${abi} -print-libgcc-file-name
                  OUTPUT_VARIABLE path OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(${result} ${path} PARENT_SCOPE)
endfunction()

add_library(cotrap_freestanding INTERFACE)
target_compile_options(cotrap_freestanding INTERFACE
  -mcmodel=medany -ffreestanding -fno-common -ffunction-sections -fdata-sections
  -nostdlibinc
  $<$<COMPILE_LANGUAGE:CXX>:-nostdinc++ -fno-exceptions -fno-rtti -fno-threadsafe-statics
    -fno-use-cxa-atexit>
  "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-isystem ${CMAKE_SOURCE_DIR}/cmake/libcxx -isystem ${COTRAP_LIBCXX}>"
  "SHELL:-isystem ${COTRAP_PICOLIBC}"
  "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-isystem ${CMAKE_BINARY_DIR}/include>")
target_compile_definitions(cotrap_freestanding INTERFACE
  _GNU_SOURCE FMT_HEADER_ONLY FMT_STATIC_THOUSANDS_SEPARATOR=',' FMT_EXCEPTIONS=0)
target_link_options(cotrap_freestanding INTERFACE
  -nostdlib -static -fuse-ld=lld -Wl,--gc-sections -Wl,-z,noexecstack)

add_library(cotrap_kernel_flags INTERFACE)
target_link_libraries(cotrap_kernel_flags INTERFACE cotrap_freestanding)
target_compile_options(cotrap_kernel_flags INTERFACE
  -march=rv64imac_zicsr_zifencei_zicbom_zicboz -mabi=lp64 -fomit-frame-pointer
  -mno-implicit-float -ftls-model=local-exec)
target_compile_definitions(cotrap_kernel_flags INTERFACE
  FMT_USE_FLOAT=0 FMT_USE_DOUBLE=0 FMT_USE_LONG_DOUBLE=0)
# What fmt does with an error in a format that only shows at run time.
target_compile_options(cotrap_freestanding INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-D 'FMT_THROW(error)=__builtin_abort()'>")
cotrap_libgcc(rv64imac lp64 kernel_libgcc)
target_link_libraries(cotrap_kernel_flags INTERFACE
  ${COTRAP_PICOLIBC}/../lib/rv64imac/lp64/libc.a ${kernel_libgcc})

add_library(cotrap_user_flags INTERFACE)
target_link_libraries(cotrap_user_flags INTERFACE cotrap_freestanding)
target_compile_options(cotrap_user_flags INTERFACE -march=rv64gc -mabi=lp64d)
cotrap_libgcc(rv64imafdc lp64d user_libgcc)
target_link_libraries(cotrap_user_flags INTERFACE
  ${COTRAP_PICOLIBC}/../lib/rv64imafdc/lp64d/libc.a ${user_libgcc})
