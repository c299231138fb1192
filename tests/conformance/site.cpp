// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/site.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "lwm2m/model/ddf.hpp"
#include "tests/lockstep/coap_wire.hpp"

namespace drover::conformance {

namespace wire = drover::testing::wire;
using client::ServerId;

namespace {

/// A test that needs more datagrams at one instant is caught in a loop.
constexpr int kDatagramsMax = 100'000;
/// A client that has more timeouts than this in one pass() is caught in a loop.
constexpr int kTimeoutsMax = 100'000;

class Definitions final : public lwm2m::content::Definitions {
 public:
  [[nodiscard]] const lwm2m::model::ObjectDefinition* find(lwm2m::ObjectId object) const override {
    return definitions().find(object);
  }
};

std::string shown(const Bytes& payload) {
  const bool printable =
      std::all_of(payload.begin(), payload.end(), [](std::uint8_t byte) { return byte >= ' ' && byte <= '~'; });
  return printable ? "'" + std::string(as_text(payload)) + "'" : "#" + to_hex(payload);
}

Message decoded(const Bytes& bytes) {
  Message message;
  message.bytes = bytes;
  std::vector<std::string> words = wire::read(bytes);
  if (!words.empty() && (words.back()[0] == '\'' || words.back()[0] == '[')) {
    const std::string& last = words.back();
    const std::size_t size = last[0] == '[' ? std::stoul(last.substr(1)) : last.size() - 2;
    message.payload.assign(bytes.end() - static_cast<std::ptrdiff_t>(size), bytes.end());
    words.back() = shown(message.payload);
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i == 1) continue;  // the message id
    if (i == 3 && words[i].starts_with("t=")) {
      message.token = words[i].substr(2);
      continue;
    }
    message.line += (message.line.empty() ? "" : " ") + words[i];
  }
  return message;
}

}  // namespace

const lwm2m::model::Registry& definitions() {
  static const lwm2m::model::Registry registry = [] {
    lwm2m::model::Registry loaded;
    const std::filesystem::path root(DROVER_SOURCE_DIR);
    std::vector<std::filesystem::path> files = {root / "tests/data/16.xml", root / "objects/1.1/2.xml"};
    for (const char* folder : {"objects/1.0", "objects/extra"}) {
      for (const auto& entry : std::filesystem::directory_iterator(root / folder)) files.push_back(entry.path());
    }
    for (const auto& file : files) {
      std::ifstream stream(file);
      std::ostringstream text;
      text << stream.rdbuf();
      auto parsed = lwm2m::model::parse_ddf(text.str(), file.string());
      EXPECT_TRUE(parsed) << file;
      for (auto& definition : *parsed) EXPECT_TRUE(loaded.add(std::move(definition))) << file;
    }
    return loaded;
  }();
  return registry;
}

Bytes hex(std::string_view digits) {
  std::string text;
  for (const char c : digits) {
    if (c != ' ') text += c;
  }
  return drover::testing::from_hex(text);
}

Path at(std::string_view path) {
  return Path::parse(path).value();
}

std::string Message::code() const {
  return line.substr(4, line.find(' ', 4) - 4);
}

std::string Message::option(std::string_view name) const {
  std::istringstream words(line);
  for (std::string word; words >> word && word[0] != '\'';) {
    if (word.starts_with(name)) return word;
  }
  return {};
}

// ---- an operation ---------------------------------------------------------------------------------------------------

bool Exchange::is(Status status) const {
  const auto* heard = std::get_if<lwm2m::Outcome>(&outcome);
  return heard != nullptr && heard->status == status;
}

const lwm2m::Outcome& Exchange::answer() const {
  static const lwm2m::Outcome nothing;
  const auto* heard = std::get_if<lwm2m::Outcome>(&outcome);
  if (heard == nullptr) ADD_FAILURE() << "no answer to " << request;
  return heard == nullptr ? nothing : *heard;
}

lwm2m::Tree Exchange::values() const {
  const auto known = answer().format ? lwm2m::format_of(*answer().format) : std::nullopt;
  auto tree = lwm2m::content::decode(known.value_or(lwm2m::Format::Text), path, answer().payload, Definitions());
  if (!known || !tree) {
    ADD_FAILURE() << response << " holds no values: " << (tree ? "no format" : tree.error().reason);
    return {};
  }
  return std::move(*tree);
}

