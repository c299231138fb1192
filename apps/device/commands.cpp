// SPDX-License-Identifier: Apache-2.0
#include "apps/device/commands.hpp"

#include <algorithm>
#include <chrono>

#include "lwm2m/content/content.hpp"

namespace drover::device {

using client::Context;
using lwm2m::Path;
using Lines = std::vector<std::string>;

namespace {

tl::unexpected<Error> wrong(std::string reason) {
  return tl::unexpected(Error{Fault::Environment, 0, std::move(reason)});
}

Result<Path> path_of(std::string_view text, int depth_min, int depth_max, const char* example) {
  const auto path = Path::parse(text);
  if (path && path->depth() >= depth_min && path->depth() <= depth_max) return *path;
  return wrong("\"" + std::string(text) + "\" isn't a path such as " + example);
}

std::string padded(std::string_view text, std::size_t width) {
  std::string result(text);
  result.resize(std::max(width, result.size()), ' ');
  return result;
}

std::string rights(const lwm2m::model::Operations& operations) {
  return std::string(operations.read ? "R" : "-") + (operations.write ? "W" : "-") + (operations.execute ? "E" : "-");
}

/// Values of peers may hold line feeds, which would break the protocol of lines.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7F') c = '?';
  }
  return text;
}

/// Keys and identities of the Security object never leave the device, not even to its own operator's screen.
std::string shown(const Path& path, const lwm2m::Value& value) {
  const auto* opaque = std::get_if<lwm2m::Opaque>(&value);
  if (path.object() == client::SecurityObject::kObject && opaque != nullptr)
    return "(" + std::to_string(opaque->bytes.size()) + " bytes)";
  std::string text = lwm2m::content::to_text(value);
  if (is_secret(path)) return "(" + std::to_string(text.size()) + " bytes)";
  return one_line(std::move(text));
}

void show_instance(const client::ObjectTree& tree, const Path& path, const Path& filter, Lines& lines) {
  constexpr std::size_t kNameWidth = 30;
  constexpr std::size_t kPathWidth = 18;
  const auto* object = tree.find(path.object());
  for (const lwm2m::ResourceNode& node : tree.values({io::now(), std::nullopt}, path.object(), path.instance())) {
    const Path resource_path = path.child(node.id);
    if (!filter.contains(resource_path)) continue;
    const auto* resource = object->resource(node.id);
    const std::string head = "  " + padded(resource_path.to_string(), kPathWidth) + rights(resource->operations) +
                             "  " + padded(resource->name, kNameWidth) + " ";
    if (!node.multiple) {
      lines.push_back(head + (node.instances.empty() ? "" : shown(resource_path, node.instances[0].value)));
      continue;
    }
    lines.push_back(head + std::to_string(node.instances.size()) + " instances");
    for (const auto& entry : node.instances) {
      lines.push_back("    " + padded(resource_path.child(entry.id).to_string(), kPathWidth + kNameWidth + 4) +
                      shown(resource_path, entry.value));
    }
  }
}

std::string seconds(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(duration).count()) + "s";
}

std::string describe(const client::BootstrapReport& report) {
  using Kind = client::BootstrapReport::Kind;
  switch (report.kind) {
    case Kind::Began: return std::string("bootstrap-began cause=\"") + client::to_string(report.cause) + "\"";
    case Kind::Finished: return "bootstrap-finished";
    case Kind::Failed: break;
  }
  return "bootstrap-failed reason=\"" + one_line(report.reason) + "\"" +
         (report.retry_in > Duration{} ? " retry_in=" + seconds(report.retry_in) : "");
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) return words;
    line.remove_prefix(begin);
    const std::size_t end = std::min(line.find_first_of(" \t\r"), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

}  // namespace

