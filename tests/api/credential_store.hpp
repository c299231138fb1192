// SPDX-License-Identifier: Apache-2.0
// A credential store in memory, for an Api.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "store/credential_service.hpp"

namespace drover::api::test {

struct CredentialStore {
  CredentialStore() {
    auto opened = store::Credentials::open(
        std::make_unique<store::MemoryCredentialTable>(disk), store::Sealer(Secret<Bytes>(Bytes(32, 1))),
        {.any_certificate = true, .entries_max = 100, .unix_now = [] { return UnixSeconds{1'700'000'000}; }});
    EXPECT_TRUE(opened);
    credentials = std::move(*opened);
    service.emplace(*credentials);
  }

  std::shared_ptr<store::MemoryCredentialTable::Disk> disk = std::make_shared<store::MemoryCredentialTable::Disk>();
  std::unique_ptr<store::Credentials> credentials;
  std::optional<store::CredentialService> service;
};

}  // namespace drover::api::test
