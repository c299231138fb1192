// SPDX-License-Identifier: Apache-2.0
// Values of a device: what a program assigns and servers read.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

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

class value_base;

/// Takes changes to the device's own thread.
class sink {
 public:
  virtual void publish(value_base& changed) = 0;

 protected:
  ~sink() = default;
};

/// The locked part of a value; its type is typed_value's business.
class value_base {
 public:
  value_base(std::uint16_t id, bool writable, variant initial);
  value_base(const value_base&) = delete;
  value_base& operator=(const value_base&) = delete;
  virtual ~value_base();

  [[nodiscard]] std::uint16_t id() const { return id_; }
  [[nodiscard]] bool writable() const { return writable_; }
  /// Thread-safe; a copy.
  [[nodiscard]] variant load() const;
  /// A server wrote it; on the device's thread.
  virtual void store(variant written);

  // For the client alone.
  void attach(sink* to);
  /// The value that the device's thread has to take over; later changes announce themselves anew.
  variant collect();

 protected:
  /// The program assigned it: the device's thread hears of it once until it collects.
  void assign(variant next);

 private:
  struct State;
  std::uint16_t id_;
  bool writable_;
  std::unique_ptr<State> state_;
};

template <std::uint16_t Id, class T>
class typed_value : public value_base {
  static_assert(
      std::is_constructible_v<variant, std::in_place_type_t<wire_t<T>>, wire_t<T>>,
      "a value is a bool, an integer, a floating point number, std::string, drover::opaque, drover::unix_time or "
      "drover::object_link");

 public:
  typed_value(T initial, bool writable) : value_base(Id, writable, wrap(std::move(initial))) {}

  /// Thread-safe; a copy.
  [[nodiscard]] T get() const { return static_cast<T>(std::get<wire_t<T>>(load())); }
  operator T() const { return get(); }  // NOLINT(google-explicit-constructor): reads like the value it is

  /// Thread-safe, never blocks on the network: observers are notified by their attributes.
  void set(T next) { assign(wrap(std::move(next))); }

 private:
  static variant wrap(T value) {
    return variant(std::in_place_type<wire_t<T>>, static_cast<wire_t<T>>(std::move(value)));
  }
};

}  // namespace detail

/// A resource that servers read and observe. A member of a struct that derives from drover::object.
template <std::uint16_t Id, class T>
class value final : public detail::typed_value<Id, T> {
 public:
  explicit value(T initial = {}) : detail::typed_value<Id, T>(std::move(initial), false) {}
  value& operator=(T next) {
    this->set(std::move(next));
    return *this;
  }
};

/// A resource that servers also write.
template <std::uint16_t Id, class T>
class setting final : public detail::typed_value<Id, T> {
 public:
  explicit setting(T initial = {}) : detail::typed_value<Id, T>(std::move(initial), true) {}
  setting& operator=(T next) {
    this->set(std::move(next));
    return *this;
  }
  /// Called on the device's thread after a server wrote the resource; must not block. Set it before Client::start().
  std::function<void(const T&)> on_write;

  void store(detail::variant written) override {
    detail::value_base::store(std::move(written));
    if (on_write) on_write(this->get());
  }
};

}  // namespace drover
