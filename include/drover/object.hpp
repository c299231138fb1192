// SPDX-License-Identifier: Apache-2.0
// Objects of a device as plain structs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "drover/value.hpp"

namespace drover {

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

 private:
  friend class value_base;
  std::uint16_t id_;
  std::vector<value_base*> values_;
};

template <class T, std::uint16_t Id>
void add_action(T& object, std::vector<action>& actions) {
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

/// Base of a struct that is one object: its members of type drover::value and drover::setting are the resources.
template <std::uint16_t Id>
struct object : detail::object_base {
  static constexpr std::uint16_t id = Id;
  object() : object_base(Id) {}
};

}  // namespace drover
