# Programs that are linked into the kernel: a boot archive in the kernel's image (hal/builtin_archive.h).
#
#   cotrap_add_builtin_archive(name program…)
#
# The object library `name` holds the archive of these programs. A program is the name of one of Cotrap's
# own, or the absolute path of a file. The archive has each as /bin/NAME, and numbers them in this order: the link
# /builtin/0 points to the first one. A kernel that links $<TARGET_OBJECTS:name> boots without a boot archive.

function(cotrap_add_builtin_archive name)
  set(archive ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpio)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${name}.S)
  set(files)
  foreach(program IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH program BASE_DIRECTORY ${CMAKE_BINARY_DIR}/initrd-root/bin)
    list(APPEND files ${program})
  endforeach()
  # The programs may come from another build, so the archive is packed at each build. The command does
  # not write it if nothing has changed.
  add_custom_target(${name}_archive BYPRODUCTS ${archive} VERBATIM
    COMMAND ${CMAKE_COMMAND} -E env PYTHONPATH=${PROJECT_SOURCE_DIR}/cmake/tools
            ${COTRAP_PYTHON} -m cotrap.builtin ${archive} ${files}
    COMMENT "Packing the programs that are built into the kernel")
  add_dependencies(${name}_archive cotrap_programs)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT [[
  .section .rodata.builtin_archive, "a", @progbits
  .balign 4096
  .globl cotrap_builtin_archive
  .globl cotrap_builtin_archive_end
cotrap_builtin_archive:
  .incbin "@archive@"
cotrap_builtin_archive_end:

  .section .note.GNU-stack, "", @progbits
]])
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS ${archive})
  add_library(${name} OBJECT ${source})
  target_link_libraries(${name} PRIVATE cotrap_kernel_flags)
  add_dependencies(${name} ${name}_archive)
endfunction()
