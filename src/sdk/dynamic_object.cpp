// SPDX-License-Identifier: Apache-2.0
// Objects whose definitions come at run time. Apart from client.cpp, so that programs without them are linked without the
// parser.
#include <algorithm>
#include <stdexcept>

#include "client/object_tree.hpp"
#include "lwm2m/model/ddf.hpp"
#include "sdk/client_parts.hpp"
#include "sdk/convert.hpp"

namespace drover {

namespace {

std::string name_of(std::uint16_t object, std::uint16_t resource) {
  return "/" + std::to_string(object) + "/x/" + std::to_string(resource);
}

detail::instances initial_of(const lwm2m::model::ResourceDefinition& resource) {
  if (!resource.mandatory) return {};
  return {{std::uint16_t{0}, sdk::to_public(client::neutral(resource.type))}};
}

}  // namespace

class dynamic_object::resource_value final : public detail::value_base {
 public:
  resource_value(const dynamic_object& of, const lwm2m::model::ResourceDefinition& resource)
      : value_base({resource.id, static_cast<data_type>(resource.type), resource.operations.write, resource.multiple}, initial_of(resource)),
        object_(of),
        mandatory_(resource.mandatory) {}

  void put(std::uint16_t instance, const detail::variant* value) { assign(instance, value); }
  [[nodiscard]] bool is_mandatory() const { return mandatory_; }
  void store(detail::instances written) override {
    value_base::store(std::move(written));
    if (object_.on_write) object_.on_write(id());
  }

 private:
  const dynamic_object& object_;
  bool mandatory_;
};

dynamic_object::dynamic_object(std::uint16_t id) : object_base(id) {}
dynamic_object::~dynamic_object() = default;

dynamic_object::resource_value& dynamic_object::member(std::uint16_t resource) const {
  const auto found = std::ranges::find(members_, resource, [](const auto& each) { return each->id(); });
  if (found == members_.end()) throw std::invalid_argument(name_of(object_id(), resource) + " is none that has a value");
  return **found;
}

void dynamic_object::set_instance(std::uint16_t resource, std::uint16_t instance, detail::variant value) {
  resource_value& to = member(resource);
  const data_type type = to.what().type;
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    if (type == data_type::floating) value = static_cast<double>(*number);
    if (type == data_type::time) value = unix_time(std::chrono::seconds(*number));
  }
  if (static_cast<data_type>(value.index() + 1) != type) throw std::invalid_argument(name_of(object_id(), resource) + " has another type");
  if (instance != 0 && !to.what().multiple) throw std::invalid_argument(name_of(object_id(), resource) + " isn't multiple");
  to.put(instance, &value);
}

void dynamic_object::erase(std::uint16_t resource, std::uint16_t instance) {
  resource_value& from = member(resource);
  if (from.is_mandatory() && !from.what().multiple) throw std::invalid_argument(name_of(object_id(), resource) + " is mandatory");
  from.put(instance, nullptr);
}

std::optional<detail::variant> dynamic_object::get_instance(std::uint16_t resource, std::uint16_t instance, data_type type) const {
  const resource_value& from = member(resource);
  if (from.what().type != type) throw std::invalid_argument(name_of(object_id(), resource) + " has another type");
  for (const auto& [id, value] : from.load()) {
    if (id == instance) return value;
  }
  return std::nullopt;
}

void Client::define(const std::string& ddf) {
  auto objects = lwm2m::model::parse_ddf(ddf, "DDF");
  if (!objects) throw std::invalid_argument(objects.error().reason);
  impl_->call([&] {
    for (lwm2m::model::ObjectDefinition& object : *objects) {
      if (object.id <= 7) throw std::invalid_argument("object " + std::to_string(object.id) + ": Drover has its definition");
      if (auto added = impl_->defined.add(std::move(object)); !added) throw std::invalid_argument(added.error().reason);
    }
  });
}

dynamic_object& Client::add_dynamic(std::uint16_t object, std::uint16_t instance) {
  std::unique_ptr<dynamic_object> made(new dynamic_object(object));
  dynamic_object& result = *made;
  impl_->call([&] {
    const auto all = impl_->defined.all();
    const auto definition = std::ranges::find(all, object, [](const auto* each) { return each->id; });
    if (definition == all.end()) throw std::invalid_argument("object " + std::to_string(object) + ": define() it first");
    std::vector<detail::action> actions;
    for (const lwm2m::model::ResourceDefinition& resource : (*definition)->resources) {
      if (resource.operations.execute) {
        actions.push_back({resource.id, [&result, id = resource.id](const arguments& given) {
                             if (result.on_execute) result.on_execute(id, given);
                           }});
      } else {
        result.members_.push_back(std::make_unique<dynamic_object::resource_value>(result, resource));
        result.add_value(*result.members_.back());
      }
    }
    impl_->program.adopt({std::move(made), std::move(actions)}, instance, *definition);
  });
  return result;
}

}  // namespace drover
