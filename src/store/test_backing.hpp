// SPDX-License-Identifier: Apache-2.0
// The two places where credentials are kept, for one suite of tests.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "storage/test_folder.hpp"
#include "store/credential_table.hpp"
#include "store/credentials.hpp"
#include "store/plan_table.hpp"
#include "store/store_file.hpp"

namespace drover::store::testing {

/// A disk that outlives the tables which are opened on it, one of each kind at a time.
class Backing {
 public:
  virtual ~Backing() = default;
  virtual std::unique_ptr<CredentialTable> table() = 0;
  /// Of the same disk, for plans.
  virtual std::unique_ptr<PlanTable> plan_table() = 0;
  /// Of the same disk, for numbers; of a file without any where the others are in memory.
  virtual std::shared_ptr<StoreFile> sms_file() = 0;
};

inline std::shared_ptr<StoreFile> opened(const std::string& name) {
  auto file = StoreFile::open(name);
  EXPECT_TRUE(file) << (file ? "" : file.error().reason);
  return std::move(*file);
}

class MemoryBacking final : public Backing {
 public:
  std::unique_ptr<CredentialTable> table() override { return std::make_unique<MemoryCredentialTable>(disk); }
  std::unique_ptr<PlanTable> plan_table() override { return std::make_unique<MemoryPlanTable>(disk); }
  std::shared_ptr<StoreFile> sms_file() override { return opened(folder_.file("numbers.db")); }
  std::shared_ptr<MemoryCredentialTable::Disk> disk = std::make_shared<MemoryCredentialTable::Disk>();

 private:
  storage::testing::Folder folder_;
};

class FileBacking final : public Backing {
 public:
  std::unique_ptr<CredentialTable> table() override { return std::make_unique<FileCredentialTable>(open()); }
  std::unique_ptr<PlanTable> plan_table() override { return std::make_unique<FilePlanTable>(open()); }
  std::shared_ptr<StoreFile> sms_file() override { return open(); }
  [[nodiscard]] std::string name() const { return folder_.file("store.db"); }

 private:
  std::shared_ptr<StoreFile> open() {
    if (auto open = file_.lock()) return open;
    auto file = opened(name());
    file_ = file;
    return file;
  }

  std::weak_ptr<StoreFile> file_;  ///< held by the tables
  storage::testing::Folder folder_;
};

inline Sealer sealer(std::uint8_t key = 1) {
  return Sealer(Secret<Bytes>(Bytes(Sealer::kKeySize, key)));
}

inline std::unique_ptr<SmsAccounts> sms_accounts(std::shared_ptr<StoreFile> file, std::uint8_t key = 1) {
  auto opened = SmsAccounts::open(std::move(file), sealer(key), [] { return UnixSeconds{0}; });
  EXPECT_TRUE(opened) << (opened ? "" : opened.error().reason);
  return std::move(*opened);
}

inline NewCredential psk(const std::string& identity, const std::string& endpoint = "", const std::string& key = "secret") {
  NewCredential credential;
  credential.identity = identity;
  credential.key = Secret<Bytes>(to_bytes(key));
  credential.endpoint = endpoint;
  return credential;
}

inline NewCredential bootstrap(NewCredential credential) {
  credential.purpose = Purpose::Bootstrap;
  return credential;
}

inline NewCredential certificate(const std::string& identity, const std::string& endpoint = "") {
  NewCredential credential;
  credential.kind = IdentityKind::Certificate;
  credential.identity = identity;
  credential.endpoint = endpoint;
  return credential;
}

inline security::Identity psk_identity(const std::string& name) {
  return {.kind = IdentityKind::Psk, .name = name, .names = {}};
}

/// RFC 8410 §10.1's example of a SubjectPublicKeyInfo, with its last byte for telling several apart.
inline std::string public_key(std::uint8_t last = 0xE1) {
  Bytes der = {0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00, 0x19, 0xBF, 0x44,
               0x09, 0x69, 0x84, 0xCD, 0xFE, 0x85, 0x41, 0xBA, 0xC1, 0x67, 0xDC, 0x3B, 0x96, 0xC8, 0x50,
               0x86, 0xAA, 0x30, 0xB6, 0xB6, 0xCB, 0x0C, 0x5C, 0x38, 0xAD, 0x70, 0x31, 0x66, 0xE1};
  der.back() = last;
  return std::string(as_text(der));
}

}  // namespace drover::store::testing
