// SPDX-License-Identifier: Apache-2.0
// What terminal and watcher have in common; the one header that knows <winscard.h>.
#pragma once

#ifdef DROVER_HAS_PCSC

#include <winscard.h>
// Attributes; it needs the other.
#include <reader.h>

#include <string>
#include <vector>

namespace drover::io::pcsc {

/// "no card is in the reader (SCARD_E_NO_SMARTCARD)". For people.
std::string describe(LONG code);
/// pcscd isn't there, or was restarted: a context is of no use any more.
bool is_service_error(LONG code);

/// A connection to pcscd. One thread at a time.
class Context {
 public:
  Context() = default;
  ~Context() { release(); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// Nothing happens when there is one.
  LONG establish();
  void release();
  [[nodiscard]] bool is_established() const { return established_; }
  [[nodiscard]] SCARDCONTEXT handle() const { return handle_; }
  /// Names in the order of pcscd. None is no error.
  LONG list(std::vector<std::string>& readers) const;

 private:
  SCARDCONTEXT handle_ = 0;
  bool established_ = false;
};

/// The one called so, else those whose name begins so; all for "".
std::vector<std::string> matching(const std::vector<std::string>& readers, const std::string& wanted);

}  // namespace drover::io::pcsc

#endif
