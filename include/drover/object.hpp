// SPDX-License-Identifier: Apache-2.0
// Objects of a device as plain structs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "drover/definition.hpp"
#include "drover/value.hpp"

namespace drover {

class Client;

/// Names a resource in `void execute(drover::resource<5605>)`.
template <std::uint16_t Id>
struct resource {};

/// A struct that overloads execute() for several resources lists them: `using executes = drover::resources<5605,
/// 5606>;`
template <std::uint16_t... Ids>
struct resources {};

/// One argument of an Execute: a digit, and a value where one was given.
struct argument {
  std::uint8_t digit = 0;
  std::optional<std::string> value;
};
using arguments = std::vector<argument>;

namespace detail {

struct action {
  std::uint16_t id;
  std::function<void(const arguments&)> run;
};

/// Types of an object's resources, held against its definition where that is known.
template <std::uint16_t Object, std::uint16_t Resource>
struct resource_type {
  static_assert(defined<Object>, "without the object's definition (drover-objectgen makes it) the type is needed: value<ID, TYPE>");
  static_assert(find<Object>(Resource) != nullptr, "the object has no such resource");
  static_assert(find<Object>(Resource)->type != data_type::none, "it is executed: void execute(drover::resource<ID>)");
  using type = native_t<find<Object>(Resource)->type>;
};

/// Checks, and nothing else.
template <std::uint16_t Object, std::uint16_t Resource, class T, bool Writable, bool Multiple>
consteval bool check_resource() {
  if constexpr (defined<Object>) {
    constexpr const resource_definition* resource = find<Object>(Resource);
    static_assert(resource != nullptr, "the object has no such resource");
    if constexpr (resource != nullptr) {
      static_assert(!resource->execute, "it is executed: void execute(drover::resource<ID>)");
      static_assert(resource->type == type_for<T>(), "the definition has another type");
      static_assert(resource->multiple == Multiple, "value and setting are of a single resource, values and settings of a multiple one");
      static_assert(Writable || !resource->write, "servers write it: setting or settings");
      static_assert(!Writable || resource->write, "servers don't write it: value or values");
    }
  }
  return true;
}

template <std::uint16_t Object, std::uint16_t Resource, class T, bool Writable, bool Multiple>
struct checked {
  static_assert(check_resource<Object, Resource, T, Writable, Multiple>());
  using type = std::conditional_t<Multiple, std::conditional_t<Writable, drover::settings<Resource, T>, drover::values<Resource, T>>,
                                  std::conditional_t<Writable, drover::setting<Resource, T>, drover::value<Resource, T>>>;
};

/// Values find the object that they are members of by this: it spans the construction of one object on one thread.
class construction {
 public:
  explicit construction(std::size_t size);
  ~construction();
  construction(const construction&) = delete;
  construction& operator=(const construction&) = delete;

 private:
  construction* outer_;
  friend class object_base;
  friend class value_base;
  std::size_t size_;
  class object_base* object_ = nullptr;
};

class object_base {
 public:
  explicit object_base(std::uint16_t id);
  object_base(const object_base&) = delete;
  object_base& operator=(const object_base&) = delete;
  virtual ~object_base();

  [[nodiscard]] std::uint16_t object_id() const { return id_; }
  [[nodiscard]] const std::vector<value_base*>& object_values() const { return values_; }

 protected:
  void add_value(value_base& value) { values_.push_back(&value); }

