// SPDX-License-Identifier: Apache-2.0
#include "apps/device/access.hpp"

#include <algorithm>
#include <vector>

#include "client/objects/server_object.hpp"

namespace drover::device {
namespace {

constexpr std::int64_t kShortServerIdMax = 65534;

/// The Short Server IDs of the accounts, in the order of their instances.
std::vector<std::int64_t> accounts(const client::ObjectTree& tree, const client::Context& context) {
  using client::ServerObject;
  std::vector<std::int64_t> ids;
  for (const lwm2m::InstanceId instance : tree.instances(ServerObject::kObject)) {
    const auto value = tree.get(context, lwm2m::Path(ServerObject::kObject, instance, ServerObject::kShortServerId));
    if (const auto* id = value ? std::get_if<std::int64_t>(&*value) : nullptr) ids.push_back(*id);
  }
  return ids;
}

}  // namespace

void read_access(Section section, AccessConfig& config) {
  if (const auto owner = section.number("owner", 1, kShortServerIdMax)) {
    config.owner = static_cast<std::uint16_t>(*owner);
    config.line = section.line("owner");
  }
  if (const auto letters = section.text("others")) {
    const auto rights = client::rights::parse(*letters);
    if (!rights) {
      section.refuse("others",
                     "others takes letters of R (read, observe), W (write), E (execute) and D (delete), "
                     "such as \"RW\", or \"\" for none");
    }
    config.others = *rights;
  }
  if (const auto create = section.truth("create")) config.create = *create;
  section.finish();
}

Result<void> apply_access(client::ObjectTree& tree, const client::Context& context, const AccessConfig& config) {
  if (!tree.access().has_several_servers()) return {};
  const auto ids = accounts(tree, context);
  const std::int64_t owner = config.owner ? *config.owner : ids.front();
  if (std::find(ids.begin(), ids.end(), owner) == ids.end()) {
    return tl::unexpected(
        Error{Fault::Environment, 0, "owner: no server has the id " + std::to_string(owner) + "; give one of theirs"});
  }
  return client::provision(tree, context, {static_cast<client::ServerId>(owner), config.others, config.create});
}

}  // namespace drover::device
