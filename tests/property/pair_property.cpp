// SPDX-License-Identifier: Apache-2.0
// One to three servers and a client, each whole with its stack, in virtual time: what an application of a server hears
// and what the device then holds are what the model says.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <sstream>

#include "client/client.hpp"
#include "lwm2m/model/ddf.hpp"
#include "lwm2m/model/registry.hpp"
#include "server/shard.hpp"
#include "tests/property/scenario.hpp"
#include "tests/property/tapes.hpp"

namespace drover::property {
namespace {

namespace format = lwm2m::format;
using std::chrono::seconds;

const lwm2m::model::Registry& shipped() {
  static const lwm2m::model::Registry registry = [] {
    lwm2m::model::Registry loaded;
    for (const char* object : {"0", "1", "2", "3"}) {
      std::ifstream stream(std::string(DROVER_SOURCE_DIR "/objects/1.0/") + object + ".xml");
      std::ostringstream text;
      text << stream.rdbuf();
      auto definitions = lwm2m::model::parse_ddf(text.str(), object).value();
      for (auto& definition : definitions) EXPECT_TRUE(loaded.add(std::move(definition)));
    }
    return loaded;
  }();
  return registry;
}

const transport::PeerAddress kDeviceAddress = transport::PeerAddress::v4(0xC0000264U, 40000);  // 192.0.2.100

client::ClientSettings settings() {
  client::ClientSettings settings;
  settings.endpoint = "property";
  settings.coap.requests_max_per_peer = 64;
  return settings;
}

server::ShardConfig shard_config() {
  server::ShardConfig config;
  config.policy.always_accept = false;
  return config;
}

class World {
 public:
  explicit World(Scenario& scenario) : client_rng_(1), client_(settings(), client_rng_) {
    for (const auto* definition : shipped().all()) client_.define(*definition);
    RC_ASSERT(client_.tree().add({now_, {}}, 3, 0).has_value());
    for (const ServerId id : scenario.servers()) {
      const auto number = static_cast<std::uint32_t>(hosts_.size() + 1);
      hosts_.push_back(std::make_unique<Host>(id, transport::PeerAddress::v4(0xC0000200U + number, 5683)));
      const std::string uri = "coap://" + hosts_.back()->address.to_string();
      RC_ASSERT(client_.add_account(now_, id, uri, 86400).has_value());
    }
    scenario.populate(client_.tree());
    client_.start(now_);
    pump();
    for (const auto& host : hosts_) RC_ASSERT(host->shard.has("property"));
  }

  client::ObjectTree& tree() { return client_.tree(); }
  void settle() {
    client_.settle(now_);
    pump();
  }

  /// Nothing where the server doesn't even send it.
  std::optional<lwm2m::Outcome> ask(const ServerAsks& asks) {
    now_ += seconds(1);
    pass_time();
    const auto host = std::find_if(hosts_.begin(), hosts_.end(), [&](const auto& h) { return h->id == asks.server; });
    const server::Ticket ticket{++tickets_};
    (*host)->shard.operate(now_, ticket, "property", asks.operation);
    pump();
    const auto done = (*host)->shard.poll_done();
    RC_ASSERT(done.has_value());
    RC_ASSERT(done->ticket == ticket);
    if (const auto* outcome = std::get_if<lwm2m::Outcome>(&done->result)) return *outcome;
    RC_ASSERT(std::get<server::NoAnswer>(done->result) == server::NoAnswer::Refused);
    return std::nullopt;
  }

 private:
  struct Host {
    Host(ServerId server, const transport::PeerAddress& at)
        : id(server), address(at), rng(server), shard(shard_config(), rng) {}
    ServerId id;
    transport::PeerAddress address;
    SplitMix rng;
    server::Shard shard;
  };

  /// Carries datagrams until nobody sends any more.
  void pump() {
    constexpr int kDatagramsMax = 10'000;  // an operation takes a dozen; more is a storm
    int carried = 0;
    for (bool busy = true; busy;) {
      busy = false;
      while (const auto sent = client_.poll_transmit()) {
        busy = true;
        RC_ASSERT(++carried < kDatagramsMax);
        for (const auto& host : hosts_) {
          if (host->address == sent->to) host->shard.handle_datagram(now_, {kDeviceAddress, sent->bytes});
        }
      }
      for (const auto& host : hosts_) {
        while (const auto sent = host->shard.poll_transmit()) {
          busy = true;
          RC_ASSERT(++carried < kDatagramsMax);
          client_.handle_datagram(now_, {host->address, sent->bytes});
        }
        while (host->shard.poll_event() || host->shard.poll_mail()) {
        }
      }
      while (client_.poll_event()) {
      }
    }
  }

