# find_package(cotrap_async) defines the target cotrap::async.
if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  set(cotrap_async_FOUND FALSE)
  set(cotrap_async_NOT_FOUND_MESSAGE
    "cotrap_async needs Clang, but the compiler is ${CMAKE_CXX_COMPILER_ID}: set CMAKE_CXX_COMPILER")
  return()
endif()
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include(${CMAKE_CURRENT_LIST_DIR}/targets.cmake)
