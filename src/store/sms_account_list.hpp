// SPDX-License-Identifier: Apache-2.0
// The numbers' public face for administrators. The REST API sees only this.
#pragma once

#include <functional>

#include "store/sms_account.hpp"

namespace drover::store {

/// Thread-safe. `done` is called once, on a thread of the list's, and must not throw; when it says that something was
/// changed, the disk has it.
class SmsAccountList {
 public:
  template <class T>
  using Done = std::function<void(T)>;

  virtual ~SmsAccountList() = default;
  /// From memory, at once, as the next.
  [[nodiscard]] virtual std::optional<SmsAccount> find(SmsAccountId id) const = 0;
  /// Zeros for one that has none, or is gone.
  [[nodiscard]] virtual SmsCounters counters(SmsAccountId id) const = 0;
  virtual void page(SmsAccountQuery query, Done<SmsAccountPage> done) = 0;
  virtual void add(NewSmsAccount account, Done<Answer<SmsAccount>> done) = 0;
  virtual void change(SmsAccountId id, SmsAccountChange change, Done<Answer<SmsAccount>> done) = 0;
  virtual void remove(SmsAccountId id, Done<Answer<SmsAccount>> done) = 0;
};

}  // namespace drover::store
