// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/dry_run.hpp"

#include "bootstrap/sequence.hpp"
#include "lwm2m/content/content.hpp"
#include "lwm2m/mapping/bootstrap.hpp"

namespace drover::bootstrap {
namespace {

class NoChance final : public Rng {
 public:
  std::uint64_t next() override { return 0; }
};

class Definitions final : public lwm2m::content::Definitions {
 public:
  explicit Definitions(const lwm2m::model::Registry& registry) : registry_(registry) {}
  [[nodiscard]] const lwm2m::model::ObjectDefinition* find(lwm2m::ObjectId object) const override {
    return registry_.find(object);
  }

 private:
  const lwm2m::model::Registry& registry_;
};

const char* method_of(const lwm2m::BootstrapOperation& operation) {
  static constexpr const char* kMethods[] = {"GET", "PUT", "DELETE", "POST"};
  return kMethods[operation.index()];
}

std::string text_of(const lwm2m::BootstrapWrite& write, const Definitions& definitions) {
  const auto tree = lwm2m::content::decode(*lwm2m::format_of(*write.format), write.path, write.payload, definitions);
  if (!tree) return "(" + tree.error().reason + ")";
  std::string text;
  for (const auto& object : tree->objects) {
    for (const auto& instance : object.instances) {
      for (const auto& resource : instance.resources) {
        const lwm2m::Path path(object.id, instance.id.value_or(0), resource.id);
        const bool is_key = object.id == 0 && resource.id == 5;
        for (const auto& entry : resource.instances) {
          const auto* opaque = std::get_if<lwm2m::Opaque>(&entry.value);
          std::string value = opaque != nullptr ? to_hex(opaque->bytes) : lwm2m::content::to_text(entry.value);
          // A PSK identity is text in an opaque resource (Core E.1.1).
          if (opaque != nullptr && !opaque->bytes.empty() && is_utf8(as_text(opaque->bytes)) && object.id == 0) {
            value = as_text(opaque->bytes);
          }
          if (is_key && !value.empty()) value = "********";
          if (!text.empty()) text += '\n';
          text += (resource.multiple ? path.child(entry.id) : path).to_string() + " = " + value;
        }
      }
    }
  }
  return text;
}

}  // namespace

Result<std::vector<PlannedMessage>> dry_run(const SharedPlan& plan, std::string_view endpoint,
                                            const lwm2m::model::Registry& registry,
                                            std::optional<lwm2m::FormatNumber> format) {
  NoChance rng;
  const Definitions definitions(registry);
  Sequence sequence(plan, std::string(endpoint), format, rng);
  sequence.pretend_keys();
  lwm2m::BootstrapListing listing;
  listing.entries.push_back({lwm2m::Path(0, 0)});
  for (const lwm2m::Path& path : plan->expect) listing.entries.push_back({path});
  const std::string listed = lwm2m::mapping::format_listing(listing);

  std::vector<PlannedMessage> messages;
  for (;;) {
    auto next = sequence.next();
    if (!next) return tl::unexpected(next.error());
    if (!*next) return messages;
    const lwm2m::BootstrapOperation& operation = (*next)->operation;
    PlannedMessage message;
    message.operation = lwm2m::name_of(operation);
    message.method = method_of(operation);
    const bool finishes = std::holds_alternative<lwm2m::BootstrapFinish>(operation);
    message.path = finishes ? "/bs" : lwm2m::path_of(operation).to_string();
    message.optional = plan->steps[sequence.step()].optional;
    if (std::holds_alternative<lwm2m::BootstrapDiscover>(operation)) message.accept = lwm2m::format::kLink;
    if (const auto* write = std::get_if<lwm2m::BootstrapWrite>(&operation)) {
      message.format = write->format;
      message.payload_hex = to_hex(write->payload);
      message.text = text_of(*write, definitions);
    }
    messages.push_back(std::move(message));
    const bool discovers = std::holds_alternative<lwm2m::BootstrapDiscover>(operation);
    if (auto done = sequence.handle({true, discovers ? "2.05" : "2.04", discovers ? listed : ""}); !done) {
      return tl::unexpected(done.error());
    }
  }
}

}  // namespace drover::bootstrap
