// SPDX-License-Identifier: Apache-2.0
#include "tests/property/model.hpp"

#include <algorithm>
#include <bit>
#include <regex>

namespace drover::property {

using lwm2m::DataType;
using lwm2m::ObjectId;
using lwm2m::Value;
using Statuses = std::set<Status>;

namespace {

constexpr ObjectId kSecurity = 0;
constexpr ObjectId kServer = 1;
constexpr ObjectId kAccess = 2;
constexpr ObjectId kDevice = 3;

Status status_of(std::uint8_t code) {
  switch (code) {
    case 0x80: return Status::BadRequest;
    case 0x86: return Status::NotAcceptable;
    case 0x8D: return Status::EntityTooLarge;
    case 0x8F: return Status::UnsupportedFormat;
    default: return Status::InternalError;
  }
}

std::string shown(const Value& value) {
  // Bits, because one NaN isn't equal to another.
  if (const auto* real = std::get_if<double>(&value)) return std::to_string(std::bit_cast<std::uint64_t>(*real));
  return lwm2m::content::to_text(value);
}

std::string line_of(const Path& path, const Value& value) {
  return path.to_string() + " = " + to_string(lwm2m::type_of(value)) + ' ' + shown(value);
}

Value neutral(DataType type) {
  if (type == DataType::Integer) return std::int64_t{0};
  if (type == DataType::Float) return 0.0;
  if (type == DataType::Boolean) return false;
  if (type == DataType::Opaque) return lwm2m::Opaque{};
  if (type == DataType::Time) return lwm2m::Time{0};
  if (type == DataType::ObjectLink) return lwm2m::ObjectLink{65535, 65535};
  return std::string();
}

/// Generated definitions have ranges "A-B" of numbers and "A-B bytes" of texts, nothing else.
bool within(const std::string& range, const Value& value) {
  std::smatch bounds;
  if (!std::regex_match(range, bounds, std::regex("([0-9]+)-([0-9]+)( bytes)?"))) return true;
  std::int64_t size = 0;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) size = *integer;
  if (const auto* text = std::get_if<std::string>(&value)) size = static_cast<std::int64_t>(text->size());
  return size >= std::stoll(bounds[1]) && size <= std::stoll(bounds[2]);
}

bool is_argument_list(const std::string& text) {
  static const std::regex grammar("|[0-9](='[!#-&(-\\[\\]-~]*')?(, *[0-9](='[!#-&(-\\[\\]-~]*')?)*");
  return std::regex_match(text, grammar);
}

/// The value of the format's number where the enabler has such a format for values.
std::optional<lwm2m::Format> value_format(std::optional<lwm2m::FormatNumber> number, Statuses& wrong) {
  if (!number) {
    wrong.insert(Status::BadRequest);
    return std::nullopt;
  }
  const auto format = lwm2m::format_of(*number);
  if (format && *format != lwm2m::Format::Link) return format;
  wrong.insert(Status::UnsupportedFormat);
  return std::nullopt;
}

}  // namespace

// ---- what is there --------------------------------------------------------------------------------------------------

Model::Model(const client::ObjectTree& tree) {
  for (const ObjectId object : tree.objects()) {
    definitions_[object] = *tree.find(object);
    for (const lwm2m::InstanceId instance : tree.instances(object)) {
      const Path path(object, instance);
      instances_.insert(path);
      for (const lwm2m::ResourceNode& node : tree.values({}, object, instance)) {
        resources_.insert(path.child(node.id));
        for (const auto& entry : node.instances) values_[path.child(node.id).child(entry.id)] = entry.value;
      }
    }
  }
}

const lwm2m::model::ObjectDefinition* Model::find(ObjectId object) const {
  const auto found = definitions_.find(object);
  return found == definitions_.end() ? nullptr : &found->second;
}

const Model::ResourceDefinition* Model::definition(const Path& resource) const {
  const auto* object = find(resource.object());
  return object == nullptr ? nullptr : object->resource(resource.resource());
}

