// SPDX-License-Identifier: Apache-2.0
// The numbers for those who mustn't wait for a disk.
#pragma once

#include "store/credential_service.hpp"
#include "store/sms_account_list.hpp"
#include "store/sms_accounts.hpp"

namespace drover::store {

/// Does what is asked on the thread of `service`, in order with what the credentials are asked. Both are one file, so a
/// second thread would only wait for it.
class SmsAccountService final : public SmsAccountList {
 public:
  /// Both outlive this, and `accounts` the service.
  SmsAccountService(SmsAccounts& accounts, CredentialService& service) : accounts_(accounts), service_(service) {}

  [[nodiscard]] std::optional<SmsAccount> find(SmsAccountId id) const override { return accounts_.find(id); }
  [[nodiscard]] SmsCounters counters(SmsAccountId id) const override { return accounts_.counters(id); }
  void page(SmsAccountQuery query, Done<SmsAccountPage> done) override;
  void add(NewSmsAccount account, Done<Answer<SmsAccount>> done) override;
  void change(SmsAccountId id, SmsAccountChange change, Done<Answer<SmsAccount>> done) override;
  void remove(SmsAccountId id, Done<Answer<SmsAccount>> done) override;

 private:
  SmsAccounts& accounts_;
  CredentialService& service_;
};

}  // namespace drover::store
