// SPDX-License-Identifier: Apache-2.0
#include "drover/value.hpp"

#include <algorithm>
#include <functional>
#include <mutex>

#include "drover/object.hpp"
#include "sdk/convert.hpp"

namespace drover::detail {

namespace {

/// The object under construction on this thread, if any: members find it through their address.
thread_local construction* innermost = nullptr;

}  // namespace

construction::construction(std::size_t size) : outer_(innermost), size_(size) {
  innermost = this;
}
construction::~construction() {
  innermost = outer_;
}

object_base::object_base(std::uint16_t id) : id_(id) {
  if (innermost != nullptr && innermost->object_ == nullptr) innermost->object_ = this;
}
object_base::~object_base() = default;

struct value_base::State {
  mutable std::mutex mutex;
  instances values;
  sink* to = nullptr;
  bool announced = false;  ///< a publish() is on its way

  /// Whom to tell of a change, once until it was collected.
  sink* changed() {
    if (to == nullptr || announced) return nullptr;
    announced = true;
    return to;
  }
};

value_base::value_base(const traits& what, instances initial) : traits_(what), state_(std::make_unique<State>()) {
  state_->values = std::move(initial);
  if (innermost == nullptr || innermost->object_ == nullptr) return;
  const auto* begin = reinterpret_cast<const std::byte*>(innermost->object_);
  const auto* here = reinterpret_cast<const std::byte*>(this);
  // std::less orders pointers into different objects, too.
  if (!std::less<>{}(here, begin) && std::less<>{}(here, begin + innermost->size_)) {
    innermost->object_->values_.push_back(this);
  }
}
value_base::~value_base() = default;

instances value_base::load() const {
  const std::lock_guard lock(state_->mutex);
  return state_->values;
}

void value_base::store(instances written) {
  const bool fits = std::ranges::all_of(written, [this](const auto& each) {
    return static_cast<data_type>(each.second.index() + 1) == traits_.type;
  });
  if (!fits || (!traits_.multiple && written.size() != 1)) return;
  const std::lock_guard lock(state_->mutex);
  state_->values = std::move(written);
}

void value_base::attach(sink* to) {
  const std::lock_guard lock(state_->mutex);
  state_->to = to;
}

instances value_base::collect() {
  const std::lock_guard lock(state_->mutex);
  state_->announced = false;
  return state_->values;
}

void value_base::assign(instances next) {
  sink* to = nullptr;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->values == next) return;
    state_->values = std::move(next);
    to = state_->changed();
  }
  if (to != nullptr) to->publish(*this);
}

void value_base::assign(std::uint16_t instance, const variant* next) {
  sink* to = nullptr;
  {
    const std::lock_guard lock(state_->mutex);
    auto& values = state_->values;
    const auto at = std::ranges::lower_bound(values, instance, {}, &instances::value_type::first);
    const bool there = at != values.end() && at->first == instance;
    if (next == nullptr) {
      if (!there) return;
      values.erase(at);
    } else if (there) {
      if (at->second == *next) return;
      at->second = *next;
    } else {
      values.emplace(at, instance, *next);
    }
    to = state_->changed();
  }
  if (to != nullptr) to->publish(*this);
}

}  // namespace drover::detail

namespace drover::sdk {

lwm2m::Value to_core(const detail::variant& value) {
  struct Visitor {
    lwm2m::Value operator()(const opaque& bytes) const { return lwm2m::Opaque{bytes}; }
    lwm2m::Value operator()(const unix_time& time) const { return lwm2m::Time{time.time_since_epoch().count()}; }
    lwm2m::Value operator()(const object_link& link) const { return lwm2m::ObjectLink{link.object, link.instance}; }
    lwm2m::Value operator()(const std::string& text) const { return text; }
    lwm2m::Value operator()(std::int64_t number) const { return number; }
    lwm2m::Value operator()(double number) const { return number; }
    lwm2m::Value operator()(bool truth) const { return truth; }
  };
  return std::visit(Visitor{}, value);
}

detail::variant to_public(const lwm2m::Value& value) {
  struct Visitor {
    detail::variant operator()(const lwm2m::Opaque& opaque) const { return opaque.bytes; }
    detail::variant operator()(const lwm2m::Time& time) const { return unix_time(std::chrono::seconds(time.seconds)); }
    detail::variant operator()(const lwm2m::ObjectLink& link) const { return object_link{link.object, link.instance}; }
    detail::variant operator()(const std::string& text) const { return text; }
    detail::variant operator()(std::int64_t number) const { return number; }
    detail::variant operator()(double number) const { return number; }
    detail::variant operator()(bool truth) const { return truth; }
  };
  return std::visit(Visitor{}, value);
}

detail::instances to_public(const lwm2m::ResourceNode& node) {
  detail::instances values;
  for (const auto& each : node.instances) values.emplace_back(each.id, to_public(each.value));
  return values;
}

}  // namespace drover::sdk