std::vector<Path> Model::instances_of(ObjectId object) const {
  std::vector<Path> found;
  std::copy_if(instances_.begin(), instances_.end(), std::back_inserter(found),
               [&](const Path& path) { return path.object() == object; });
  return found;
}

std::vector<Path> Model::resources_of(const Path& instance) const {
  std::vector<Path> found;
  std::copy_if(resources_.begin(), resources_.end(), std::back_inserter(found),
               [&](const Path& path) { return instance.contains(path); });
  return found;
}

std::vector<Path> Model::values_of(const Path& resource) const {
  std::vector<Path> found;
  for (const auto& [path, value] : values_) {
    if (resource.contains(path)) found.push_back(path);
  }
  return found;
}

std::int64_t Model::number(const Path& resource_instance) const {
  const auto found = values_.find(resource_instance);
  const auto* number = found == values_.end() ? nullptr : std::get_if<std::int64_t>(&found->second);
  return number == nullptr ? 0 : *number;
}

void Model::add(const Path& instance) {
  const auto* object = find(instance.object());
  if (object == nullptr || instances_.contains(instance) || (!object->multiple && instance.instance() != 0)) return;
  instances_.insert(instance);
  for (const ResourceDefinition& resource : object->resources) {
    if (!resource.mandatory) continue;
    const Path path = instance.child(resource.id);
    resources_.insert(path);
    if (!resource.operations.execute) values_[path.child(0)] = neutral(resource.type);
  }
}

void Model::remove(const Path& instance) {
  if (instances_.erase(instance) == 0) return;
  std::erase_if(resources_, [&](const Path& path) { return instance.contains(path); });
  std::erase_if(values_, [&](const auto& entry) { return instance.contains(entry.first); });
  std::erase_if(attributes_, [&](const auto& entry) { return instance.contains(std::get<1>(entry.first)); });
  if (instance.object() == kAccess) return;
  for (const Path& guard : instances_of(kAccess)) {
    if (number(guard.child(0).child(0)) == instance.object() && number(guard.child(1).child(0)) == instance.instance())
      remove(guard);
  }
}

void Model::set(const Path& resource_instance, const Value& value) {
  if (!instances_.contains(resource_instance.prefix(2))) return;
  resources_.insert(resource_instance.prefix(3));
  values_[resource_instance] = value;
}

std::set<std::string> Model::lines() const {
  std::set<std::string> lines;
  for (const Path& path : instances_) lines.insert(path.to_string());
  for (const Path& path : resources_) lines.insert(path.to_string());
  for (const auto& [path, value] : values_) lines.insert(line_of(path, value));
  return lines;
}

std::set<std::string> lines_of(const client::ObjectTree& tree) {
  std::set<std::string> lines;
  for (const ObjectId object : tree.objects()) {
    for (const lwm2m::InstanceId instance : tree.instances(object)) {
      const Path path(object, instance);
      lines.insert(path.to_string());
      for (const lwm2m::ResourceNode& node : tree.values({}, object, instance)) {
        lines.insert(path.child(node.id).to_string());
        for (const auto& entry : node.instances)
          lines.insert(line_of(path.child(node.id).child(entry.id), entry.value));
      }
    }
  }
  return lines;
}

// ---- Core §7 --------------------------------------------------------------------------------------------------------

Path Model::guard_of(ObjectId object, std::uint16_t instance) const {
  for (const Path& guard : instances_of(kAccess)) {
    if (number(guard.child(0).child(0)) == object && number(guard.child(1).child(0)) == instance) return guard;
  }
  return {};
}

