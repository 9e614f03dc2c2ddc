# cotrap_remove_other_files(folder [name…]): removes each file of the folder whose name is not in the list. A
# build calls it when it is configured: without it, programs that no target makes any more would stay.
function(cotrap_remove_other_files folder)
  file(GLOB files LIST_DIRECTORIES false RELATIVE ${folder} ${folder}/*)
  list(REMOVE_ITEM files ${ARGN})
  foreach(file IN LISTS files)
    message(STATUS "Removing ${folder}/${file}: no target makes it")
    file(REMOVE "${folder}/${file}")
  endforeach()
endfunction()
