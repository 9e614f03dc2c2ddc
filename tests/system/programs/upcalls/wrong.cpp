// Wrong calls, headers and contexts; and upcalls that end a program.
#include "upcalls.h"

namespace upcalls {
namespace {

template <class T>
void refused(const Result<T>& result, Errno error, std::string_view what) {
  check(!result && result.error() == error, "{}: expected {}", what, abi::name(error));
}

struct Page {
  Page() : memory{must(map_memory(page_bytes, abi::prot_read | abi::prot_write), "a page")} {}
  abi::UpcallHeader& header() const { return *reinterpret_cast<abi::UpcallHeader*>(memory); }
  std::byte* memory;
};

void never_called() {}

void wrong() {
  Page page;
  const auto entry = address(&never_called);
  refused(call(abi::upcall_set_up, page.memory, entry, 1, 0), Errno::enxio, "without a ring");
  refused(call(abi::upcall_resume, 0, 1), Errno::enxio, "no contexts");
  refused(call(abi::upcall_resume_of, thread_id(), 0, 1), Errno::enxio, "no contexts");
  refused(notify(thread_id(), 1), Errno::enxio, "a thread without upcalls");
  refused(notify(99'999, 1), Errno::esrch, "an unknown thread");
  auto ring = must(Ring::make(), "a ring");
  refused(call(abi::upcall_set_up, page.memory + 8, entry, 1, 0), Errno::einval, "odd");
  refused(call(abi::upcall_set_up, page.memory, entry, 0, 0), Errno::einval, "no context");
  refused(call(abi::upcall_set_up, page.memory, entry, 65, 0), Errno::einval, "too many");
  refused(call(abi::upcall_set_up, page.memory, ~std::uintptr_t{0}, 1, 0), Errno::einval, "entry");
  refused(call(abi::upcall_set_up, 64, entry, 1, 0), Errno::efault, "a header nowhere");
  must(call(abi::upcall_set_up, page.memory, entry, 64, 0), "set up");
  refused(call(abi::upcall_set_up, page.memory, entry, 64, 0), Errno::ebusy, "twice");
  for (const std::uint64_t context : {std::uint64_t{0}, std::uint64_t{64}, ~std::uint64_t{0}}) {
    refused(call(abi::upcall_resume, context, 1), Errno::einval, "an empty context");
    refused(call(abi::upcall_resume_of, thread_id(), context, 1), Errno::einval,
            "an empty context");
  }
  refused(call(abi::upcall_resume_of, 99'999, 0, 1), Errno::esrch, "an unknown thread");
  refused(call(abi::upcall_resume_of, 1, 0, 1), Errno::esrch, "a thread of another process");
  refused(notify_when(-1, 1), Errno::ebadf, "no file");
  const auto pipe = must(make_pipe(), "a pipe");
  refused(notify_when(pipe.read_end, 1), Errno::enodev, "a pipe is no device");

  must(notify(thread_id(), 5), "notify");
  check(page.header().pending == 5 && page.header().sent == 1,
        "with upcalls closed, the notification is in the header");
  must(ring.enter(1), "a wait with a pending notification");
  page.header().masked = ~std::uint64_t{0};
  page.header().open = 1;
  page.header().stack = 1;
  must(notify(thread_id(), 8), "masked");
  check(page.header().pending == 13 && page.header().delivered == 0,
        "a masked notification stays pending");
  page.header().open = 0;
  must(unmap_memory(page.memory, page_bytes), "the header goes");
  must(notify(thread_id(), 1), "notify without a header");
  refused(call(abi::upcall_resume, 0, 1), Errno::einval, "an empty context");
}

// The SharedPriority is in a mapped page of a disk, and the program drops that page before a call
// that waits. When the kernel misses the page during the call, it must not restart the call.
void asked_once() {
  constexpr unsigned size = 8;
  const Fd disk = must(open("/dev/vda"), "/dev/vda");
  std::byte* const shared =
      must(map_file(disk, page_bytes, abi::prot_read | abi::prot_write, 0), "a page of it");
  const Page page;
  must(call(abi::ring_set_up, page.memory, size, size, 0), "a ring");
  const auto submissions = page.memory + abi::ring_submissions_at(size);
  std::ranges::fill_n(reinterpret_cast<abi::RingSubmission*>(submissions), size, timeout(20ms, 0));
  reinterpret_cast<abi::RingHeader*>(page.memory)->sq_tail = size;
  std::ranges::fill_n(shared, sizeof(abi::SharedPriority), std::byte{});
  must(call(abi::share_priority, shared), "sharing");
  must(call(abi::Call::madvise, shared, page_bytes, abi::madv_dontneed), "forgetting it");
  const auto taken = must(call<unsigned>(abi::ring_enter, 1, 1, 0), "entering");
  check(taken == 1, "the first call takes one submission, not {}", taken);
  check(must(call<unsigned>(abi::ring_enter, size, 0, 0), "entering") == size - 1,
        "the second call takes the rest");
}

// Each of these runs in a child, which must die of this mistake.
[[noreturn]] void upcall_to(const Page& page, std::uintptr_t entry, std::uintptr_t stack) {
  auto ring = must(Ring::make(), "a ring");
  must(call(abi::upcall_set_up, page.memory, entry, 1, 0), "set up");
  page.header().stack = stack;
  page.header().open = 1;
  must(notify(thread_id(), 1), "notify");
  fail("an upcall to a wrong address returned");
}
void jump_into_data() {
  const Page page;
  upcall_to(page, address(page.memory) + 1024, address(page.memory) + page_bytes);
}
void have_no_stack() {
  upcall_to(Page{}, address(&never_called), 64);
}
void wait_for_ever() {
  run([](Disk disk) -> Task<> {
    co_await async::when_all(touch(disk, 0), touch(disk, 5), touch(disk, 9));
    co_await async::sleep_for(1h);
  }(map_disk()));
}

abi::WaitStatus end_of(const char* part, bool kill_it) {
  const char* const arguments[] = {program_path(), part, nullptr};
  const Pid child = must(spawn(program_path(), arguments), "a child");
  if (kill_it) {
    must(sleep_for(10ms), "sleeping");
    must(call(Call::kill, child, abi::Signal::sigkill), "killing it");
  }
  return must(wait(child), "wait").status;
}

void fatal() {
  check(end_of("--into-data", false).signal() == abi::Signal::sigsegv,
        "an upcall into data is SIGSEGV");
  check(end_of("--no-stack", false).signal() == abi::Signal::sigsegv,
        "an upcall without a stack is SIGSEGV");
  for (int i = 0; i < 5; ++i) {
    check(end_of("--for-ever", true).signal() == abi::Signal::sigkill,
          "a kill during page-ins ends the program");
  }
}

}  // namespace

std::span<const Part> what_is_wrong() {
  static constexpr Part parts[] = {
      {"wrong", wrong},
      {"asked-once", asked_once},
      {"fatal", fatal},
      {"--into-data", jump_into_data},
      {"--no-stack", have_no_stack},
      {"--for-ever", wait_for_ever},
  };
  return parts;
}

}  // namespace upcalls
