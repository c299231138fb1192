// SPDX-License-Identifier: Apache-2.0
#include "io/clock.hpp"

#include <sys/random.h>

#include <cassert>
#include <cerrno>
#include <ctime>

namespace drover::io {

Instant now() {
  timespec at{};
  [[maybe_unused]] const int failed = clock_gettime(CLOCK_MONOTONIC, &at);
  assert(failed == 0);
  return Instant(std::chrono::seconds(at.tv_sec) +
                 std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(at.tv_nsec)));
}

UnixSeconds unix_now() {
  return static_cast<UnixSeconds>(std::time(nullptr));
}

std::uint64_t SystemRng::next() {
  if (left_ == 0) {
    // getrandom(2) delivers up to 256 bytes whole once the pool is initialised; only a signal before that interrupts
    // it.
    static_assert(sizeof pool_ <= 256);
    ssize_t got = 0;
    do {
      got = getrandom(pool_.data(), sizeof pool_, 0);
    } while (got < 0 && errno == EINTR);
    assert(got == static_cast<ssize_t>(sizeof pool_));
    left_ = pool_.size();
  }
  return pool_[--left_];
}

}  // namespace drover::io
