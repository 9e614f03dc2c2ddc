// Floating point: exact results, rounding modes and exception flags per thread, and sums that
// survive a thousand switches.
#include <fenv.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

enum { threads = 4, steps = 2000 };

static void* integrate(void* argument) {
  const int me = *(int*)argument;
  static const int modes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_UPWARD, FE_DOWNWARD};
  fesetround(modes[me]);
  volatile double sum = 0;
  float single = 0;
  for (int i = 1; i <= steps; ++i) {
    sum += 1.0 / (i + me) * sin(i);
    single += 0.1f * (float)me;
    if (i % 2 == 0) sched_yield();
  }
  const int kept = fegetround() == modes[me];
  static double results[threads];
  results[me] = kept ? sum + (double)single : NAN;
  return &results[me];
}

int main(void) {
  printf("%a %a %a\n", sqrt(2), exp(1), pow(10, 0.5));
  printf("%a %a %a\n", sin(1), atan2(1, -2), log(10));
  printf("%.17g %.17g\n", fma(0.1, 10, -1), remainder(7.5, 2));
  printf("%Lg %Lg\n", 1.0L / 3, sqrtl(2));
  printf("%d %d %d\n", (int)lrint(2.5), (int)lrint(3.5), (int)floor(-0.5));
  volatile double zero = 0;
  feclearexcept(FE_ALL_EXCEPT);
  const double infinity = 1 / zero;
  printf("%f %f, raised: %s%s\n", infinity, -zero / zero != 0 ? 0.0 : 1.0,
         fetestexcept(FE_DIVBYZERO) ? "division by zero " : "",
         fetestexcept(FE_INVALID) ? "invalid" : "");

  pthread_t ids[threads];
  int numbers[threads];
  for (int i = 0; i < threads; ++i) {
    numbers[i] = i;
    pthread_create(&ids[i], NULL, integrate, &numbers[i]);
  }
  for (int i = 0; i < threads; ++i) {
    void* result;
    pthread_join(ids[i], &result);
    printf("thread %d: %a\n", i, *(double*)result);
  }
  printf("main still rounds to nearest: %s\n", fegetround() == FE_TONEAREST ? "yes" : "no");
  return 0;
}
