// Loads a library at run time, calls it, and unloads it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>

static int count_objects(struct dl_phdr_info* info, size_t size, void* count) {
  (void)size;
  if (info->dlpi_phnum > 0) ++*(int*)count;
  return 0;
}

static int objects(void) {
  int count = 0;
  dl_iterate_phdr(count_objects, &count);
  return count;
}

int main(void) {
  const int before = objects();
  void* const library = dlopen("libm.so.6", RTLD_NOW);
  printf("loaded: %d\n", library != NULL);
  if (library == NULL) return 1;
  double (*const root)(double) = (double (*)(double))dlsym(library, "sqrt");
  printf("the root of 2.25 is %g\n", root != NULL ? root(2.25) : 0.0);
  printf("unloaded: %d, %d objects more\n", dlclose(library), objects() - before);
  printf("no such library: %d\n", dlopen("libnone.so.1", RTLD_NOW) == NULL);
  return 0;
}