unsigned Model::rights(ServerId server, const Path& instance) const {
  if (instance.object() == kAccess) {
    const bool owner = number(instance.child(3).child(0)) == server;
    const bool guards_object = number(instance.child(1).child(0)) == 65535;
    return !owner ? 0 : guards_object ? kRead : kFull;
  }
  const Path guard = guard_of(instance.object(), instance.instance());
  if (guard.is_root()) return several_accounts() ? 0 : kFull;
  const Path acl = guard.child(2);
  if (values_.contains(acl.child(server))) return static_cast<unsigned>(number(acl.child(server)));
  if (number(guard.child(3).child(0)) == server) return kFull;
  return static_cast<unsigned>(number(acl.child(0)));
}

bool Model::may_create(ServerId server, ObjectId object) const {
  const Path guard = guard_of(object, 65535);
  if (guard.is_root()) return !several_accounts();
  return (static_cast<unsigned>(number(guard.child(2).child(server))) & kCreate) != 0;
}

Statuses Model::obstacles(ServerId server, const lwm2m::Downlink& operation) const {
  const Path path = lwm2m::path_of(operation);
  const bool creates = std::holds_alternative<lwm2m::Create>(operation);
  const bool writes = std::holds_alternative<lwm2m::Write>(operation);
  const bool executes = std::holds_alternative<lwm2m::Execute>(operation);
  const bool deletes = std::holds_alternative<lwm2m::Delete>(operation);
  const bool discovers = std::holds_alternative<lwm2m::Discover>(operation);
  if (path.object() == kSecurity) return {Status::Unauthorized};
  if (find(path.object()) == nullptr) return {Status::NotFound};
  if (path.depth() > 1 && !instances_.contains(path.prefix(2))) return {Status::NotFound};

  const unsigned needed = deletes ? kDelete : writes ? kWrite : executes ? kExecute : discovers || creates ? 0U : kRead;
  if (path.depth() > 1 && (needed & ~rights(server, path.prefix(2))) != 0) return {Status::Unauthorized};
  if (path.is_object() && creates && !may_create(server, path.object())) return {Status::Unauthorized};

  if (creates && (!path.is_object() || path.object() == kDevice)) return {Status::MethodNotAllowed};
  if (deletes && (!path.is_instance() || path.object() == kDevice)) return {Status::MethodNotAllowed};
  if (writes && path.is_object()) return {Status::MethodNotAllowed};
  if (executes && !path.is_resource()) return {Status::MethodNotAllowed};
  if (!path.is_resource()) return {};

  const ResourceDefinition* resource = definition(path);
  if (resource == nullptr || (!writes && !resources_.contains(path))) return {Status::NotFound};
  const bool supported = writes      ? resource->operations.write
                         : executes  ? resource->operations.execute
                         : discovers ? true
                                     : resource->operations.read;
  if (!supported) return {Status::MethodNotAllowed};
  return {};
}

// ---- Core §5.4 ------------------------------------------------------------------------------------------------------

Expected Model::perform(ServerId server, const lwm2m::Downlink& operation) {
  if (auto wrong = obstacles(server, operation); !wrong.empty()) return {std::move(wrong), {}};
  if (const auto* read_it = std::get_if<lwm2m::Read>(&operation)) return read(server, read_it->path, read_it->accept);
  if (const auto* watch = std::get_if<lwm2m::Observe>(&operation)) return read(server, watch->path, watch->accept);
  if (const auto* end = std::get_if<lwm2m::CancelObservation>(&operation)) return read(server, end->path, end->accept);
  if (const auto* find_out = std::get_if<lwm2m::Discover>(&operation)) return discover(server, find_out->path);
  if (const auto* write_it = std::get_if<lwm2m::Write>(&operation)) return write(*write_it);
  if (const auto* assign = std::get_if<lwm2m::WriteAttributes>(&operation)) return attribute(server, *assign);
  if (const auto* create_it = std::get_if<lwm2m::Create>(&operation)) return create(server, *create_it);
  if (const auto* erase_it = std::get_if<lwm2m::Delete>(&operation)) return erase(erase_it->path);
  const bool fine = is_argument_list(std::get<lwm2m::Execute>(operation).arguments);
  return {{fine ? Status::Changed : Status::BadRequest}, {}};
}