const Commands::Command Commands::kCommands[] = {
    {"help", "help", "this list", 1, 1, &Commands::help},
    {"set", "set PATH VALUE", "sets a resource; makes its instance", 3, 1000, &Commands::set},
    {"unset", "unset PATH", "removes an optional resource or a resource instance", 2, 2, &Commands::unset},
    {"get", "get PATH", "prints a value", 2, 2, &Commands::get},
    {"add", "add /O/I", "makes an object instance", 2, 2, &Commands::add},
    {"remove", "remove /O/I", "removes an object instance", 2, 2, &Commands::remove},
    {"show", "show [PATH]", "the tree, or a part of it", 1, 2, &Commands::show},
    {"status", "status", "the servers and the registrations with them", 1, 1, &Commands::status},
    {"update", "update", "sends an Update now", 1, 1, &Commands::update},
    {"sleep", "sleep", "goes offline for the servers with queue mode, without waiting", 1, 1, &Commands::go_offline},
    {"wake", "wake", "sends an Update where it is offline", 1, 1, &Commands::wake},
    {"register", "register", "registers, after a deregister", 1, 1, &Commands::start},
    {"deregister", "deregister", "de-registers and stays so", 1, 1, &Commands::deregister},
    {"bootstrap", "bootstrap", "asks the bootstrap server for a configuration now", 1, 1, &Commands::bootstrap},
    {"card", "card [look]", "the smartcard; look reads it now", 1, 2, &Commands::card},
    {"rebind", "rebind", "takes another local port and registers from there", 1, 1, &Commands::rebind},
    {"attributes", "attributes PATH", "what each server's Write-Attributes set for a path", 2, 2,
     &Commands::attributes},
    {"observations", "observations", "what servers observe", 1, 1, &Commands::observations},
    {"events", "events on|off", "prints what servers do", 2, 2, &Commands::events},
    {"quit", "quit", "de-registers and ends", 1, 1, &Commands::quit},
};

Result<Lines> Commands::run(std::string_view line, Session& session) {
  if (line.size() > kLineMax) return wrong("the line is longer than " + std::to_string(kLineMax) + " bytes");
  Words words = words_of(line);
  if (words.empty() || words.front().starts_with('#')) return Lines{};
  const auto command = std::find_if(std::begin(kCommands), std::end(kCommands),
                                    [&](const Command& known) { return known.name == words.front(); });
  if (command == std::end(kCommands)) {
    return wrong("unknown command \"" + one_line(std::string(words.front())) + "\"; help lists them");
  }
  if (words.size() < command->words_min || words.size() > command->words_max) {
    return wrong("usage: " + std::string(command->usage));
  }
  if (command->name == "set") {
    // The value is the rest of the line, blanks in it included.
    const auto begin = static_cast<std::size_t>(words[2].data() - line.data());
    const auto end = static_cast<std::size_t>(words.back().data() + words.back().size() - line.data());
    words.resize(3);
    words[2] = line.substr(begin, end - begin);
    if (words[2].size() >= 2 && words[2].front() == '"' && words[2].back() == '"') {
      words[2] = words[2].substr(1, words[2].size() - 2);
    }
  }
  return (this->*command->run)(words, session);
}

Result<Lines> Commands::help(const Words&, Session&) {
  Lines lines;
  for (const Command& command : kCommands) {
    lines.push_back(padded(command.usage, 18) + std::string(command.help));
  }
  return lines;
}

Result<Lines> Commands::set(const Words& words, Session&) {
  const auto path = path_of(words[1], 3, 4, "/3303/0/5700");
  if (!path) return tl::unexpected(path.error());
  auto done = device_.set(*path, std::string(words[2]));
  device_.runtime().flush();
  if (!done) return tl::unexpected(done.error());
  return Lines{};
}

Result<Lines> Commands::unset(const Words& words, Session&) {
  const auto path = path_of(words[1], 3, 4, "/3/0/14 or /3/0/6/1");
  if (!path) return tl::unexpected(path.error());
  auto done = device_.runtime().client().tree().unset({io::now(), std::nullopt}, *path);
  device_.runtime().flush();
  if (!done) return tl::unexpected(done.error());
  return Lines{};
}

Result<Lines> Commands::get(const Words& words, Session&) {
  const auto path = path_of(words[1], 3, 4, "/3303/0/5700");
  if (!path) return tl::unexpected(path.error());
  const auto value = device_.runtime().client().tree().get({io::now(), std::nullopt}, *path);
  if (!value) return wrong(path->to_string() + ": has no value");
  return Lines{shown(*path, *value)};
}

Result<Lines> Commands::add(const Words& words, Session&) {
  const auto path = path_of(words[1], 2, 2, "/3303/1");
  if (!path) return tl::unexpected(path.error());
  auto done = device_.add(path->object(), path->instance());
  device_.runtime().flush();
  if (!done) return tl::unexpected(done.error());
  return Lines{};
}

Result<Lines> Commands::remove(const Words& words, Session&) {
  const auto path = path_of(words[1], 2, 2, "/3303/1");
  if (!path) return tl::unexpected(path.error());
  auto done = device_.runtime().client().tree().remove({io::now(), std::nullopt}, path->object(), path->instance());
  device_.runtime().flush();
  if (!done) return tl::unexpected(done.error());
  return Lines{};
}