std::optional<Value> Exchange::value(std::string_view resource) const {
  const Path wanted = at(resource);
  const lwm2m::Tree tree = values();
  const auto* node = tree.find(wanted.object(), wanted.instance(), wanted.resource());
  if (node == nullptr || node->instances.size() != 1) return std::nullopt;
  return node->instances.front().value;
}

std::vector<lwm2m::InstanceId> Exchange::instances() const {
  std::vector<lwm2m::InstanceId> ids;
  for (const auto& object : values().objects) {
    for (const auto& instance : object.instances) ids.push_back(instance.id.value_or(lwm2m::kReservedId));
  }
  return ids;
}

std::vector<lwm2m::ResourceNode> Exchange::resources() const {
  lwm2m::Tree tree = values();
  if (tree.objects.empty() || tree.objects.front().instances.empty()) return {};
  return std::move(tree.objects.front().instances.front().resources);
}

// ---- the server -----------------------------------------------------------------------------------------------------

namespace {

server::ShardConfig config_of(server::Policy policy) {
  server::ShardConfig config;
  config.policy = std::move(policy);
  return config;
}

}  // namespace

Server::Server(Site& site, ServerId id, server::Policy policy)
    : rng_(id), site_(site), id_(id), shard_(config_of(std::move(policy)), rng_) {}

transport::PeerAddress Server::address() const {
  return transport::PeerAddress::v4(0xC0000200U + id_, 5683);
}

std::string Server::uri() const {
  return "coap://192.0.2." + std::to_string(id_);
}

Exchange Server::perform(const lwm2m::Downlink& operation) {
  Exchange exchange;
  exchange.path = lwm2m::path_of(operation);
  const std::size_t before = site_.messages_.size();
  const std::uint64_t ticket = ++last_ticket_;
  if (const auto* cancel = std::get_if<lwm2m::CancelObservation>(&operation)) {
    shard_.cancel(site_.now_, server::Ticket{ticket}, site_.configuration_.settings.endpoint, cancel->path,
                  server::CancelMode::Get);
  } else {
    shard_.operate(site_.now_, server::Ticket{ticket}, site_.configuration_.settings.endpoint, operation);
  }
  site_.deliver();
  constexpr int kPatience = 100;  // seconds: MAX_TRANSMIT_WAIT is 93
  for (int waited = 0; !done_.contains(ticket) && waited < kPatience; ++waited) site_.pass(seconds(1));
  if (!done_.contains(ticket)) {
    ADD_FAILURE() << lwm2m::name_of(operation) << " never ended";
    return exchange;
  }
  exchange.outcome = done_.at(ticket);
  // Each block of a body is a request of its own (RFC 7959), to the same path with the same method.
  std::string wanted;
  std::set<std::string> tokens;
  for (std::size_t i = before; i < site_.messages_.size(); ++i) {
    const Message& message = site_.messages_[i];
    if (message.server != id_) continue;
    if (!message.from_client && message.type() == "CON") {
      const std::string target = message.code() + message.option("/");
      if (tokens.empty()) {
        wanted = target;
        exchange.request = message.line;
      }
      if (target == wanted) tokens.insert(message.token);
    }
    if (message.token.empty() || !tokens.contains(message.token)) continue;
    ++exchange.messages;
    if (!message.from_client || message.type() == "NON") continue;
    exchange.response = message.line;
    exchange.payload = message.payload;
  }
  return exchange;
}

