// SPDX-License-Identifier: Apache-2.0
#include "client/objects/firmware_object.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/take_front.hpp"
#include "base/uri.hpp"
#include "client/object_tree.hpp"
#include "client/objects/device_object.hpp"
#include "coap/message/code.hpp"

namespace drover::client {

using lwm2m::Path;
namespace code = coap::code;

namespace {

const Path kInstance(FirmwareObject::kObject, 0);
const Path kFirmwareVersion(DeviceObject::kObject, 0, 3);

/// Core E.6, /5/0/9.
enum class Delivery : std::int64_t { PushOnly = 1, Both = 2 };

/// Package NULL ('\0'), or nothing at all, resets the machine (Core E.6, /5/0/3).
bool is_null(ByteView package) {
  return package.empty() || (package.size() == 1 && package[0] == 0);
}

/// The number of /5/0/8 for a scheme.
std::optional<std::int64_t> protocol_of(std::string_view scheme) {
  constexpr std::array<std::string_view, 4> kSchemes{"coap", "coaps", "http", "https"};
  for (std::size_t i = 0; i < kSchemes.size(); ++i) {
    if (kSchemes[i] == scheme) return static_cast<std::int64_t>(i);
  }
  return std::nullopt;
}

}  // namespace

std::optional<FirmwareAction> FirmwareObject::poll() {
  return take_front(actions_);
}

void FirmwareObject::sync(Instant now, bool with_uri) {
  while (auto action = update_.poll()) {
    if (action->kind == FirmwareAction::Kind::Discard) {
      sink_.discard();
    } else {
      actions_.push_back(std::move(*action));
    }
  }
  if (tree_ == nullptr || !tree_->has(kInstance)) return;
  const Context own{now, std::nullopt};
  const FirmwareRecord& record = update_.record();
  const auto put = [&](const Path& path, lwm2m::Value value) { (void)tree_->set(own, path, std::move(value)); };
  if (with_uri) put(kInstance.child(kPackageUri), record.uri);
  put(kInstance.child(kState), static_cast<std::int64_t>(update_.state()));
  put(kInstance.child(kResult), static_cast<std::int64_t>(record.result));
  put(kInstance.child(kName), record.name);
  put(kInstance.child(kVersion), record.version);
  const Path protocols = kInstance.child(kProtocols);
  lwm2m::ResourceInstanceId next = 0;
  for (const std::int64_t protocol : settings_.protocols) put(protocols.child(next++), protocol);
  while (tree_->unset(own, protocols.child(next))) ++next;
  put(kInstance.child(kDelivery),
      static_cast<std::int64_t>(settings_.protocols.empty() ? Delivery::PushOnly : Delivery::Both));
}

void FirmwareObject::restore(Instant now, const FirmwareRecord& record) {
  update_.restore(record);
  sync(now);
}

Result<void> FirmwareObject::reset(Instant now) {
  if (auto done = update_.reset(); !done) return done;
  push_.reset();
  sync(now);
  return {};
}

void FirmwareObject::fetched(Instant now, std::uint64_t attempt, FirmwareResult result) {
  update_.fetched(attempt, result);
  sync(now);
}

void FirmwareObject::checked(Instant now, std::uint64_t attempt, const FirmwareFinding& finding) {
  update_.checked(attempt, finding);
  sync(now);
}

void FirmwareObject::installed(Instant now, std::uint64_t attempt, bool success, const std::string& version) {
  if (!update_.installed(attempt, success)) return;
  if (success && !version.empty() && tree_ != nullptr && tree_->has(kFirmwareVersion)) {
    (void)tree_->set({now, std::nullopt}, kFirmwareVersion, version);
  }
  sync(now);
}

std::optional<Deadline> FirmwareObject::deadline() const {
  if (!push_) return std::nullopt;
  return Deadline{push_->last_block + settings_.push_lifetime, Reason::Forget};
}

void FirmwareObject::handle_timeout(Instant now) {
  const auto due = deadline();
  if (!due || now < due->at) return;
  push_.reset();
  update_.push_failed(FirmwareResult::ConnectionLost);
  sync(now);
}

void FirmwareObject::before_read(const Context& context, lwm2m::InstanceId) {
  sync(context.now);  // a restored tree may say what was true before the restart
}

Result<void> FirmwareObject::check_write(const Context& context, lwm2m::InstanceId, const lwm2m::ResourceNode& node) {
  if (!context.server) return {};
  const lwm2m::Value& value = node.instances.front().value;
  if (node.id == kPackage) {
    const auto* package = std::get_if<lwm2m::Opaque>(&value);
    return package == nullptr || is_null(package->bytes) ? update_.may_reset() : update_.may_begin();
  }
  if (node.id == kPackageUri) {
    const auto* uri = std::get_if<std::string>(&value);
    if (uri == nullptr || uri->empty()) return update_.may_reset();
    if (uri->size() > kUriMax) return peer_error(code::kBadRequest.value, "a Package URI has at most 255 bytes");
    return update_.may_begin();
  }
  return {};
}

void FirmwareObject::written(const Context& context, const Path& path) {
  const auto value = tree_->get(context, path);
  if (!value) return;
  const auto* package = std::get_if<lwm2m::Opaque>(&*value);
  if (package != nullptr && path.resource() == kPackage) {
    // The sink has it from here on; in the tree it would be held a second time.
    (void)tree_->set({context.now, std::nullopt}, path, lwm2m::Opaque{});
    if (!is_null(package->bytes)) package_at_ = context.now;
    // The Write was accepted by check_write(); what fails now is told by the Update Result.
    (void)take_block(context, 0, package->bytes, true);
    sync(context.now, false);  // the same Write may have brought a URI, which comes next
  }
  const auto* uri = std::get_if<std::string>(&*value);
  if (uri != nullptr && path.resource() == kPackageUri) {
    // Core E.6 makes both resources mandatory, so a Write of the instance that brings a Package has the empty URI too.
    const bool beside_package = uri->empty() && package_at_ == context.now;
    if (!beside_package) take_uri(*uri);
    sync(context.now);
  }
}

void FirmwareObject::take_uri(const std::string& uri) {
  if (uri.empty()) {
    if (update_.reset()) push_.reset();
    return;
  }
  const auto scheme = scheme_of(uri);
  const auto protocol = scheme ? protocol_of(*scheme) : std::nullopt;
  const bool supported = protocol && std::find(settings_.protocols.begin(), settings_.protocols.end(), *protocol) !=
                                         settings_.protocols.end();
  if (scheme && !supported) {
    (void)update_.refuse_uri(uri, FirmwareResult::UnsupportedProtocol);
  } else if (!parse_uri(uri)) {
    (void)update_.refuse_uri(uri, FirmwareResult::InvalidUri);
  } else {
    (void)update_.begin_fetch(uri);
  }
}

Result<void> FirmwareObject::execute(const Context& context, const Path& path, const Arguments&) {
  if (path.resource() != kUpdate) return peer_error(code::kMethodNotAllowed.value, "not executable");
  auto done = update_.update();
  sync(context.now);
  return done;
}

void FirmwareObject::created(const Context& context, lwm2m::InstanceId) {
  if (context.server) {
    // What a Create brings is written as by a Write.
    written(context, kInstance.child(kPackage));
    written(context, kInstance.child(kPackageUri));
  }
  sync(context.now);
}

Result<void> FirmwareObject::check_delete(const Context&, lwm2m::InstanceId) {
  return update_.may_reset();
}

void FirmwareObject::deleted(const Context&, lwm2m::InstanceId) {
  if (update_.reset()) push_.reset();
}

// ---- push -----------------------------------------------------------------------------------------------------------

Result<void> FirmwareObject::write_block(const Context& context, const Path&, std::size_t offset, ByteView bytes,
                                         bool last) {
  auto taken = take_block(context, offset, bytes, last);
  sync(context.now);
  return taken;
}

Result<void> FirmwareObject::refuse_block(FirmwareResult why) {
  push_.reset();
  update_.push_failed(why);
  if (why == FirmwareResult::NoSpace) {
    return peer_error(code::kRequestEntityTooLarge.value, "not enough storage for the firmware");
  }
  return tl::unexpected(Error{Fault::Environment, code::kInternalServerError.value, "not enough memory"});
}

Result<void> FirmwareObject::take_block(const Context& context, std::size_t offset, ByteView bytes, bool last) {
  if (offset == 0 && last && is_null(bytes)) {
    auto done = update_.reset();
    if (done) push_.reset();
    return done;
  }
  if (offset == 0) {
    // The same server may begin its upload anew: it has lost the connection, and the state is still Downloading.
    if (!push_ || push_->server != context.server) {
      if (auto begun = update_.begin_push(); !begun) return begun;
    }
    push_ = Push{context.server, 0, context.now};
    if (auto begun = sink_.begin(); !begun) return refuse_block(begun.error());
  }
  if (!push_ || push_->server != context.server || push_->received != offset) {
    return peer_error(code::kRequestEntityIncomplete.value, "the block doesn't follow the last one");
  }
  if (auto stored = sink_.append(bytes); !stored) return refuse_block(stored.error());
  push_->received += bytes.size();
  push_->last_block = context.now;
  if (!last) return {};
  if (auto stored = sink_.finish(); !stored) return refuse_block(stored.error());
  push_.reset();
  update_.pushed();
  return {};
}

}  // namespace drover::client