Result<Lines> Commands::show(const Words& words, Session&) {
  Path filter;
  if (words.size() == 2) {
    const auto path = path_of(words[1], 0, 3, "/3/0");
    if (!path) return tl::unexpected(path.error());
    filter = *path;
  }
  const client::ObjectTree& tree = device_.runtime().client().tree();
  Lines lines;
  for (const lwm2m::ObjectId id : tree.objects()) {
    const Path object(id);
    if (!object.contains(filter) && !filter.contains(object)) continue;
    lines.push_back(object.to_string() + "  " + tree.find(id)->name);
    for (const lwm2m::InstanceId instance : tree.instances(id)) {
      show_instance(tree, object.child(instance), filter, lines);
    }
  }
  if (lines.empty()) return wrong(filter.to_string() + ": doesn't exist");
  return lines;
}

Result<Lines> Commands::status(const Words&, Session&) {
  Lines lines;
  const client::Client& core = device_.runtime().client();
  for (const client::AccountView& account : core.accounts()) {
    lines.push_back("server " + std::to_string(account.server) + "  " + account.uri + "  " +
                    client::to_string(account.state) + (account.has_association ? "  protected" : "") +
                    (account.location.empty() ? "" : "  /rd/" + account.location) + "  " + account.binding +
                    (account.asleep ? "  asleep" : ""));
  }
  if (const auto account = core.bootstrap_account()) {
    lines.push_back("bootstrap server  " + account->uri + "  " + client::to_string(account->state) +
                    (account->has_association ? "  protected" : ""));
  }
  if (device_.messaging() != nullptr) lines.push_back(device_.messaging()->describe());
  lines.push_back(
      "endpoint " + device_.config().endpoint + "  local port " + std::to_string(device_.runtime().local().port) +
      "  operations " + std::to_string(core.counters().operations) + "  notifications " +
      std::to_string(core.counters().notifications) + "  ignored " + std::to_string(core.counters().ignored));
  return lines;
}

Result<Lines> Commands::update(const Words&, Session&) {
  using State = client::RegistrationState;
  const auto accounts = device_.runtime().client().accounts();
  const bool reachable = std::any_of(accounts.begin(), accounts.end(), [](const client::AccountView& account) {
    return account.state != State::Off && account.state != State::Deregistering && account.state != State::Disabled;
  });
  if (!reachable) return wrong("not registered with any server; register does it");
  device_.runtime().client().update(io::now());
  device_.runtime().flush();
  return Lines{};
}

Result<Lines> Commands::go_offline(const Words&, Session&) {
  client::Client& core = device_.runtime().client();
  core.go_offline(io::now());
  device_.runtime().flush();
  const auto accounts = core.accounts();
  const bool any = std::any_of(accounts.begin(), accounts.end(), [](const auto& account) { return account.asleep; });
  if (any) return Lines{};
  return wrong("no server takes this device for offline now: that needs a binding with Q and a registration with nothing under way");
}

Result<Lines> Commands::wake(const Words&, Session&) {
  device_.runtime().client().wake(io::now());
  device_.runtime().flush();
  return Lines{};
}

Result<Lines> Commands::start(const Words&, Session&) {
  device_.runtime().client().start(io::now());
  device_.runtime().flush();
  return Lines{};
}

Result<Lines> Commands::deregister(const Words&, Session&) {
  device_.runtime().client().stop(io::now());
  device_.runtime().flush();
  return Lines{};
}

Result<Lines> Commands::bootstrap(const Words&, Session&) {
  client::Client& core = device_.runtime().client();
  const bool begins = core.bootstrap(io::now());
  device_.runtime().flush();
  if (begins) return Lines{};
  if (core.bootstrap_account()) return wrong("this device is off; register ends that");
  return wrong("no bootstrap server; give --bootstrap coaps://HOST, or [bootstrap] uri = \"coaps://HOST\" in the file");
}

Result<Lines> Commands::card(const Words& words, Session&) {
  const Card* card = device_.card();
  if (card == nullptr) return wrong("no reader for a smartcard; give [card] reader = \"any\" in the file");
  if (words.size() == 1) return Lines{card->describe()};
  if (words[1] != "look") return wrong("usage: card [look]");
  device_.runtime().client().look_at_card(io::now());
  device_.runtime().flush();
  return Lines{};
}