Exchange Server::read(std::string_view path, std::optional<lwm2m::FormatNumber> accept) {
  return perform(lwm2m::Read{at(path), accept});
}
Exchange Server::read_bare(std::string_view path) {
  lwm2m::Read read{at(path), {}};
  read.no_accept = true;
  return perform(read);
}
Exchange Server::discover(std::string_view path) {
  return perform(lwm2m::Discover{at(path)});
}
Exchange Server::write(std::string_view path, lwm2m::FormatNumber format, Bytes payload) {
  return perform(lwm2m::Write{at(path), lwm2m::Write::Mode::Replace, format, std::move(payload)});
}
Exchange Server::update(std::string_view path, lwm2m::FormatNumber format, Bytes payload) {
  return perform(lwm2m::Write{at(path), lwm2m::Write::Mode::Update, format, std::move(payload)});
}
Exchange Server::attributes(std::string_view path, std::vector<std::string> attributes) {
  return perform(lwm2m::WriteAttributes{at(path), std::move(attributes)});
}
Exchange Server::execute(std::string_view path, std::string arguments) {
  return perform(lwm2m::Execute{at(path), std::move(arguments)});
}
Exchange Server::create(std::string_view object, lwm2m::FormatNumber format, Bytes payload) {
  return perform(lwm2m::Create{at(object), format, std::move(payload)});
}
Exchange Server::erase(std::string_view instance) {
  return perform(lwm2m::Delete{at(instance)});
}
Exchange Server::observe(std::string_view path, std::optional<lwm2m::FormatNumber> accept) {
  return perform(lwm2m::Observe{at(path), accept});
}

Exchange Server::cancel(std::string_view path, server::CancelMode mode) {
  if (mode == server::CancelMode::Get) return perform(lwm2m::CancelObservation{at(path), {}});
  Exchange exchange;
  exchange.path = at(path);
  const std::uint64_t ticket = ++last_ticket_;
  shard_.cancel(site_.now_, server::Ticket{ticket}, site_.configuration_.settings.endpoint, exchange.path, mode);
  site_.deliver();
  if (done_.contains(ticket)) exchange.outcome = done_.at(ticket);
  return exchange;
}

std::string Server::ask(const std::string& line, std::uint32_t host) {
  shard_.handle_datagram(site_.now_, {transport::PeerAddress::v4(0xC0000200U + host, 5683), wire::write(line)});
  site_.deliver();
  if (site_.heard_by_others_.empty()) return {};
  std::string heard = std::move(site_.heard_by_others_.front());
  site_.heard_by_others_.pop_front();
  return heard;
}

std::optional<server::Event> Server::event(server::EventKind kind) {
  while (!events_.empty()) {
    server::Event next = std::move(events_.front());
    events_.pop_front();
    if (next.kind == kind) return next;
  }
  return std::nullopt;
}

server::DeviceView Server::device(std::string_view endpoint) const {
  auto view = shard_.device(endpoint);
  if (!view) ADD_FAILURE() << endpoint << " isn't registered";
  return std::move(view).value_or(server::DeviceView{});
}

std::vector<server::ObservationView> Server::observations() const {
  return shard_.observations(site_.configuration_.settings.endpoint).value_or(std::vector<server::ObservationView>{});
}

std::string Server::notified(std::string_view path) {
  while (const auto next = event(server::EventKind::Notification)) {
    if (next->path == at(path)) return std::string(as_text(next->outcome->payload));
  }
  return "none";
}

// ---- the site -------------------------------------------------------------------------------------------------------

Site::Site(Configuration configuration) : configuration_(std::move(configuration)) {
  for (const ServerId id : configuration_.servers) {
    servers_.emplace(id, std::make_unique<Server>(*this, id, configuration_.policy));
  }
  client_ = std::make_unique<client::Client>(configuration_.settings, rng_);
  configuration_.factory(*this);
}

void Site::define(lwm2m::ObjectId object, std::vector<lwm2m::ResourceId> supported, client::ObjectBehaviour* behaviour,
                  lwm2m::Version version) {
  const auto* definition = definitions().find(object, version);
  ASSERT_NE(definition, nullptr) << object;
  client_->define(*definition, behaviour, std::move(supported));
}

void Site::account(ServerId id, std::uint32_t lifetime) {
  const auto added = client_->add_account(now_, id, server(id).uri(), lifetime);
  ASSERT_TRUE(added) << added.error().reason;
}

void Site::add(lwm2m::ObjectId object, lwm2m::InstanceId instance) {
  const auto added = client_->tree().add(own(), object, instance);
  ASSERT_TRUE(added) << added.error().reason;
  client_->settle(now_);
  deliver();
}

void Site::set(std::string_view path, Value value) {
  const auto set = client_->tree().set(own(), at(path), std::move(value));
  ASSERT_TRUE(set) << path << ": " << set.error().reason;
  client_->settle(now_);
  deliver();
}

std::optional<Value> Site::get(std::string_view path) const {
  return client_->tree().get({now_, std::nullopt}, at(path));
}

