# Finds Catch2 and fmt for host builds, and sets the options of the linker and the sanitizers.
find_package(Catch2 3 REQUIRED)
find_package(fmt REQUIRED)

add_link_options(-fuse-ld=lld)  # faster than GNU ld; the kernels use it, too

if(COTRAP_SANITIZE)
  # Left out: what AddressSanitizer finds, too, and what needs virtual functions. The code is a fifth longer with it.
  add_compile_options(-fsanitize=address,undefined -fno-sanitize=null,object-size,vptr
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()