lwm2m::ResourceNode Model::node_of(const Path& resource) const {
  lwm2m::ResourceNode node{resource.resource(), definition(resource)->multiple, {}};
  for (const Path& value : values_of(resource))
    node.instances.push_back({value.resource_instance(), values_.at(value)});
  return node;
}

Expected Model::read(ServerId server, const Path& path, std::optional<lwm2m::FormatNumber> accept) const {
  lwm2m::ObjectNode object{path.object(), {}};
  for (const Path& instance : instances_of(path.object())) {
    if ((!path.contains(instance) && !instance.contains(path)) || (rights(server, instance) & kRead) == 0) continue;
    lwm2m::InstanceNode& node = object.instances.emplace_back(lwm2m::InstanceNode{instance.instance(), {}});
    for (const Path& resource : resources_of(instance)) {
      if (path.contains(resource) && definition(resource)->operations.read) node.resources.push_back(node_of(resource));
    }
  }
  const bool single = path.is_resource() && !definition(path)->multiple;
  const auto usual = !single                                      ? lwm2m::Format::Tlv
                     : definition(path)->type == DataType::Opaque ? lwm2m::Format::Opaque
                                                                  : lwm2m::Format::Text;
  const auto format = accept ? lwm2m::format_of(*accept) : usual;
  if (!format || *format == lwm2m::Format::Link) return {{Status::NotAcceptable}, {}};
  if (object.instances.empty() && *format == lwm2m::Format::Tlv) return {{Status::Content}, {}};
  auto body = lwm2m::content::encode(*format, path, lwm2m::Tree{{std::move(object)}});
  if (!body) return {{status_of(body.error().code)}, {}};
  return {{Status::Content}, std::move(*body)};
}

std::string Model::attributes_of(ServerId server, const std::vector<Path>& levels) const {
  std::string text;
  for (const char* name : {"pmin", "gt"}) {
    for (const Path& level : levels) {
      const auto found = attributes_.find({server, level, name});
      if (found == attributes_.end()) continue;
      text += ";" + std::string(name) + "=" + found->second;
      break;
    }
  }
  return text;
}

Expected Model::discover(ServerId server, const Path& path) const {
  std::string text = "<" + path.to_string() + ">";
  const auto dimension = [&](const Path& resource) {
    return definition(resource)->multiple ? ";dim=" + std::to_string(values_of(resource).size()) : std::string();
  };
  if (path.is_resource()) {
    text += dimension(path) + attributes_of(server, {path, path.prefix(2), path.prefix(1)});
    return {{Status::Content}, to_bytes(text)};
  }
  text += attributes_of(server, {path});
  for (const Path& instance : instances_of(path.object())) {
    if (path.is_object()) text += ",<" + instance.to_string() + ">";
    for (const Path& resource : resources_of(instance)) {
      if (!path.contains(resource)) continue;
      text += ",<" + resource.to_string() + ">";
      if (path.is_instance()) text += dimension(resource) + attributes_of(server, {resource});
    }
  }
  return {{Status::Content}, to_bytes(text)};
}

void Model::check(const Path& resource, lwm2m::ResourceNode& node, Statuses& wrong) const {
  const ResourceDefinition& known = *definition(resource);
  if (node.multiple != known.multiple) wrong.insert(Status::BadRequest);
  if (!known.multiple && node.instances.size() != 1) wrong.insert(Status::BadRequest);
  for (auto& entry : node.instances) {
    auto value = lwm2m::content::convert(entry.value, known.type);
    if (!value || !within(known.range, *value)) {
      wrong.insert(Status::BadRequest);
    } else {
      entry.value = *value;
    }
  }
  if (resource.object() == kAccess && wrong.empty()) check_access_value(resource, node, wrong);
}