  void pass_time() {
    if (const auto due = client_.deadline(); due && due->at <= now_) client_.handle_timeout(now_);
    for (const auto& host : hosts_) {
      if (const auto due = host->shard.deadline(); due && due->at <= now_) host->shard.handle_timeout(now_);
    }
    pump();
  }

  SplitMix client_rng_;
  client::Client client_;
  std::vector<std::unique_ptr<Host>> hosts_;
  Instant now_{seconds(1000)};
  std::uint64_t tickets_ = 0;
};

/// What the operation is once it is a CoAP request: a POST on a resource doesn't say which of two it was.
lwm2m::Downlink on_the_wire(const lwm2m::Downlink& operation, const Model& model) {
  const Path path = lwm2m::path_of(operation);
  const auto* known = path.is_resource() ? model.definition(path) : nullptr;
  const bool writable = known != nullptr && known->operations.write;
  if (const auto* execute = std::get_if<lwm2m::Execute>(&operation)) {
    if (!writable || execute->arguments.empty()) return operation;
    return lwm2m::Write{path, lwm2m::Write::Mode::Update, format::kText, to_bytes(execute->arguments)};
  }
  const auto* write = std::get_if<lwm2m::Write>(&operation);
  if (write == nullptr || write->mode == lwm2m::Write::Mode::Replace) return operation;
  if (path.is_instance() && !write->format && write->payload.empty()) return lwm2m::Execute{path, {}};
  const bool text = !write->format || write->format == format::kText || write->format == format::kDraftText;
  if (!path.is_resource() || !text || (writable && write->format)) return operation;
  return lwm2m::Execute{path, std::string(as_text(write->payload))};
}

void take(World& world, Model& model, const Step& step) {
  if (const auto* own = std::get_if<OwnAdd>(&step)) {
    (void)world.tree().add({}, own->instance.object(), own->instance.instance());
    model.add(own->instance);
    world.settle();
  } else if (const auto* gone = std::get_if<OwnRemove>(&step)) {
    (void)world.tree().remove({}, gone->instance.object(), gone->instance.instance());
    model.remove(gone->instance);
    world.settle();
  } else if (const auto* set = std::get_if<OwnSet>(&step)) {
    (void)world.tree().set({}, set->resource_instance, set->value);
    model.set(set->resource_instance, set->value);
    world.settle();
  } else {
    const auto& asks = std::get<ServerAsks>(step);
    // Ends what this server observes, which the model doesn't know; a Read is the same but for that.
    if (std::holds_alternative<lwm2m::CancelObservation>(asks.operation)) return;
    const auto outcome = world.ask(asks);
    if (!outcome) return;
    const Expected expected = model.perform(asks.server, on_the_wire(asks.operation, model));
    if (const auto wrong = difference(expected, *outcome)) RC_FAIL(describe(step) + ": " + *wrong);
  }
}

void hold(const Tape& setup, const std::vector<Tape>& tapes) {
  Scenario scenario{Choices(setup)};
  World world(scenario);
  Model model(world.tree());
  const std::vector<lwm2m::ObjectId> objects = {20, 20, 20, 21, 21, 21, 22, 22, 22, 2, 2, 2, 0, 99};
  for (const Tape& tape : tapes) {
    const Step step = next_step(Choices(tape), scenario.servers(), objects, model);
    RC_LOG() << describe(step) << '\n';
    take(world, model, step);
    if (const auto wrong = difference(model.lines(), lines_of(world.tree()))) RC_FAIL(describe(step) + ": " + *wrong);
  }
}

TEST(ClientAndServerProperty, AnApplicationHearsWhatTheModelOfTheEnablerSays) {
  EXPECT_TRUE(check_tapes("servers, client and model agree", hold));
}

}  // namespace
}  // namespace drover::property
