// SPDX-License-Identifier: Apache-2.0
#include "store/sms_account_service.hpp"

#include <utility>

namespace drover::store {

// The tasks hold the accounts, not this: those wait in a queue that may outlive it.

void SmsAccountService::page(SmsAccountQuery query, Done<SmsAccountPage> done) {
  service_.post([accounts = &accounts_, query = std::move(query), done = std::move(done)] {
    done(accounts->page(query));
  });
}

void SmsAccountService::add(NewSmsAccount account, Done<Answer<SmsAccount>> done) {
  service_.post([accounts = &accounts_, account = std::move(account), done = std::move(done)]() mutable {
    done(accounts->add(std::move(account)));
  });
}

void SmsAccountService::change(SmsAccountId id, SmsAccountChange change, Done<Answer<SmsAccount>> done) {
  service_.post([accounts = &accounts_, id, change = std::move(change), done = std::move(done)] {
    done(accounts->change(id, change));
  });
}

void SmsAccountService::remove(SmsAccountId id, Done<Answer<SmsAccount>> done) {
  service_.post([accounts = &accounts_, id, done = std::move(done)] { done(accounts->remove(id)); });
}

}  // namespace drover::store