client::AccountView Site::account_view(std::size_t index) const {
  const auto accounts = client_->accounts();
  if (index < accounts.size()) return accounts[index];
  ADD_FAILURE() << "the client has no account " << index;
  return {};
}

void Site::start() {
  client_->start(now_);
  deliver();
}

void Site::stop() {
  client_->stop(now_);
  deliver();
}

void Site::restart() {
  flights_.clear();
  client_events_.clear();
  client_ = std::make_unique<client::Client>(configuration_.settings, rng_);
  configuration_.factory(*this);
  start();
}

void Site::keep(ServerId server, bool from_client, const Bytes& bytes) {
  Message message = decoded(bytes);
  message.when = now_;
  message.server = server;
  message.from_client = from_client;
  messages_.push_back(std::move(message));
}

void Site::drain() {
  while (const auto sent = client_->poll_transmit()) {
    const auto to = std::find_if(servers_.begin(), servers_.end(),
                                 [&](const auto& entry) { return entry.second->address() == sent->to; });
    if (to == servers_.end()) {
      ADD_FAILURE() << "the client sends to " << sent->to.to_string();
      continue;
    }
    keep(to->first, true, sent->bytes);
    if (!cut_[to->first]) flights_.push_back({to->first, false, sent->bytes});
  }
  while (auto event = client_->poll_event()) client_events_.push_back(std::move(*event));
  for (auto& [id, server] : servers_) {
    while (const auto sent = server->shard_.poll_transmit()) {
      if (sent->to != client_address()) {
        heard_by_others_.push_back(decoded(sent->bytes).line);
        continue;
      }
      keep(id, false, sent->bytes);
      if (!cut_[id]) flights_.push_back({id, true, sent->bytes});
    }
    while (auto event = server->shard_.poll_event()) server->events_.push_back(std::move(*event));
    while (auto done = server->shard_.poll_done()) server->done_[done->ticket.value] = std::move(done->result);
  }
}

void Site::collect() {
  drain();
  if (!host) return;
  while (host(*this)) drain();
}

void Site::deliver() {
  collect();
  for (int count = 0; !flights_.empty(); ++count) {
    ASSERT_LT(count, kDatagramsMax) << "client and server don't come to rest";
    const Flight flight = std::move(flights_.front());
    flights_.pop_front();
    if (flight.to_client) {
      client_->handle_datagram(now_, {server(flight.server).address(), flight.bytes});
    } else {
      server(flight.server).shard_.handle_datagram(now_, {client_address(), flight.bytes});
    }
    collect();
  }
}

void Site::pass(Duration time) {
  const Instant end = now_ + time;
  for (int count = 0; count < kTimeoutsMax; ++count) {
    std::optional<Deadline> next = client_->deadline();
    for (const auto& [id, server] : servers_) {
      if (const auto deadline = server->shard_.deadline(); deadline && (!next || deadline->at < next->at)) {
        next = deadline;
      }
    }
    if (!next || next->at > end) {
      now_ = end;
      return;
    }
    now_ = std::max(now_, next->at);
    client_->handle_timeout(now_);
    collect();
    for (const auto& [id, server] : servers_) server->shard_.handle_timeout(now_);
    deliver();
  }
  ADD_FAILURE() << "timeouts without end";
}

std::vector<std::string> Site::sent_by_client(ServerId server) const {
  std::vector<std::string> lines;
  for (const Message& message : messages_) {
    if (message.from_client && message.server == server && message.type() != "ACK") lines.push_back(message.line);
  }
  return lines;
}

std::string Site::first_sent_by_client(ServerId server) const {
  const auto lines = sent_by_client(server);
  return lines.empty() ? "nothing" : lines.front();
}

const Message* Site::from_client(std::string_view code, ServerId server) const {
  for (const Message& message : messages_) {
    if (message.from_client && message.server == server && message.code() == code) return &message;
  }
  return nullptr;
}

std::vector<Message> Site::notifications(ServerId server) const {
  std::vector<Message> found;
  for (const Message& message : messages_) {
    if (message.from_client && message.server == server && message.type() != "ACK" && message.code() == "2.05" &&
        !message.option("obs=").empty()) {
      found.push_back(message);
    }
  }
  return found;
}

}  // namespace drover::conformance
