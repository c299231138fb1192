// SPDX-License-Identifier: Apache-2.0
#include "sdk/program.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

#include "coap/message/code.hpp"
#include "sdk/convert.hpp"

namespace drover::sdk {

using lwm2m::Path;
using lwm2m::model::ObjectDefinition;
using lwm2m::model::ResourceDefinition;

namespace {

tl::unexpected<Error> refuse(const char* reason) {
  return peer_error(coap::code::kMethodNotAllowed.value, reason);
}

ObjectDefinition definition_of(const Made& made) {
  ObjectDefinition definition;
  definition.id = made.object->object_id();
  definition.name = "object " + std::to_string(definition.id);
  definition.multiple = true;
  for (const detail::value_base* value : made.object->object_values()) {
    ResourceDefinition resource;
    resource.id = value->id();
    resource.name = "resource " + std::to_string(value->id());
    resource.operations = {true, value->what().writable, false};
    resource.multiple = value->what().multiple;
    resource.type = static_cast<lwm2m::DataType>(value->what().type);
    definition.resources.push_back(std::move(resource));
  }
  for (const detail::action& action : made.actions) {
    ResourceDefinition resource;
    resource.id = action.id;
    resource.name = "resource " + std::to_string(action.id);
    resource.operations.execute = true;
    definition.resources.push_back(std::move(resource));
  }
  std::ranges::sort(definition.resources, {}, &ResourceDefinition::id);
  return definition;
}

[[noreturn]] void complain(const ObjectDefinition& definition, lwm2m::ResourceId resource, const std::string& what) {
  const ResourceDefinition* known = definition.resource(resource);
  throw std::invalid_argument("object " + std::to_string(definition.id) + " (" + definition.name + "): resource " + std::to_string(resource) +
                              (known == nullptr ? "" : " (" + known->name + ")") + " " + what);
}

/// What the compiler couldn't see: members that were declared past the checks, and mandatory resources that are missing.
void check(const Made& made, const ObjectDefinition& definition) {
  std::set<lwm2m::ResourceId> there;
  for (const detail::value_base* value : made.object->object_values()) {
    const ResourceDefinition* resource = definition.resource(value->id());
    if (resource == nullptr || resource->operations.execute) complain(definition, value->id(), "is none that has a value");
    if (resource->type != static_cast<lwm2m::DataType>(value->what().type)) complain(definition, value->id(), "has another type");
    if (resource->multiple != value->what().multiple) {
      complain(definition, value->id(), resource->multiple ? "is multiple: values or settings" : "isn't multiple: value or setting");
    }
    if (!there.insert(value->id()).second) complain(definition, value->id(), "is there twice");
  }
  for (const detail::action& action : made.actions) {
    const ResourceDefinition* resource = definition.resource(action.id);
    if (resource == nullptr || !resource->operations.execute) complain(definition, action.id, "isn't executed");
    there.insert(action.id);
  }
  for (const ResourceDefinition& resource : definition.resources) {
    const bool known = resource.operations.read || resource.operations.write || resource.operations.execute;
    if (resource.mandatory && known && !there.contains(resource.id)) {
      complain(definition, resource.id, resource.operations.execute ? "is mandatory: void execute(drover::resource<ID>)" : "is mandatory");
    }
  }
}

}  // namespace

/// One object of the program, and its instances.
struct Program::Kind final : client::ObjectBehaviour {
  Kind(Program& of, ObjectDefinition what) : program(of), definition(std::move(what)) {}

  Program& program;
  ObjectDefinition definition;
  std::map<lwm2m::InstanceId, Made> instances;
  std::optional<Factory> factory;

  void written(const client::Context& context, const Path& path) override {
    const auto node = program.host_.client().tree().node(context, Path(path.object(), path.instance(), path.resource()));
    const auto instance = instances.find(path.instance());
    if (!node || instance == instances.end()) return;
    for (detail::value_base* member : instance->second.object->object_values()) {
      if (member->id() == path.resource()) member->store(to_public(*node));
    }
  }
  /// Also behind a bootstrap that deleted it and wrote it again.
  void created(const client::Context& context, lwm2m::InstanceId id) override {
    const bool fresh = !instances.contains(id);
    if (program.adopting_ || (fresh && !factory)) return;
    if (fresh) {
      program.attach(*this, id, factory->make());
      by_server.insert(id);
    }
    detail::object_base& object = *instances.at(id).object;
    for (detail::value_base* member : object.object_values()) {
      const Path path(definition.id, id, member->id());
      const auto node = program.host_.client().tree().node(context, path);
      if (node && member->what().writable) {
        member->store(to_public(*node));
      } else {
        program.show(path, member->load());
      }
    }
    if (fresh && factory->created) factory->created(object, id);
  }
  Result<void> execute(const client::Context&, const Path& path, const client::Arguments& given) override {
    const auto instance = instances.find(path.instance());
    if (instance == instances.end()) return refuse("the device's program makes the instances");
    arguments list;
    for (const client::Argument& argument : given) list.push_back({argument.digit, argument.value});
    for (const detail::action& action : instance->second.actions) {
      if (action.id == path.resource()) action.run(list);
    }
    return {};
  }
  Result<void> check_create(const client::Context&, const lwm2m::InstanceNode&) override {
    if (factory) return {};
    return refuse("the device's program makes the instances");
  }
  Result<void> check_delete(const client::Context&, lwm2m::InstanceId id) override {
    if (factory && instances.contains(id) && by_server.contains(id)) return {};
    return refuse("the device's program makes the instances");
  }
  void deleted(const client::Context&, lwm2m::InstanceId id) override {
    if (!factory || by_server.erase(id) == 0) return;
    forget(id);
    if (factory->deleted) factory->deleted(id);
  }
  void forget(lwm2m::InstanceId id) {
    const auto instance = instances.find(id);
    if (instance == instances.end()) return;
    for (const detail::value_base* value : instance->second.object->object_values()) program.places_.erase(value);
    instances.erase(instance);
  }

