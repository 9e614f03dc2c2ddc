# What every freestanding target is built with, whatever the machine: libc++'s headers, of which only
# those parts are used that need no compiled library, no exceptions, no RTTI.
find_path(COTRAP_LIBCXX __config PATHS /usr/lib/llvm-${COTRAP_LLVM_VERSION}/include/c++/v1
          NO_DEFAULT_PATH REQUIRED)
find_path(COTRAP_FMT_HEADERS fmt/format.h PATHS /usr/include REQUIRED)

# fmt's directory alone: the host's other headers must not be seen.
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/include)
file(CREATE_LINK ${COTRAP_FMT_HEADERS}/fmt ${CMAKE_BINARY_DIR}/include/fmt SYMBOLIC)

# Formats are checked when they are compiled; but Clang does not compile how fmt 10.0 and 10.1 (Debian
# 13's) ask for it.
file(STRINGS ${COTRAP_FMT_HEADERS}/fmt/core.h fmt_version REGEX "define FMT_VERSION 100[01]..")
set(fmt_check "")
if(fmt_version)
  set(fmt_check FMT_CONSTEVAL=constexpr)
endif()

# The C library's headers are the last argument: what `-nostdlibinc` leaves to say, or nothing.
function(cotrap_add_freestanding name)
  add_library(${name} INTERFACE)
  target_compile_options(${name} INTERFACE
    -ffreestanding -fno-common -ffunction-sections -fdata-sections
    $<$<COMPILE_LANGUAGE:CXX>:-nostdinc++ -fno-exceptions -fno-rtti -fno-threadsafe-statics
      -fno-use-cxa-atexit>
    "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-isystem '${CMAKE_SOURCE_DIR}/cmake/libcxx' -isystem ${COTRAP_LIBCXX}>"
    ${ARGN}
    "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-isystem '${CMAKE_BINARY_DIR}/include'>")
  target_compile_definitions(${name} INTERFACE
    _GNU_SOURCE FMT_HEADER_ONLY FMT_STATIC_THOUSANDS_SEPARATOR=',' FMT_EXCEPTIONS=0 ${fmt_check})
  # What fmt does with an error in a format that only shows at run time.
  target_compile_options(${name} INTERFACE
    "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-D 'FMT_THROW(error)=__builtin_abort()'>")
  target_link_options(${name} INTERFACE -fuse-ld=lld -Wl,--gc-sections -Wl,-z,noexecstack)
endfunction()
