# The options of every freestanding target, on every machine. They use libc++'s headers, but only the
# parts that need no compiled library. There are no exceptions and no RTTI.
find_path(COTRAP_LIBCXX __config PATHS /usr/lib/llvm-${COTRAP_LLVM_VERSION}/include/c++/v1
          NO_DEFAULT_PATH REQUIRED)
find_path(COTRAP_FMT_HEADERS fmt/format.h PATHS /usr/include REQUIRED)

# Makes a link to fmt's folder alone, so that the host's other headers stay out of the include path.
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/include)
file(CREATE_LINK ${COTRAP_FMT_HEADERS}/fmt ${CMAKE_BINARY_DIR}/include/fmt SYMBOLIC)

# fmt checks formats at compile time. Clang does not compile that check of fmt 10.0 and 10.1 (Debian 13
# has 10.1), so for these versions it becomes constexpr.
file(STRINGS ${COTRAP_FMT_HEADERS}/fmt/core.h fmt_version REGEX "define FMT_VERSION 100[01]..")
set(fmt_check "")
if(fmt_version)
  set(fmt_check FMT_CONSTEVAL=constexpr)
endif()

# In the kernel the compiler uses its built-in functions, which -ffreestanding would turn off. Without them it
# calls strlen() for a literal. The mem* functions are off, because it would call them for loops of a few rounds.
set(COTRAP_KERNEL_BUILTINS
    -U__STDC_HOSTED__ -D__STDC_HOSTED__=0 -Wno-builtin-macro-redefined
    -fno-builtin-memcpy -fno-builtin-memmove -fno-builtin-memset)

# cotrap_add_freestanding(name option…): an interface library with these options. The options after the
# name select the C library's headers; without any, the compiler's default headers are used.
function(cotrap_add_freestanding name)
  add_library(${name} INTERFACE)
  target_compile_options(${name} INTERFACE
    -fno-common -ffunction-sections -fdata-sections
    $<$<COMPILE_LANGUAGE:CXX>:-nostdinc++ -fno-exceptions -fno-rtti -fno-threadsafe-statics
      -fno-use-cxa-atexit>
    "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-isystem '${CMAKE_SOURCE_DIR}/cmake/libcxx' -isystem ${COTRAP_LIBCXX}>"
    ${ARGN}
    "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-isystem '${CMAKE_BINARY_DIR}/include'>")
  target_compile_definitions(${name} INTERFACE
    _GNU_SOURCE FMT_HEADER_ONLY FMT_STATIC_THOUSANDS_SEPARATOR=',' FMT_EXCEPTIONS=0 ${fmt_check})
  # fmt uses the macro FMT_THROW for a format error at run time; here it aborts, as there are no exceptions.
  target_compile_options(${name} INTERFACE
    "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-D 'FMT_THROW(error)=__builtin_abort()'>")
  target_link_options(${name} INTERFACE -fuse-ld=lld -Wl,--gc-sections -Wl,-z,noexecstack)
endfunction()
