// SPDX-License-Identifier: Apache-2.0
// Numbers in a store of their own and a carrier that says what it is told, for an Api.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>

#include "api/sms_carrier.hpp"
#include "credential_store.hpp"
#include "storage/test_folder.hpp"
#include "store/sms_account_service.hpp"
#include "store/store_file.hpp"

namespace drover::api::test {

struct NumberStore {
  NumberStore() {
    auto opened_file = store::StoreFile::open(folder.file("store.db"));
    EXPECT_TRUE(opened_file);
    file = std::move(*opened_file);
    auto opened = store::SmsAccounts::open(file, store::Sealer(Secret<Bytes>(Bytes(32, 1))),
                                           [] { return UnixSeconds{1'700'000'000}; });
    EXPECT_TRUE(opened);
    accounts = std::move(*opened);
    list.emplace(*accounts, *credentials.service);
  }

  storage::testing::Folder folder;
  std::shared_ptr<store::StoreFile> file;
  std::unique_ptr<store::SmsAccounts> accounts;
  CredentialStore credentials;  ///< whose thread does the work; it ends before the accounts
  std::optional<store::SmsAccountService> list;
};

class FakeCarrier final : public SmsCarrier {
 public:
  void view(std::function<void(SmsView)> done) override { done(view_); }
  SmsView view_{.carrier = "smpp", .msisdn = "491700000", .ready = true, .state = "bound", .carried = {}, .gateway = {}};
};

}  // namespace drover::api::test
