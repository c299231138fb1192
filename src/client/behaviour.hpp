// SPDX-License-Identifier: Apache-2.0
// What an object does besides keeping values: the user's callbacks at the edge of the device.
#pragma once

#include <optional>

#include "base/result.hpp"
#include "base/time.hpp"
#include "client/arguments.hpp"
#include "client/attributes.hpp"
#include "lwm2m/data/node.hpp"

namespace drover::client {

/// When and for whom something happens. `server` is nothing for what the device's own program asks.
struct Context {
  Instant now;
  std::optional<ServerId> server;
};

/// Implemented for an object whose values are computed, checked or acted upon; the defaults do nothing. Called by
/// ObjectTree on the thread that drives it, never from elsewhere; must not block and must not call the tree back,
/// except that set() may be called from before_read(), written(), created(), deleted() and execute(), unset() from created(). An
/// Error's code is what the server hears (4.00, 4.05, 5.00, ...).
class ObjectBehaviour {
 public:
  virtual ~ObjectBehaviour() = default;

  /// A server's Read or Observe, or a notification, is about to gather the instance or a part of it: the moment to
  /// bring stored values up to date. Called once for each instance. What is set here counts as a change like any other,
  /// so a value that differs at each look must not be taken anew more often than its observers are to be told.
  virtual void before_read(const Context&, lwm2m::InstanceId) {}

  /// The current value of a resource that is computed; nothing lets the stored one stand.
  virtual std::optional<lwm2m::Value> compute(const Context&, lwm2m::InstanceId, lwm2m::ResourceId) {
    return std::nullopt;
  }

  /// Asked for each resource before anything of a Write or Create is carried out; an error refuses the whole of it.
  /// Also before the device's own ObjectTree::set() of another value.
  virtual Result<void> check_write(const Context&, lwm2m::InstanceId, const lwm2m::ResourceNode&) { return {}; }
  /// A server wrote the resource; its value is stored.
  virtual void written(const Context&, const lwm2m::Path&) {}

  virtual Result<void> execute(const Context&, const lwm2m::Path&, const Arguments&) { return {}; }

  virtual Result<void> check_create(const Context&, const lwm2m::InstanceNode&) { return {}; }
  virtual void created(const Context&, lwm2m::InstanceId) {}
  virtual Result<void> check_delete(const Context&, lwm2m::InstanceId) { return {}; }
  virtual void deleted(const Context&, lwm2m::InstanceId) {}

  /// True for a resource whose Write in opaque form is taken piece by piece with write_block() and never held whole.
  [[nodiscard]] virtual bool streams(lwm2m::ResourceId) const { return false; }
  /// One piece in order; `offset` 0 starts anew. An error ends the Write with its code.
  virtual Result<void> write_block(const Context&, const lwm2m::Path&, std::size_t offset, ByteView bytes, bool last) {
    (void)offset, (void)bytes, (void)last;
    return {};
  }
};

}  // namespace drover::client
