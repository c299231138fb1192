// SPDX-License-Identifier: Apache-2.0
// A certification authority for one test, and files with what it issues.
#pragma once

#include <ctime>
#include <memory>
#include <string>
#include <vector>

struct x509_st;
struct evp_pkey_st;

namespace drover::api::test {

/// PEM files of a server, in the authority's folder.
struct IssuedFiles {
  std::string certificate;
  std::string private_key;
};

class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name);
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  /// The authority's own certificate, PEM.
  [[nodiscard]] const std::string& file() const { return file_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  /// For subjectAltName `names`, such as "DNS:localhost,IP:127.0.0.1"; valid for an hour around `from` seconds from now.
  /// With `password` the key is encrypted.
  IssuedFiles issue(const std::string& names, long from = -1800, const std::string& password = {});

 private:
  using Certificate = std::unique_ptr<x509_st, void (*)(x509_st*)>;
  using Key = std::unique_ptr<evp_pkey_st, void (*)(evp_pkey_st*)>;

  std::string folder_;
  std::string file_;
  Key key_;
  Certificate certificate_;
  long serial_ = 1;
};

}  // namespace drover::api::test