  std::set<lwm2m::InstanceId> by_server;  ///< those that servers created
};

Program::Program(Host& host) : host_(host) {}
Program::~Program() = default;

Program::Kind& Program::kind_of(const Made& made, const ObjectDefinition* definition) {
  const lwm2m::ObjectId id = made.object->object_id();
  const auto known = kinds_.find(id);
  if (definition != nullptr) check(made, *definition);
  if (known != kinds_.end()) return *known->second;
  auto kind = std::make_unique<Kind>(*this, definition != nullptr ? *definition : definition_of(made));
  std::vector<lwm2m::ResourceId> supported;
  for (const detail::value_base* value : made.object->object_values()) supported.push_back(value->id());
  for (const detail::action& action : made.actions) supported.push_back(action.id);
  std::ranges::sort(supported);
  host_.client().define(kind->definition, kind.get(), std::move(supported));
  return *kinds_.emplace(id, std::move(kind)).first->second;
}

void Program::attach(Kind& kind, std::uint16_t instance, Made made) {
  for (detail::value_base* value : made.object->object_values()) {
    places_[value] = Path(kind.definition.id, instance, value->id());
    value->attach(this);
  }
  kind.instances[instance] = std::move(made);
}

void Program::adopt(Made made, std::uint16_t instance, const ObjectDefinition* definition) {
  Kind& kind = kind_of(made, definition);
  client::ObjectTree& tree = host_.client().tree();
  const client::Context context{host_.now(), std::nullopt};
  adopting_ = true;  // created() is for those that aren't the program's own
  const auto added = tree.add(context, kind.definition.id, instance);
  adopting_ = false;
  if (!added) throw std::invalid_argument(added.error().reason);
  const std::vector<detail::value_base*> values = made.object->object_values();
  attach(kind, instance, std::move(made));
  for (detail::value_base* value : values) show(Path(kind.definition.id, instance, value->id()), value->collect());
  host_.flush();
}

void Program::remove(const detail::object_base& object) {
  for (auto& [id, kind] : kinds_) {
    const auto held = std::ranges::find_if(kind->instances, [&](const auto& each) { return each.second.object.get() == &object; });
    if (held == kind->instances.end()) continue;
    const lwm2m::InstanceId instance = held->first;
    kind->by_server.erase(instance);
    (void)host_.client().tree().remove({host_.now(), std::nullopt}, id, instance);
    kind->forget(instance);
    return host_.flush();
  }
}

void Program::allow_create(Factory factory, const ObjectDefinition* definition) {
  Kind& kind = kind_of(factory.make(), definition);
  kind.factory = std::move(factory);
}

void Program::show_again() {
  client::ObjectTree& tree = host_.client().tree();
  const client::Context context{host_.now(), std::nullopt};
  for (auto& [id, kind] : kinds_) {
    for (const lwm2m::InstanceId instance : tree.instances(id)) {
      if (!kind->instances.contains(instance)) (void)tree.remove(context, id, instance);
    }
    for (auto& [instance, held] : kind->instances) {
      const Path path(id, instance);
      if (!tree.has(path)) (void)tree.add(context, id, instance);
      for (detail::value_base* value : held.object->object_values()) {
        const Path resource = path.child(value->id());
        if (!tree.has(resource)) show(resource, value->load());
      }
    }
  }
  host_.flush();
}

void Program::publish(detail::value_base& changed) {
  host_.post([this, value = &changed] { take_over(*value); });
}

void Program::take_over(detail::value_base& value) {
  const auto place = places_.find(&value);
  if (place == places_.end()) return;  // removed meanwhile
  show(place->second, value.collect());
  host_.flush();
}

void Program::show(const Path& path, const detail::instances& values) {
  client::ObjectTree& tree = host_.client().tree();
  const client::Context context{host_.now(), std::nullopt};
  const auto* object = tree.find(path.object());
  const ResourceDefinition* resource = object == nullptr ? nullptr : object->resource(path.resource());
  if (resource == nullptr) return;
  if (values.empty() && !resource->mandatory) (void)tree.unset(context, path);
  if (!resource->multiple) {
    if (!values.empty()) (void)tree.set(context, path, sdk::to_core(values.front().second));
    return;
  }
  if (const auto before = tree.node(context, path)) {
    for (const auto& each : before->instances) {
      const bool stays = std::ranges::any_of(values, [&](const auto& value) { return value.first == each.id; });
      if (!stays) (void)tree.unset(context, path.child(each.id));
    }
  }
  for (const auto& [instance, value] : values) (void)tree.set(context, path.child(instance), sdk::to_core(value));
}

}  // namespace drover::sdk
