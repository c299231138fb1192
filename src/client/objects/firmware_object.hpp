// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "client/behaviour.hpp"
#include "client/objects/firmware_update.hpp"

namespace drover::client {

class ObjectTree;

/// Takes a pushed image piece by piece. An error is the result that /5/0/5 gets: NoSpace or OutOfMemory. After an error
/// discard() is called.
class FirmwareSink {
 public:
  using Stored = tl::expected<void, FirmwareResult>;
  virtual ~FirmwareSink() = default;
  /// A new image; what there was of another goes.
  virtual Stored begin() = 0;
  virtual Stored append(ByteView bytes) = 0;
  /// The image is whole and is to survive a loss of power.
  virtual Stored finish() = 0;
  virtual void discard() = 0;
};

struct FirmwareSettings {
  /// What Package URI may begin with: numbers of /5/0/8 (0 coap, 1 coaps, 2 http, 3 https). None: the device can't
  /// fetch, and says so in /5/0/9.
  std::vector<std::int64_t> protocols;
  /// A push whose next block doesn't come for so long is over: how long the block-wise layer keeps a body
  /// (coap::Parameters::body_lifetime).
  Duration push_lifetime = std::chrono::seconds(247);
};

/// Behaviour of the Firmware Update object (Core E.6). It outlives the trees it is attached to, so that an update goes
/// on when the client starts anew. What is to be done is polled; the owner polls behind every call into the tree, and
/// calls handle_timeout() at deadline().
class FirmwareObject final : public ObjectBehaviour {
 public:
  static constexpr lwm2m::ObjectId kObject = 5;
  static constexpr lwm2m::ResourceId kPackage = 0;
  static constexpr lwm2m::ResourceId kPackageUri = 1;
  static constexpr lwm2m::ResourceId kUpdate = 2;
  static constexpr lwm2m::ResourceId kState = 3;
  static constexpr lwm2m::ResourceId kResult = 5;
  static constexpr lwm2m::ResourceId kName = 6;
  static constexpr lwm2m::ResourceId kVersion = 7;
  static constexpr lwm2m::ResourceId kProtocols = 8;
  static constexpr lwm2m::ResourceId kDelivery = 9;
  static constexpr std::size_t kUriMax = 255;  ///< bytes (Core E.6)

  /// `sink` outlives the object.
  FirmwareObject(FirmwareSink& sink, FirmwareSettings settings) : sink_(sink), settings_(std::move(settings)) {}

  /// The resources that this behaviour gives sense to, for ObjectTree::define().
  static std::vector<lwm2m::ResourceId> supported() { return {0, 1, 2, 3, 5, 6, 7, 8, 9}; }
  /// The tree that the object is defined in from now on.
  void attach(ObjectTree& tree) { tree_ = &tree; }
  /// Before that tree goes.
  void detach() { tree_ = nullptr; }

  [[nodiscard]] const FirmwareRecord& record() const { return update_.record(); }
  [[nodiscard]] FirmwareState state() const { return update_.state(); }
  /// After a restart of the program, before servers are heard.
  void restore(Instant now, const FirmwareRecord& record);
  /// As a server's reset: Idle and result 0. An error while Updating.
  Result<void> reset(Instant now);

  /// Never Discard, which goes to the sink at once: what a server does next may begin another image.
  std::optional<FirmwareAction> poll();
  [[nodiscard]] bool has_actions() const { return !actions_.empty(); }
  // The reports; see FirmwareAction.
  void fetched(Instant now, std::uint64_t attempt, FirmwareResult result);
  void checked(Instant now, std::uint64_t attempt, const FirmwareFinding& finding);
  /// After success /3/0/3 becomes `version`, "" excepted: nobody has said then what the new version is.
  void installed(Instant now, std::uint64_t attempt, bool success, const std::string& version);

  [[nodiscard]] std::optional<Deadline> deadline() const;
  void handle_timeout(Instant now);

  void before_read(const Context& context, lwm2m::InstanceId instance) override;
  /// 4.05 while the machine can't take it; 4.00 for a URI over kUriMax.
  Result<void> check_write(const Context& context, lwm2m::InstanceId instance,
                           const lwm2m::ResourceNode& node) override;
  void written(const Context& context, const lwm2m::Path& path) override;
  Result<void> execute(const Context& context, const lwm2m::Path& path, const Arguments& arguments) override;
  void created(const Context& context, lwm2m::InstanceId instance) override;
  /// 4.05 while Updating.
  Result<void> check_delete(const Context& context, lwm2m::InstanceId instance) override;
  void deleted(const Context& context, lwm2m::InstanceId instance) override;
  [[nodiscard]] bool streams(lwm2m::ResourceId resource) const override { return resource == kPackage; }
  /// 4.05 while the machine can't take it, 4.08 for a block that doesn't follow the last, 4.13 when the storage is
  /// full, 5.00 when there is no memory or the storage fails.
  Result<void> write_block(const Context& context, const lwm2m::Path& path, std::size_t offset, ByteView bytes,
                           bool last) override;

 private:
  struct Push {
    std::optional<ServerId> server;
    std::size_t received = 0;
    Instant last_block{};
  };

  Result<void> take_block(const Context& context, std::size_t offset, ByteView bytes, bool last);
  void take_uri(const std::string& uri);
  /// Carries out what the machine asks for, and makes the tree's values those of the machine; observers hear of what
  /// differs.
  void sync(Instant now, bool with_uri = true);
  Result<void> refuse_block(FirmwareResult why);

  FirmwareSink& sink_;
  FirmwareSettings settings_;
  ObjectTree* tree_ = nullptr;
  FirmwareUpdate update_;
  std::deque<FirmwareAction> actions_;
  std::optional<Push> push_;
  std::optional<Instant> package_at_;  ///< when a whole Package was written that isn't streamed
};

}  // namespace drover::client
