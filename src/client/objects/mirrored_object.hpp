// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/behaviour.hpp"

namespace drover::client {

/// Where an object's values come from when they aren't the client's own: the machine under the device. Called on the
/// thread that drives the client, and may call ObjectTree::set().
class ValueSource {
 public:
  virtual ~ValueSource() = default;
  /// A server is about to read. What was looked at a moment ago, or is looked at regularly, needn't be again.
  virtual void look(Instant now) = 0;
  /// Looks in any case.
  virtual void look_again(Instant now) = 0;
};

/// Behaviour of an object whose stored values mirror a ValueSource; without one they stand as they are.
class MirroredObject : public ObjectBehaviour {
 public:
  /// Borrowed; nullptr ends it.
  void mirror(ValueSource* source) { source_ = source; }

  void before_read(const Context& context, lwm2m::InstanceId) override {
    if (source_ != nullptr) source_->look(context.now);
  }

 protected:
  void look_again(Instant now) {
    if (source_ != nullptr) source_->look_again(now);
  }

 private:
  ValueSource* source_ = nullptr;
};

}  // namespace drover::client