Result<Lines> Commands::rebind(const Words&, Session&) {
  if (auto done = device_.runtime().rebind(); !done) return tl::unexpected(done.error());
  return Lines{"local port " + std::to_string(device_.runtime().local().port)};
}

Result<Lines> Commands::attributes(const Words& words, Session&) {
  const auto path = path_of(words[1], 1, 3, "/3303/0/5700");
  if (!path) return tl::unexpected(path.error());
  Lines lines;
  const client::Client& core = device_.runtime().client();
  for (const client::AccountView& account : core.accounts()) {
    std::vector<coap::LinkParameter> parameters;
    core.tree().attributes().effective(account.server, *path).append_to(parameters);
    std::string line = "server " + std::to_string(account.server) + " ";
    for (const coap::LinkParameter& parameter : parameters)
      line += " " + parameter.name + "=" + parameter.value.value_or("");
    lines.push_back(std::move(line));
  }
  return lines;
}

Result<Lines> Commands::observations(const Words&, Session&) {
  Lines lines;
  for (const client::Observation& observation : device_.runtime().client().notifier().observations()) {
    lines.push_back("server " + std::to_string(observation.server) + "  " + observation.path.to_string());
  }
  return lines;
}

Result<Lines> Commands::events(const Words& words, Session& session) {
  if (words[1] != "on" && words[1] != "off") return wrong("usage: events on|off");
  session.events = words[1] == "on";
  return Lines{};
}

Result<Lines> Commands::quit(const Words&, Session& session) {
  session.closed = true;
  quit_();
  return Lines{};
}

std::string describe(const client::ClientEvent& event) {
  struct Visitor {
    static std::string server(client::ServerId id) {
      return id == 0 ? " server=bootstrap" : " server=" + std::to_string(id);
    }
    std::string operator()(const client::Asleep& asleep) const { return "asleep" + server(asleep.server); }
    std::string operator()(const client::Awake& awake) const { return "awake" + server(awake.server); }
    std::string operator()(const client::BootstrapChanged& changed) const { return describe(changed.report); }
    std::string operator()(const client::CardWanted&) const { return "card-wanted"; }
    std::string operator()(const client::CardChanged& changed) const {
      return std::string("card-") + client::to_string(changed.report.kind) +
             (changed.report.reason.empty() ? "" : " reason=\"" + one_line(changed.report.reason) + "\"");
    }
    std::string operator()(const client::ResolveWanted& wanted) const { return "resolving" + server(wanted.server); }
    std::string operator()(const client::RegistrationChanged& changed) const {
      using Kind = client::RegistrationReport::Kind;
      const client::RegistrationReport& report = changed.report;
      switch (report.kind) {
        case Kind::Registered: return "registered" + server(changed.server);
        case Kind::Updated: return "updated" + server(changed.server);
        case Kind::Deregistered: return "deregistered" + server(changed.server);
        case Kind::Failed: break;
      }
      return "failed" + server(changed.server) + " reason=\"" + one_line(report.reason) + "\"" +
             (report.retry_in >= std::chrono::seconds(1) ? " retry_in=" + seconds(report.retry_in) : "");
    }
    std::string operator()(const client::Served& served) const {
      return std::string("served") + server(served.server) + " operation=" + served.operation +
             " path=" + served.path.to_string() + " result=\"" + lwm2m::to_string(served.status) + "\"" +
             (served.reason.empty() ? "" : " reason=\"" + served.reason + "\"");
    }
    std::string operator()(const client::ServerChanged& changed) const {
      using Kind = client::Change::Kind;
      const char* what = changed.change.kind == Kind::Created   ? "created"
                         : changed.change.kind == Kind::Deleted ? "deleted"
                                                                : "written";
      return what + (changed.change.server ? server(*changed.change.server) : "") + " path=" + changed.change.path.to_string();
    }
    std::string operator()(const client::Executed& executed) const {
      return "executed" + server(executed.server) + " path=" + executed.path.to_string() + " arguments=\"" +
             one_line(executed.arguments) + "\"";
    }
    std::string operator()(const client::RebootWanted&) const { return "reboot"; }
    std::string operator()(const client::FactoryResetWanted&) const { return "factory-reset"; }
  };
  return std::visit(Visitor{}, event);
}

std::string describe(const coap::Drop& drop) {
  return "dropped address=" + drop.peer.to_string() + " why=\"" + drop.why + "\"";
}

}  // namespace drover::device
