# Selects Clang for a PC without an operating system. Its drivers for bare x86_64 targets need GCC to link, so
# the target is Linux, and all targets are freestanding. cmake/pc.cmake selects the code model and the
# instructions of each target.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(COTRAP_MACHINE pc CACHE STRING "")

include(${CMAKE_CURRENT_LIST_DIR}/find-clang.cmake)

foreach(language C CXX ASM)
  set(CMAKE_${language}_COMPILER_TARGET x86_64-linux-musl)
endforeach()
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
foreach(language C CXX ASM)
  set(CMAKE_${language}_FLAGS_RELEASE "-O2 -g -DNDEBUG" CACHE STRING "")
  set(CMAKE_${language}_FLAGS_DEBUG "-Og -g" CACHE STRING "")
endforeach()
