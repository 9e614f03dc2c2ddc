#include "harts.h"

int main(int argc, char** argv) {
  using namespace harts;
  for (const auto parts :
       {places(), memory(), ends(), waits(), sharing(), strand(), descriptors(), names(),
        processes(), locks(), policies_changed(), snapshots(), shares()}) {
    for (const Part& part : parts) {
      if (argc != 2 || part.name != argv[1]) continue;
      part.run();
      return 0;
    }
  }
  fail("no such part");
}
