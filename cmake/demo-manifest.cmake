# Writes the list of demos. NAME.line is the section cotrap_demo of the demo NAME (program.cmake):
#
#   cmake -DMANIFEST=FILE -P demo-manifest.cmake NAME.line…
set(text "")
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(place RANGE ${last})
  set(file "${CMAKE_ARGV${place}}")
  if(NOT file MATCHES "[.]line$")
    continue()
  endif()
  cmake_path(GET file STEM name)
  file(READ ${file} line)
  if(line STREQUAL "")
    message(FATAL_ERROR "The demo ${name} has no COTRAP_DEMO (user/include/user/demo.h).")
  endif()
  string(APPEND text "${name}\t${line}")
endforeach()
file(WRITE ${MANIFEST} "${text}")