/// Core E.3: five bits by Short Server ID or 0; an owner that has an account, or nobody.
void Model::check_access_value(const Path& resource, const lwm2m::ResourceNode& node, Statuses& wrong) const {
  for (const auto& entry : node.instances) {
    const std::int64_t value = std::get<std::int64_t>(entry.value);
    if (resource.resource() == 2 && (entry.id == 65535 || value < 0 || value > 31)) wrong.insert(Status::BadRequest);
    if (resource.resource() != 3) continue;
    bool known = value == 65535;
    for (const Path& account : instances_of(kServer)) known |= value != 0 && number(account.child(0).child(0)) == value;
    if (!known) wrong.insert(Status::BadRequest);
  }
}

void Model::put(const Path& resource, const lwm2m::ResourceNode& node, bool merge) {
  resources_.insert(resource);
  if (!merge) std::erase_if(values_, [&](const auto& entry) { return resource.contains(entry.first); });
  for (const auto& entry : node.instances) values_[resource.child(entry.id)] = entry.value;
}

bool Model::lacks_mandatory(const Path& instance) const {
  const auto& resources = find(instance.object())->resources;
  return std::any_of(resources.begin(), resources.end(), [&](const ResourceDefinition& resource) {
    return resource.mandatory && resource.operations.write && values_of(instance.child(resource.id)).empty();
  });
}

Expected Model::write(const lwm2m::Write& operation) {
  const Path& path = operation.path;
  const Path instance = path.prefix(2);
  Statuses wrong;
  const auto format = value_format(operation.format, wrong);
  if (!format) return {wrong, {}};
  auto tree = lwm2m::content::decode(*format, path, operation.payload, *this);
  if (!tree) return {{status_of(tree.error().code)}, {}};
  std::vector<lwm2m::ResourceNode> nodes;
  for (const auto& object : tree->objects) {
    for (const auto& given : object.instances) {
      if (object.id != path.object() || (given.id && *given.id != path.instance())) wrong.insert(Status::BadRequest);
      nodes.insert(nodes.end(), given.resources.begin(), given.resources.end());
    }
  }
  if (path.is_resource() && (nodes.size() != 1 || nodes[0].id != path.resource())) wrong.insert(Status::BadRequest);
  for (auto& node : nodes) {
    const Path resource = instance.child(node.id);
    if (definition(resource) == nullptr) {
      wrong.insert(Status::NotFound);
    } else if (!definition(resource)->operations.write) {
      wrong.insert(Status::MethodNotAllowed);
    } else {
      check(resource, node, wrong);
    }
  }
  if (!wrong.empty()) return {wrong, {}};

  const Model before = *this;
  const bool replace = operation.mode == lwm2m::Write::Mode::Replace;
  if (replace && path.is_instance()) {
    for (const Path& resource : resources_of(instance)) {
      if (!definition(resource)->operations.write) continue;
      put(resource, {}, false);
      resources_.erase(resource);
    }
  }
  for (const auto& node : nodes) put(instance.child(node.id), node, !replace && node.multiple);
  if (!lacks_mandatory(instance)) return {{Status::Changed}, {}};
  *this = before;
  return {{Status::BadRequest}, {}};
}

Expected Model::attribute(ServerId server, const lwm2m::WriteAttributes& operation) {
  const Path& path = operation.path;
  Statuses wrong;
  if (operation.attributes.empty()) wrong.insert(Status::BadRequest);
  for (const std::string& attribute : operation.attributes) {
    const bool numeric =
        path.is_resource() && (definition(path)->type == DataType::Integer ||
                               definition(path)->type == DataType::Float || definition(path)->type == DataType::Time);
    const bool known = attribute.starts_with("pmin") || attribute == "gt" || (attribute.starts_with("gt=") && numeric);
    if (!known) wrong.insert(Status::BadRequest);
  }
  if (!wrong.empty()) return {wrong, {}};
  for (const std::string& attribute : operation.attributes) {
    const auto equals = attribute.find('=');
    const std::string name = attribute.substr(0, equals);
    attributes_.erase({server, path, name});
    if (equals != std::string::npos) attributes_[{server, path, name}] = attribute.substr(equals + 1);
  }
  return {{Status::Changed}, {}};
}

