// SPDX-License-Identifier: Apache-2.0
// The program's objects in the client's tree.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "client/behaviour.hpp"
#include "drover/object.hpp"
#include "lwm2m/model/definition.hpp"
#include "sdk/host.hpp"

namespace drover::sdk {

/// An instance as it is handed over.
struct Made {
  std::unique_ptr<detail::object_base> object;
  std::vector<detail::action> actions;
};

/// Lets servers create instances of an object, and delete those.
struct Factory {
  std::function<Made()> make;
  std::function<void(detail::object_base&, std::uint16_t instance)> created;
  std::function<void(std::uint16_t instance)> deleted;
};

/// Where the client is driven, or before it is; values alone are any thread's.
class Program final : public detail::sink {
 public:
  explicit Program(Host& host);
  ~Program();

  /// Shows an instance. Throws std::invalid_argument, with what is wrong with the object by its definition (which may be
  /// nullptr), or when the instance exists.
  void adopt(Made made, std::uint16_t instance, const lwm2m::model::ObjectDefinition* definition);
  void remove(const detail::object_base& object);
  /// Throws std::invalid_argument as adopt() does.
  void allow_create(Factory factory, const lwm2m::model::ObjectDefinition* definition);
  /// A bootstrap may have taken away what the program shows, and added what it doesn't know.
  void show_again();

  void publish(detail::value_base& changed) override;

 private:
  struct Kind;

  Kind& kind_of(const Made& made, const lwm2m::model::ObjectDefinition* definition);
  void attach(Kind& kind, std::uint16_t instance, Made made);
  void take_over(detail::value_base& value);
  void show(const lwm2m::Path& path, const detail::instances& values);

  Host& host_;
  std::map<lwm2m::ObjectId, std::unique_ptr<Kind>> kinds_;
  std::map<const detail::value_base*, lwm2m::Path> places_;
  bool adopting_ = false;
};

}  // namespace drover::sdk
