// SPDX-License-Identifier: Apache-2.0
// One device's way through a plan: which operation is next, and what its answer means. Knows no network.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.hpp"
#include "base/result.hpp"
#include "bootstrap/plan.hpp"
#include "lwm2m/operation/bootstrap.hpp"
#include "security/credentials.hpp"

namespace drover::bootstrap {

/// Keys that a plan leaves to the host. Everything is filled in for the device.
struct KeyRequest {
  std::optional<std::uint16_t> short_server_id;  ///< nothing: of the new Bootstrap-Server account
  SecurityMode mode = SecurityMode::Psk;
  std::string uri;           ///< of the server that the keys are for
  std::string identity;      ///< Psk: what to call the device, unless it keeps an older entry
  std::size_t key_bytes = 0;  ///< Psk
  Bytes server_public_key;   ///< modes 1 and 2: from the plan, which may leave it to the host, too
};

/// What a session has written, for who keeps the matching credentials.
struct Provisioned {
  std::optional<std::uint16_t> short_server_id;  ///< nothing: the Bootstrap-Server account
  SecurityMode mode = SecurityMode::NoSec;
  std::string uri;
  Bytes public_identity;  ///< PSK identity, SubjectPublicKeyInfo, or certificates in a row
  bool generated = false;  ///< by the host; else from the plan
};

/// The next operation. `operation` carries keys where `is_secret`.
struct NextOperation {
  lwm2m::BootstrapOperation operation;
  bool is_secret = false;
};

/// What the device said to an operation.
struct DeviceAnswer {
  bool success = false;
  std::string code;  ///< "4.06"
  std::string text;  ///< of a success the payload, else what the device says about it
};

class Sequence {
 public:
  /// Draws the serials. `format` wins over the plan's.
  Sequence(SharedPlan plan, std::string endpoint, std::optional<lwm2m::FormatNumber> format, Rng& rng);

  /// In the order of the accounts; empty when the plan has all keys.
  [[nodiscard]] std::vector<KeyRequest> wanted() const;
  /// One for each of wanted(), in its order. An error names the account and nothing of a key.
  Result<void> take(std::vector<security::ClientCredential> keys);
  /// Instead of take(), for who wants to see the operations without a key: keys are '*' as often as they are long.
  void pretend_keys();
  /// Of all accounts with security, after take().
  [[nodiscard]] std::vector<const security::ClientCredential*> keys() const;

  /// Nothing at the end. An error ends the session: what the plan wants can't be done with this device.
  Result<std::optional<NextOperation>> next();
  /// The answer to the operation that next() gave. An error ends the session.
  Result<void> handle(const DeviceAnswer& answer);

  [[nodiscard]] std::size_t step() const { return step_; }  ///< how many steps are done
  [[nodiscard]] std::size_t steps() const { return plan_->steps.size(); }
  [[nodiscard]] bool finish_sent() const { return finish_sent_; }
  [[nodiscard]] const std::vector<Provisioned>& provisioned() const { return provisioned_; }
  [[nodiscard]] const SharedPlan& plan() const { return plan_; }
  [[nodiscard]] const std::string& endpoint() const { return endpoint_; }
  /// True when a key of this session stands in `text`: as it is, in hexadecimal or in Base64.
  [[nodiscard]] bool is_told(std::string_view text) const;

 private:
  struct Place {
    std::optional<lwm2m::InstanceId> security, server;
  };
  [[nodiscard]] TemplateValues values(std::size_t account) const;
  [[nodiscard]] const security::ClientCredential* keys_of(std::size_t account) const;
  Result<std::optional<NextOperation>> next_of(const DiscoverStep& step);
  Result<std::optional<NextOperation>> next_of(const DeleteStep& step);
  Result<std::optional<NextOperation>> next_of(const AccountStep& step);
  Result<std::optional<NextOperation>> next_of(const WriteStep& step);
  Result<std::optional<NextOperation>> next_of(const FinishStep& step);
  Result<NextOperation> write(const lwm2m::Path& path, const lwm2m::Tree& tree, bool is_secret) const;
  Result<void> handle_listing(const DeviceAnswer& answer);
  Result<void> check_expected() const;
  /// Chooses all instance ids, before the first account is written.
  Result<void> place_accounts();
  Result<void> place(lwm2m::ObjectId object);
  [[nodiscard]] bool is_deleted(lwm2m::ObjectId object) const;
  void advance();

  SharedPlan plan_;
  std::string endpoint_;
  lwm2m::Format format_;
  std::vector<std::string> serials_;  ///< of each account, and one for the other Writes
  std::vector<std::optional<security::ClientCredential>> keys_;  ///< of each account
  std::vector<Place> places_;                                    ///< of each account
  bool placed_ = false;

  std::size_t step_ = 0;
  bool second_write_ = false;               ///< of an account: its Server instance is next
  std::optional<lwm2m::ObjectId> instead_;  ///< a Discover of the root was refused: of this object
  bool discovered_ = false;
  std::vector<lwm2m::BootstrapEntry> listed_;
  bool finish_sent_ = false;
  std::vector<Provisioned> provisioned_;
};

}  // namespace drover::bootstrap
