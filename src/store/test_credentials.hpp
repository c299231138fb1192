// SPDX-License-Identifier: Apache-2.0
// A credential store on each of the two places, for suites of tests.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>

#include "store/test_backing.hpp"

namespace drover::store::testing {

inline constexpr UnixSeconds kNow = 1'800'000'000;

template <class Kept>
class CredentialsContract : public ::testing::Test {
 protected:
  CredentialsContract() { reopen(); }

  Result<std::unique_ptr<Credentials>> open(Sealer sealer) {
    credentials.reset();
    Credentials::Settings settings;
    settings.any_certificate = any_certificate;
    settings.any_bootstrap_certificate = any_bootstrap_certificate;
    settings.entries_max = entries_max;
    settings.unix_now = [this] { return now.load(); };
    return Credentials::open(backing.table(), std::move(sealer), std::move(settings));
  }
  void reopen(std::uint8_t key = 1) {
    auto opened = open(sealer(key));
    ASSERT_TRUE(opened) << opened.error().reason;
    credentials = std::move(*opened);
  }
  Credential add(NewCredential credential) {
    auto added = credentials->add(std::move(credential));
    EXPECT_TRUE(added) << (added ? "" : added.error().reason);
    return added ? *added : Credential{};
  }
  Refusal refusal(NewCredential credential) {
    auto added = credentials->add(std::move(credential));
    EXPECT_FALSE(added);
    return added ? Refusal{} : added.error();
  }
  [[nodiscard]] std::string key_of(std::string_view identity, Purpose purpose = Purpose::Server) const {
    const auto known = credentials->source(purpose).find_psk(identity);
    return known ? std::string(as_text(known->key.reveal())) : "none";
  }

  std::unique_ptr<Plans> plans() {
    auto opened = Plans::open(backing.plan_table(), sealer(), plan_settings());
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().reason);
    return std::move(*opened);
  }
  Plans::Settings plan_settings() {
    Plans::Settings settings;
    settings.unix_now = [this] { return now.load(); };
    return settings;
  }

  Kept backing;
  std::atomic<UnixSeconds> now{kNow};
  bool any_certificate = true;
  bool any_bootstrap_certificate = false;
  std::size_t entries_max = 1000;
  std::unique_ptr<Credentials> credentials;
};
using Backings = ::testing::Types<MemoryBacking, FileBacking>;

}  // namespace drover::store::testing

// The fixture's members are a dependent base's.
#define STORE (*this->credentials)
#define SERVER (this->credentials->source(Purpose::Server))
#define BOOTSTRAP (this->credentials->source(Purpose::Bootstrap))
