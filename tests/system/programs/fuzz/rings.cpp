// Rings with random contents, in memory that is mapped and unmapped, with upcalls at any time.
#include <abi/ring.h>
#include <abi/upcall.h>
#include <setjmp.h>

#include "fuzz.h"

namespace fuzz {

using namespace user;

namespace {

constexpr std::size_t memory_bytes = 4 * page_size;

struct Shared {
  std::byte* memory = nullptr;
  std::uint32_t submissions = 0;
  std::uint32_t completions = 0;

  abi::RingHeader& header() const { return *reinterpret_cast<abi::RingHeader*>(memory); }
  abi::RingSubmission& submission(std::uint32_t index) const {
    auto* const all =
        reinterpret_cast<abi::RingSubmission*>(memory + abi::ring_submissions_at(completions));
    return all[index % submissions];
  }
};

abi::UpcallHeader upcalls;
alignas(16) std::byte upcall_stack[8 * 1024];

void allow_upcalls() {
  upcalls.stack = reinterpret_cast<std::uintptr_t>(upcall_stack + sizeof upcall_stack);
}

jmp_buf after_exception;

/// The entry of upcalls: resumes the interrupted code. After an exception it drops the context and
/// makes do_wrong() return.
void come_back(std::uint64_t context, abi::Upcall why) {
  allow_upcalls();
  if (why == abi::Upcall::for_exception) {
    syscall(abi::upcall_drop, context);
    longjmp(after_exception, 1);
  }
  syscall(abi::upcall_resume, context, 1);
  user::exit(1);
}

void do_wrong(std::uint32_t open) {
  if (setjmp(after_exception) != 0) return;
  upcalls.open = open | abi::upcalls_take_exceptions;
  static_cast<void>(*reinterpret_cast<volatile int*>(16));
}

/// Makes upcall calls with numbers of contexts, most of which do not exist.
void ask_for_contexts(Random& random) {
  switch (random.below(16)) {
    case 0: syscall(abi::upcall_resume, random_argument(random), 0); break;
    case 1: syscall(abi::upcall_drop, random_argument(random)); break;
    case 2: syscall(abi::upcall_exception, random_argument(random), random_argument(random)); break;
    case 3: syscall(abi::upcall_die, random_argument(random)); break;
    case 4: do_wrong(random.below(2)); break;
    case 5:
      syscall(abi::upcall_resume_of, random_argument(random), random_argument(random), 0);
      break;
    default: break;
  }
}

/// Sends notifications while the upcall header has a random mask and other random values.
void be_told(Random& random) {
  allow_upcalls();
  upcalls.masked = random.below(2) == 0 ? 0 : random_argument(random);
  upcalls.open = static_cast<std::uint32_t>(random.below(8));
  upcalls.attempt_stack = random.below(8) == 0 ? random_argument(random) : 0;
  if (random.below(4) == 0) upcalls.pending = random_argument(random);
  syscall(abi::notify, thread_id(), random_argument(random));
  if (random.below(8) == 0) syscall(abi::notify, random_argument(random), random.next());
  if (random.below(8) == 0) syscall(abi::notify_when, random.below(8), random_argument(random));
  upcalls.open = 0;
  ask_for_contexts(random);
}

/// Sets up a new ring of random size, sometimes with submission polling, and upcalls.
void set_up(Random& random, Shared& ring) {
  syscall(abi::ring_close);
  syscall(Call::mmap, ring.memory, memory_bytes, abi::prot_read | abi::prot_write,
          abi::map_private | abi::map_anonymous | abi::map_fixed, -1, 0);
  ring.submissions = 1u << random.below(7);
  ring.completions = ring.submissions << random.below(2);
  syscall(abi::ring_set_up, ring.memory, ring.submissions, ring.completions,
          random.below(4) == 0 ? abi::ring_sqpoll : 0);
  upcalls = {};
  const auto entry = random.below(50) == 0 ? random_argument(random)
                                           : reinterpret_cast<std::uintptr_t>(&come_back);
  syscall(abi::upcall_set_up, &upcalls, entry, random.below(70), random_argument(random));
}

abi::RingSubmission random_submission(Random& random) {
  abi::RingSubmission submission{
      .operation = static_cast<abi::RingOperation>(random.below(13)),
      .fd = static_cast<std::int32_t>(random_argument(random)),
      .offset = random.below(3) == 0 ? abi::ring_current_place : random_argument(random),
      .address = random_argument(random),
      .length = static_cast<std::uint32_t>(random_argument(random)),
      .options = static_cast<std::uint32_t>(random_argument(random)),
      .user_data = random.below(8),
  };
  if (random.below(3) == 0) submission.flags = static_cast<std::uint8_t>(random.below(4));
  if (random.below(100) == 0) submission.flags = static_cast<std::uint8_t>(random.next());
  if (submission.operation == abi::RingOperation::cancel) submission.address = random.below(8);
  if (random.below(2) == 0) submission.length %= 1'000;
  if (random.below(2) == 0) submission.fd = static_cast<std::int32_t>(random.below(8));
  return submission;
}

/// Returns a submission that begins where `submission` ends.
abi::RingSubmission next_of(Random& random, abi::RingSubmission submission) {
  submission.address += submission.length;
  if (submission.offset != abi::ring_current_place) submission.offset += submission.length;
  submission.length = static_cast<std::uint32_t>(random.below(300));
  return submission;
}

/// Corrupts the ring or its memory.
void spoil(Random& random, const Shared& ring) {
  switch (random.below(5)) {
    case 0: ring.header().sq_tail += static_cast<std::uint32_t>(random_argument(random)); break;
    case 1: ring.header().cq_head += static_cast<std::uint32_t>(random_argument(random)); break;
    case 2: ring.header().sq_head = ring.header().cq_tail = random.below(1'000); break;
    case 3: syscall(Call::munmap, ring.memory + random.below(3) * page_size, page_size); break;
    default:
      syscall(Call::mprotect, ring.memory + random.below(3) * page_size, page_size,
              random.below(8));
  }
}

}  // namespace

int make_batches(std::uint64_t seed, long count) {
  Random random{seed};
  fill_scratch(random);
  Shared ring;
  const auto memory = map_memory(memory_bytes, abi::prot_read | abi::prot_write);
  if (!memory) return 1;
  ring.memory = *memory;
  set_up(random, ring);
  bool spoilt = false;
  for (long i = 0; i < count; ++i) {
    if (syscall(Call::write, report_fd, "c", 1) != 1) return 1;
    if (spoilt || random.below(50) == 0) set_up(random, ring);
    const auto batch = static_cast<std::uint32_t>(random.below(ring.submissions + 1));
    std::uint32_t tail = ring.header().sq_tail;
    abi::RingSubmission last;
    for (std::uint32_t k = 0; k < batch; ++k) {
      last = random.below(3) == 0 ? next_of(random, last) : random_submission(random);
      ring.submission(tail++) = last;
    }
    ring.header().sq_tail = tail;
    spoilt = random.below(20) == 0;
    if (spoilt) spoil(random, ring);
    const std::uint32_t complete = random.below(200) == 0 ? 1 : 0;
    if (random.below(8) == 0) be_told(random);
    keep_answer(random, syscall(abi::ring_enter, batch, complete, 0));
    if (!spoilt) ring.header().cq_head = ring.header().cq_tail;
  }
  return 0;
}

}  // namespace fuzz