Expected Model::create(ServerId server, const lwm2m::Create& operation) {
  const Path& path = operation.path;
  if (path.object() == kAccess) return {{Status::MethodNotAllowed, Status::BadRequest, Status::UnsupportedFormat}, {}};
  Statuses wrong;
  const auto format = value_format(operation.format, wrong);
  if (!format) return {wrong, {}};
  if (*format != lwm2m::Format::Tlv && *format != lwm2m::Format::Json) return {{Status::UnsupportedFormat}, {}};
  lwm2m::Tree tree;
  if (!operation.payload.empty()) {
    auto decoded = lwm2m::content::decode(*format, path, operation.payload, *this);
    if (!decoded) return {{status_of(decoded.error().code)}, {}};
    tree = std::move(*decoded);
  }
  std::vector<lwm2m::InstanceNode> wanted;
  for (const auto& object : tree.objects) {
    if (object.id != path.object()) wrong.insert(Status::BadRequest);
    wanted.insert(wanted.end(), object.instances.begin(), object.instances.end());
  }
  if (wanted.empty()) wanted.emplace_back();
  if (!wrong.empty()) return {wrong, {}};

  const Model before = *this;
  const bool guarded = several_accounts();
  std::vector<Path> made;
  for (auto& given : wanted) {
    Path instance = path.child(given.id.value_or(0));
    while (!given.id && find(path.object())->multiple && instances_.contains(instance)) {
      instance = path.child(static_cast<std::uint16_t>(instance.instance() + 1));
    }
    const bool possible = instance.instance() != 65535 && (find(path.object())->multiple || instance.instance() == 0);
    if (!possible || instances_.contains(instance)) {
      wrong.insert(Status::BadRequest);
      break;
    }
    add(instance);
    made.push_back(instance);
    for (const Path& resource : resources_of(instance)) {
      if (definition(resource)->operations.write) put(resource, {}, false);
    }
    for (auto& node : given.resources) {
      const Path resource = instance.child(node.id);
      if (definition(resource) == nullptr || !definition(resource)->operations.write) continue;
      check(resource, node, wrong);
      put(resource, node, false);
    }
    if (lacks_mandatory(instance)) wrong.insert(Status::BadRequest);
  }
  if (!wrong.empty()) {
    *this = before;
    return {wrong, {}};
  }
  for (const Path& instance : made) {
    if (!guarded) break;
    for (Path stale = guard_of(path.object(), instance.instance()); !stale.is_root();
         stale = guard_of(path.object(), instance.instance())) {
      remove(stale);
    }
    Path guard(kAccess, 0);
    while (instances_.contains(guard)) guard = Path(kAccess, static_cast<std::uint16_t>(guard.instance() + 1));
    add(guard);
    set(guard.child(0).child(0), std::int64_t{path.object()});
    set(guard.child(1).child(0), std::int64_t{instance.instance()});
    set(guard.child(2).child(server), std::int64_t{kFull});
    set(guard.child(3).child(0), std::int64_t{server});
  }
  return {{Status::Created}, {}, made.size() == 1 ? made.front().to_string() : std::string()};
}

Expected Model::erase(const Path& path) {
  if (path.object() == kAccess) {
    const auto object = static_cast<ObjectId>(number(path.child(0).child(0)));
    const auto instance = static_cast<std::uint16_t>(number(path.child(1).child(0)));
    if (instances_.contains(Path(object, instance))) return {{Status::MethodNotAllowed}, {}};
  }
  remove(path);
  return {{Status::Deleted}, {}};
}

}  // namespace drover::property
