// Measures the workloads: bench_pool ROUNDS THREADS [NAME…]. Prints one line for each workload, way
// and number of threads, with tabs between name, way, threads, ns an operation, and the processor
// time of an operation in ns. Both are those of the shortest round, because other processes on the
// host only make rounds longer. The ways take turns, so that all of them meet the same host.
#include <sys/resource.h>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "workloads.h"

namespace {

using bench::Runner;

struct Workload {
  const char* name;
  std::uint64_t (*run)(Runner& runner);
  std::uint64_t result;
  double operations;
  int runs = 4;  // a round
};

constexpr Workload workloads[] = {
    {"fib", [](Runner& runner) { return runner.fib(30); }, 832'040, 1'346'268, 1},
    {"skynet", [](Runner& runner) { return runner.skynet(5); }, 4'999'950'000, 111'111},
    {"nqueens", [](Runner& runner) { return runner.queens(9, 4); }, 352, 352},
    {"matmul", [](Runner& runner) { return runner.multiply(256); }, 16'646'400, 64},
    {"channel", [](Runner& runner) { return runner.send(4, 2'000); }, 8'000, 8'000},
    {"channel.pair", [](Runner& runner) { return runner.ping_pong(5'000); }, 5'000, 5'000},
    {"mutex", [](Runner& runner) { return runner.share(8, 100); }, 800, 800},
    {"mutex.held", [](Runner& runner) { return runner.lock(20'000); }, 20'000, 20'000},
};

double processor_ns() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto ns = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_usec) * 1e3;
  };
  return ns(used.ru_utime) + ns(used.ru_stime);
}

struct Shortest {
  double ns = std::numeric_limits<double>::infinity();
  double processor_ns = std::numeric_limits<double>::infinity();
};

/// Each round has a new pool, and runs the workload a few times in it.
bool measure(const Workload& workload, Runner* made, Shortest& shortest) {
  const std::unique_ptr<Runner> runner(made);
  const double processor = processor_ns();
  for (int i = 0; i < workload.runs; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const std::uint64_t result = workload.run(*runner);
    const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
    if (result == 0) return true;
    if (result != workload.result) {
      std::fprintf(stderr, "%s: wrong result %llu\n", workload.name,
                   static_cast<unsigned long long>(result));
      return false;
    }
    shortest.ns = std::min(shortest.ns, time.count() / workload.operations);
  }
  const double used = (processor_ns() - processor) / workload.runs / workload.operations;
  shortest.processor_ns = std::min(shortest.processor_ns, used);
  return true;
}

bool measure_all(const Workload& workload, int rounds, const std::vector<unsigned>& threads) {
  using Way = Runner* (*)(unsigned threads);
  constexpr std::pair<const char*, Way> ways[] = {{"pool", bench::make_pool_runner},
                                                  {"tbb", bench::make_tbb_runner}};
  std::map<std::pair<std::string_view, unsigned>, Shortest> found;
  for (int round = 0; round < rounds; ++round) {
    for (const auto& [name, make] : ways) {
      for (const unsigned count : threads) {
        Runner* const runner = make(count);
        if (runner == nullptr) continue;
        if (!measure(workload, runner, found[{name, count}])) return false;
      }
    }
  }
  for (const auto& [key, shortest] : found) {
    if (shortest.ns == std::numeric_limits<double>::infinity()) continue;
    std::printf("%s\t%s\t%u\t%.2f\t%.2f\n", workload.name, std::string(key.first).c_str(),
                key.second, shortest.ns, shortest.processor_ns);
  }
  std::fflush(stdout);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s ROUNDS THREADS [NAME…]\n", argv[0]);
    return 2;
  }
  std::vector<unsigned> threads{1};
  const auto most = static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10));
  for (unsigned count = 2; count <= most; count *= 2) threads.push_back(count);
  for (const Workload& workload : workloads) {
    const bool is_chosen = argc == 3 || std::any_of(argv + 3, argv + argc, [&](const char* name) {
                             return std::string_view(name) == workload.name;
                           });
    if (is_chosen && !measure_all(workload, std::atoi(argv[1]), threads)) return 1;
  }
  return 0;
}
