// SPDX-License-Identifier: Apache-2.0
// Values of a device: what a program assigns and servers read.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "drover/definition.hpp"

namespace drover {

/// Bytes without further meaning (the data type Opaque).
using opaque = std::vector<std::uint8_t>;
/// Seconds since 1970 (the data type Time).
using unix_time = std::chrono::time_point<std::chrono::system_clock, std::chrono::seconds>;
/// A reference to an object instance (the data type Objlnk); two 65535 are the null link.
struct object_link {
  std::uint16_t object = 65535;
  std::uint16_t instance = 65535;
  friend bool operator==(const object_link&, const object_link&) = default;
};

namespace detail {

/// The data types of LwM2M, in the order of its Appendix C.
using variant = std::variant<std::string, std::int64_t, double, bool, opaque, unix_time, object_link>;

/// The alternative of `variant` that carries a T.
template <class T>
struct wire {
  using type = std::conditional_t<std::is_same_v<T, bool>, bool,
                                  std::conditional_t<std::is_integral_v<T>, std::int64_t,
                                                     std::conditional_t<std::is_floating_point_v<T>, double, T>>>;
};
template <class T>
using wire_t = typename wire<T>::type;

template <class T>
concept valued = std::is_constructible_v<variant, std::in_place_type_t<wire_t<T>>, wire_t<T>>;

template <valued T>
variant wrap(T value) {
  return variant(std::in_place_type<wire_t<T>>, static_cast<wire_t<T>>(std::move(value)));
}
template <valued T>
T unwrap(const variant& value) {
  return static_cast<T>(std::get<wire_t<T>>(value));
}

template <class T, class... Alternatives>
constexpr std::size_t index_in(const std::variant<Alternatives...>*) {
  std::size_t index = 0;
  bool found = false;
  ((found = found || std::is_same_v<T, Alternatives>, index += found ? 0U : 1U), ...);
  return index;
}

/// The type that a T is sent as.
template <valued T>
constexpr data_type type_for() {
  return static_cast<data_type>(index_in<wire_t<T>>(static_cast<const variant*>(nullptr)) + 1);
}

/// The C++ type of a data type.
template <data_type Type>
using native_t = std::variant_alternative_t<static_cast<std::size_t>(Type) - 1, variant>;

class value_base;

/// Takes changes to the device's own thread.
class sink {
 public:
  virtual void publish(value_base& changed) = 0;

 protected:
  ~sink() = default;
};

/// The values of a resource by their instances, ascending; one that isn't multiple has instance 0 alone. Without any the
/// resource isn't there.
using instances = std::vector<std::pair<std::uint16_t, variant>>;

/// What a resource is to servers.
struct traits {
  std::uint16_t id = 0;
  data_type type = data_type::none;
  bool writable = false;
  bool multiple = false;
};

/// The locked part of a resource; its C++ type is the business of those that derive from it.
class value_base {
 public:
  value_base(const traits& what, instances initial);
  value_base(const value_base&) = delete;
  value_base& operator=(const value_base&) = delete;
  virtual ~value_base();

  [[nodiscard]] std::uint16_t id() const { return traits_.id; }
  [[nodiscard]] const traits& what() const { return traits_; }
  /// Thread-safe; a copy.
  [[nodiscard]] instances load() const;
  /// A server wrote it; on the device's thread.
  virtual void store(instances written);

  // For the client alone.
  void attach(sink* to);
  /// What the device's thread has to take over; later changes announce themselves anew.
  instances collect();

 protected:
  /// The program assigned it: the device's thread hears of it once until it collects.
  void assign(instances next);
  /// The same of one instance; nothing takes it away.
  void assign(std::uint16_t instance, const variant* next);

 private:
  struct State;

  traits traits_;
  std::unique_ptr<State> state_;
};

template <std::uint16_t Id, class T>
class single_value : public value_base {
  static_assert(valued<T>,
                "a value is a bool, an integer, a floating point number, std::string, drover::opaque, drover::unix_time or "
                "drover::object_link");

