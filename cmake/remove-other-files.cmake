# cotrap_remove_other_files(folder [name…]): removes every file from the folder, except those with the given
# names. CMake calls it at each configuration: a program stays in its folder when its target is deleted.
function(cotrap_remove_other_files folder)
  file(GLOB files LIST_DIRECTORIES false RELATIVE ${folder} ${folder}/*)
  list(REMOVE_ITEM files ${ARGN})
  foreach(file IN LISTS files)
    message(STATUS "Removing ${folder}/${file}: no target makes it")
    file(REMOVE "${folder}/${file}")
  endforeach()
endfunction()
