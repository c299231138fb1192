// SPDX-License-Identifier: Apache-2.0
#include "apps/device/card_command.hpp"

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "apps/device/device.hpp"
#include "io/card_worker.hpp"
#include "io/definitions.hpp"
#include "io/modem_terminal.hpp"
#include "io/pcsc_terminal.hpp"
#include "lwm2m/content/content.hpp"
#include "sdk/definitions.hpp"
#include "smartcard/bootstrap_file.hpp"

namespace drover::device {

using lwm2m::Path;
namespace pkcs15 = smartcard::pkcs15;

namespace {

/// What a card says may be anything.
std::string printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7F') c = '?';
  }
  return text;
}

std::string path_text(const pkcs15::Path& path) {
  std::string text = to_hex(path.file);
  if (path.index) text += " from octet " + std::to_string(*path.index);
  if (path.length) text += ", " + std::to_string(*path.length) + " octets";
  return text;
}

std::string value_text(const Path& path, const lwm2m::Value& value) {
  const auto* opaque = std::get_if<lwm2m::Opaque>(&value);
  if (opaque != nullptr) return "(" + std::to_string(opaque->bytes.size()) + " bytes)";
  std::string text = lwm2m::content::to_text(value);
  if (is_secret(path)) return "(" + std::to_string(text.size()) + " bytes)";
  return printable(std::move(text));
}

class RegistryDefinitions final : public lwm2m::content::Definitions {
 public:
  explicit RegistryDefinitions(const lwm2m::model::Registry& registry) : registry_(registry) {}
  [[nodiscard]] const lwm2m::model::ObjectDefinition* find(lwm2m::ObjectId object) const override {
    return registry_.find(object);
  }

 private:
  const lwm2m::model::Registry& registry_;
};

void add_instance(const Path& path, const lwm2m::InstanceNode& instance, const lwm2m::model::ObjectDefinition* object,
                  std::vector<std::string>& lines) {
  for (const lwm2m::ResourceNode& resource : instance.resources) {
    const Path at = path.child(resource.id);
    const auto* definition = object == nullptr ? nullptr : object->resource(resource.id);
    for (const auto& entry : resource.instances) {
      const Path where = resource.multiple ? at.child(entry.id) : at;
      lines.push_back("    " + where.to_string() + "  " + (definition == nullptr ? "?" : definition->name) + "  " +
                      value_text(at, entry.value));
    }
  }
}

}  // namespace

std::vector<std::string> describe_card(const smartcard::CardChain& chain) {
  std::vector<std::string> lines;
  const auto line = [&](const char* name, const std::string& text) {
    if (!text.empty()) lines.push_back(std::string(name) + text);
  };
  line("answer to reset   ", to_hex(chain.atr));
  line("ICCID             ", chain.iccid);
  for (const pkcs15::Application& application : chain.applications) {
    line("application       ", to_hex(application.aid) + "  \"" + printable(application.label) + "\"" +
                                   (application.path.empty() ? "" : "  path " + to_hex(application.path)) +
                                   (application.is_pkcs15() ? "  PKCS #15" : ""));
  }
  line("selected          ", to_hex(chain.aid) + (chain.aid.empty() ? "none" : "  on channel " + std::to_string(chain.channel)));
  line("secure channel    ", chain.secured ? "SCP03, level 33" : "none");
  for (const pkcs15::Path& path : chain.dodfs) line("EF(DODF)          ", path_text(path));
  if (chain.object) {
    line("object            ", "\"" + printable(chain.object->label) + "\"  " + to_string(chain.object->form) +
                                   (chain.object->is_private ? "  private" : "") +
                                   (chain.object->is_modifiable ? "  modifiable" : ""));
    line("LwM2M_Bootstrap   ", path_text(chain.object->path) + "  file of " + std::to_string(chain.file_size) +
                                   " octets, " + std::to_string(chain.data_size) + " in use");
  }
  if (chain.pin_tries) line("PIN               ", std::to_string(*chain.pin_tries) + " tries left" + (chain.pin_verified ? ", verified" : ""));
  return lines;
}