 public:
  single_value(T initial, bool writable)
      : value_base({Id, type_for<T>(), writable, false}, {{std::uint16_t{0}, wrap<T>(std::move(initial))}}) {}

  /// Thread-safe; a copy.
  [[nodiscard]] T get() const { return unwrap<T>(load().front().second); }
  operator T() const { return get(); }  // NOLINT(google-explicit-constructor): reads like the value it is

  /// Thread-safe, never blocks on the network: observers are notified by their attributes.
  void set(T next) { assign(0, wrap<T>(std::move(next))); }

 private:
  void assign(std::uint16_t instance, const variant& next) { value_base::assign(instance, &next); }
};

template <std::uint16_t Id, class T>
class multiple_value : public value_base {
  static_assert(valued<T>,
                "values are of bool, an integer, a floating point number, std::string, drover::opaque, drover::unix_time or "
                "drover::object_link");

 public:
  using map = std::map<std::uint16_t, T>;

  multiple_value(const map& initial, bool writable) : value_base({Id, type_for<T>(), writable, true}, wrapped(initial)) {}

  /// Thread-safe; a copy, by resource instance.
  [[nodiscard]] map get() const { return unwrapped(load()); }
  /// Thread-safe, as is what follows. In place of all that there are.
  void set(const map& next) { this->assign(wrapped(next)); }
  /// One of them, new or not.
  void set(std::uint16_t instance, T next) {
    const variant value = wrap<T>(std::move(next));
    this->assign(instance, &value);
  }
  void erase(std::uint16_t instance) { this->assign(instance, nullptr); }

 protected:
  static instances wrapped(const map& values) {
    instances result;
    for (const auto& [instance, value] : values) result.emplace_back(instance, wrap<T>(value));
    return result;
  }
  static map unwrapped(const instances& values) {
    map result;
    for (const auto& [instance, value] : values) result.emplace(instance, unwrap<T>(value));
    return result;
  }
};

}  // namespace detail

/// A resource that servers read and observe. A member of a struct that derives from drover::object.
template <std::uint16_t Id, class T>
class value final : public detail::single_value<Id, T> {
 public:
  explicit value(T initial = {}) : detail::single_value<Id, T>(std::move(initial), false) {}
  value& operator=(T next) {
    this->set(std::move(next));
    return *this;
  }
};

/// A resource that servers also write.
template <std::uint16_t Id, class T>
class setting final : public detail::single_value<Id, T> {
 public:
  explicit setting(T initial = {}) : detail::single_value<Id, T>(std::move(initial), true) {}
  setting& operator=(T next) {
    this->set(std::move(next));
    return *this;
  }
  /// Called on the device's thread after a server wrote the resource; must not block. Set it before Client::start().
  std::function<void(const T&)> on_write;

  void store(detail::instances written) override {
    detail::value_base::store(std::move(written));
    if (on_write) on_write(this->get());
  }
};

/// A resource with instances that servers read and observe: one value by each number that the program gives it.
template <std::uint16_t Id, class T>
class values final : public detail::multiple_value<Id, T> {
 public:
  using map = typename detail::multiple_value<Id, T>::map;
  explicit values(const map& initial = {}) : detail::multiple_value<Id, T>(initial, false) {}
  values& operator=(const map& next) {
    this->set(next);
    return *this;
  }
};

/// A resource with instances that servers also write.
template <std::uint16_t Id, class T>
class settings final : public detail::multiple_value<Id, T> {
 public:
  using map = typename detail::multiple_value<Id, T>::map;
  explicit settings(const map& initial = {}) : detail::multiple_value<Id, T>(initial, true) {}
  settings& operator=(const map& next) {
    this->set(next);
    return *this;
  }
  /// As setting::on_write, with all that there are now.
  std::function<void(const map&)> on_write;

  void store(detail::instances written) override {
    detail::value_base::store(std::move(written));
    if (on_write) on_write(this->get());
  }
};

}  // namespace drover