 private:
  friend class value_base;
  std::uint16_t id_;
  std::vector<value_base*> values_;
};

template <class T, std::uint16_t Id>
void add_action(T& object, std::vector<action>& actions) {
  if constexpr (defined<T::id>) {
    static_assert(find<T::id>(Id) != nullptr && find<T::id>(Id)->execute, "by the object's definition servers can't execute that");
  }
  if constexpr (requires(const arguments& given) { object.execute(resource<Id>{}, given); }) {
    actions.push_back({Id, [&object](const arguments& given) { object.execute(resource<Id>{}, given); }});
  } else {
    actions.push_back({Id, [&object](const arguments&) { object.execute(resource<Id>{}); }});
  }
}

template <class T, std::uint16_t... Ids>
void add_actions(T& object, resources<Ids...>, std::vector<action>& actions) {
  (add_action<T, Ids>(object, actions), ...);
}

template <class Class, class R, std::uint16_t Id>
resources<Id> executed_by(R (Class::*)(resource<Id>));
template <class Class, class R, std::uint16_t Id>
resources<Id> executed_by(R (Class::*)(resource<Id>, const arguments&));
template <class Class, class R, std::uint16_t Id>
resources<Id> executed_by(R (Class::*)(resource<Id>, arguments));

struct has_execute {
  void execute();
};
template <class T>
struct probe : T, has_execute {};

/// The actions of an object: those of its list, or that of its only execute().
template <class T>
std::vector<action> actions_of(T& object) {
  std::vector<action> actions;
  if constexpr (requires { typename T::executes; }) {
    add_actions(object, typename T::executes{}, actions);
  } else if constexpr (requires { executed_by(&T::execute); }) {
    add_actions(object, decltype(executed_by(&T::execute)){}, actions);
  } else {
    // With a member of that name in T, the name is ambiguous in probe<T>.
    static_assert(
        requires { &probe<T>::execute; },
        "execute() takes a drover::resource<ID>; several of them need `using executes = drover::resources<...>;`");
  }
  return actions;
}

}  // namespace detail

/// Base of a struct that is one object: its members of the types below are the resources. Where the object's definition is
/// known (drover/objects, or a header that drover-objectgen made), they are held against it when the program is compiled, and
/// need no type: `value<5700> temperature{20.0};`.
template <std::uint16_t Id>
struct object : detail::object_base {
  static constexpr std::uint16_t id = Id;
  object() : object_base(Id) {}

  template <std::uint16_t Resource, class T = typename detail::resource_type<Id, Resource>::type>
  using value = typename detail::checked<Id, Resource, T, false, false>::type;
  template <std::uint16_t Resource, class T = typename detail::resource_type<Id, Resource>::type>
  using setting = typename detail::checked<Id, Resource, T, true, false>::type;
  template <std::uint16_t Resource, class T = typename detail::resource_type<Id, Resource>::type>
  using values = typename detail::checked<Id, Resource, T, false, true>::type;
  template <std::uint16_t Resource, class T = typename detail::resource_type<Id, Resource>::type>
  using settings = typename detail::checked<Id, Resource, T, true, true>::type;
};

/// An object whose definition is known at run time alone: Client::define() it, and Client::add_dynamic() instances.
class dynamic_object final : public detail::object_base {
 public:
  ~dynamic_object() override;

  /// Thread-safe, as is what follows. Integers are taken for a Float. Makes an optional resource be there. Throws
  /// std::invalid_argument for one that the definition lacks, or of another type.
  template <detail::valued T>
  void set(std::uint16_t resource, T value) {
    set_instance(resource, 0, detail::wrap<T>(std::move(value)));
  }
  void set(std::uint16_t resource, const char* text) { set(resource, std::string(text)); }
  /// One instance of a multiple resource.
  template <detail::valued T>
  void set(std::uint16_t resource, std::uint16_t instance, T value) {
    set_instance(resource, instance, detail::wrap<T>(std::move(value)));
  }
  void erase(std::uint16_t resource, std::uint16_t instance = 0);
  /// Nothing when it isn't there. Throws std::invalid_argument for another type.
  template <detail::valued T>
  [[nodiscard]] std::optional<T> get(std::uint16_t resource, std::uint16_t instance = 0) const {
    const auto value = get_instance(resource, instance, detail::type_for<T>());
    return value ? std::optional(detail::unwrap<T>(*value)) : std::nullopt;
  }

  /// Called on the device's thread; must not block. Set them before Client::start().
  std::function<void(std::uint16_t resource)> on_write;
  std::function<void(std::uint16_t resource, const arguments&)> on_execute;

 private:
  friend class Client;
  class resource_value;
  explicit dynamic_object(std::uint16_t id);
  void set_instance(std::uint16_t resource, std::uint16_t instance, detail::variant value);
  [[nodiscard]] std::optional<detail::variant> get_instance(std::uint16_t resource, std::uint16_t instance, data_type type) const;
  [[nodiscard]] resource_value& member(std::uint16_t resource) const;

  std::vector<std::unique_ptr<resource_value>> members_;
};

}  // namespace drover