Result<std::vector<std::string>> describe_objects(ByteView file, const lwm2m::model::Registry& registry) {
  const auto objects = smartcard::parse_bootstrap_file(file);
  if (!objects) return tl::unexpected(objects.error());
  std::vector<std::string> lines;
  for (const smartcard::CardObject& object : *objects) {
    const auto* definition = registry.find(object.id);
    std::string head = "object " + std::to_string(object.id);
    if (definition != nullptr) head += "  " + definition->name;
    head += object.version ? "  version " + std::to_string(object.version->first) + "." + std::to_string(object.version->second)
                           : "  implicit version";
    lines.push_back(head + ", " + std::to_string(object.instances.size()) + " octets");
    const Path path(object.id);
    const auto tree = lwm2m::content::decode(lwm2m::Format::Tlv, path, object.instances, RegistryDefinitions(registry));
    if (!tree) return tl::unexpected(Error{Fault::Peer, 0, "object " + std::to_string(object.id) + ": " + tree.error().reason});
    for (const auto& node : tree->objects) {
      for (const lwm2m::InstanceNode& instance : node.instances) {
        const Path at(object.id, instance.id.value_or(0));
        lines.push_back("  " + at.to_string());
        add_instance(at, instance, definition, lines);
      }
    }
  }
  return lines;
}

int read_card_command(const CardConfig& config, const std::vector<std::string>& folders) {
  lwm2m::model::Registry registry;
  for (const std::string& folder : folders) {
    if (auto loaded = io::load_definitions(folder, registry); !loaded) {
      std::fprintf(stderr, "drover-device: %s\n", loaded.error().reason.c_str());
      return EXIT_FAILURE;
    }
  }
  sdk::add_built_in_definitions(registry);
  (void)io::complete_definitions(io::definitions_folder("extra"), registry);

  io::EventLoop loop;
  io::SystemRng rng;
  std::unique_ptr<io::CardModem> modem;
  std::unique_ptr<smartcard::Terminal> terminal;
  if (config.modem.empty()) {
    terminal = std::make_unique<io::PcscTerminal>(io::PcscSettings{config.reader});
  } else {
    const auto open = [&] { return io::open_serial_device(config.modem, config.serial); };
    // The modem's carrier would try again and again.
    if (const auto there = open(); !there) {
      std::fprintf(stderr, "drover-device: %s\n", there.error().reason.c_str());
      return EXIT_FAILURE;
    }
    modem = std::make_unique<io::CardModem>(loop, config.sim_pin, open);
    terminal = std::make_unique<io::ModemTerminal>(modem->card());
  }
  smartcard::BootstrapReader reader(*terminal, config.reading, rng);
  std::optional<smartcard::CardResult<smartcard::CardReading>> reading;
  {
    io::CardWorker worker(loop, *terminal);
    worker.run([&](smartcard::Terminal&) { return reader.read(); },
               [&](smartcard::CardResult<smartcard::CardReading> done) {
                 reading = std::move(done);
                 loop.stop();
               });
    loop.run();
  }
  const auto& chain = *reading ? std::optional((*reading)->chain) : reader.chain();
  if (chain) {
    for (const std::string& line : describe_card(*chain)) std::printf("%s\n", line.c_str());
  }
  if (!*reading) {
    std::fprintf(stderr, "drover-device: %s: %s\n", to_string(reading->error().kind), reading->error().reason.c_str());
    return EXIT_FAILURE;
  }
  const auto objects = describe_objects((*reading)->file.reveal(), registry);
  if (!objects) {
    std::fprintf(stderr, "drover-device: %s\n", objects.error().reason.c_str());
    return EXIT_FAILURE;
  }
  for (const std::string& line : *objects) std::printf("%s\n", line.c_str());
  return EXIT_SUCCESS;
}

}  // namespace drover::device
