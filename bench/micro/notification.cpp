// SPDX-License-Identifier: Apache-2.0
// What one value change costs that one server observes, while so many resources are observed with attributes.
#include <benchmark/benchmark.h>

#include <cassert>
#include <cstdint>
#include <string>
#include <vector>

#include "client/client.hpp"
#include "lwm2m/model/definition.hpp"

namespace drover {
namespace {

using lwm2m::Path;
using std::chrono::seconds;

constexpr client::ServerId kServer = 1;
constexpr lwm2m::ObjectId kSensor = 3303;
constexpr lwm2m::ResourceId kValue = 5700;
constexpr std::int64_t kStride = 7919;  // a prime, so that each sensor has its turn and the caches don't help

lwm2m::model::ResourceDefinition resource(lwm2m::ResourceId id, lwm2m::DataType type) {
  lwm2m::model::ResourceDefinition definition;
  definition.id = id;
  definition.name = std::to_string(id);
  definition.operations.read = definition.operations.write = true;
  definition.type = type;
  return definition;
}

lwm2m::model::ObjectDefinition object(lwm2m::ObjectId id, std::vector<lwm2m::model::ResourceDefinition> resources) {
  lwm2m::model::ObjectDefinition definition;
  definition.id = id;
  definition.name = std::to_string(id);
  definition.multiple = true;
  definition.resources = std::move(resources);
  return definition;
}

lwm2m::model::ObjectDefinition sensor() {
  return object(kSensor, {resource(kValue, lwm2m::DataType::Float)});
}

Path sensor_path(std::int64_t index) {
  return Path(kSensor, static_cast<lwm2m::InstanceId>(index), kValue);
}

/// One sensor after another, each time two steps away from its last value.
class Changes {
 public:
  Changes(std::int64_t observed, std::int64_t changing) : spacing_(observed / changing), changing_(changing) {}
  void next() {
    turn_ = (turn_ + kStride) % changing_;
    if (++count_ % changing_ == 0) value_ = value_ < 100 ? value_ + 2 : 22;
  }
  [[nodiscard]] Path path() const { return sensor_path(turn_ * spacing_); }
  [[nodiscard]] double value() const { return value_; }

 private:
  std::int64_t spacing_;
  std::int64_t changing_;
  std::int64_t turn_ = 0;
  std::int64_t count_ = 0;
  double value_ = 22;
};

/// pmin 0, pmax 46 days, both thresholds and a step: every condition is judged, and each change meets the step.
void add_sensors(client::ObjectTree& tree, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const Path path = sensor_path(i);
    (void)tree.add({}, path.object(), path.instance());
    (void)tree.set({}, path, 20.0);
    const auto changes = client::parse_attributes({"pmin=0", "pmax=4000000", "lt=-50", "gt=120", "st=1"});
    (void)tree.attributes().apply(kServer, path, *changes);
  }
}

enum class Work : std::uint8_t {
  Set,     ///< the tree alone, to be subtracted
  Decide,  ///< a change of one resource, which is judged, found due and told as sent
};

/// The rules alone. `changing` resources change in turn, the others of the observed ones don't.
void notification(benchmark::State& state, Work work) {
  const std::int64_t observed = state.range(0);
  const std::int64_t changing = state.range(1);
  const auto definition = sensor();
  client::ObjectTree tree;
  tree.define(definition);
  add_sensors(tree, observed);
  client::NotificationPolicy policy;
  policy.observations_max = static_cast<std::size_t>(observed);
  client::Notifier notifier(tree, policy);
  Instant now{seconds(1)};
  for (std::int64_t i = 0; i < observed; ++i) {
    notifier.observe(now, {coap::ResponderId{static_cast<std::uint64_t>(i + 1)}, kServer, sensor_path(i), {}});
  }
  while (tree.poll_change()) {
  }
  Changes changes(observed, changing);
  std::int64_t found = 0;
  for (auto _ : state) {
    changes.next();
    now += std::chrono::milliseconds(1);
    (void)tree.set({now, std::nullopt}, changes.path(), changes.value());
    const auto change = tree.poll_change();
    if (work == Work::Set) continue;
    notifier.changed(now, *change);
    while (const auto due = notifier.poll_due(now)) {
      notifier.sent(now, *due);
      ++found;
    }
    benchmark::DoNotOptimize(notifier.deadline());
  }
  assert(work == Work::Set || found == state.iterations());
  (void)found;
}
const std::vector<std::vector<std::int64_t>> kSizes{{1, 1}, {1000, 1}, {10000, 1}, {1000, 1000}, {10000, 10000}};
void sizes(benchmark::internal::Benchmark* one) {
  one->ArgNames({"observed", "changing"});
  for (const auto& size : kSizes) one->Args(size);
}
BENCHMARK_CAPTURE(notification, set, Work::Set)->Apply(sizes);
BENCHMARK_CAPTURE(notification, set_and_decided, Work::Decide)->Apply(sizes);

/// A registered device whose one server observes each of `count` sensors.
class Device {
 public:
  explicit Device(std::int64_t count) : client_(settings(count), rng_) {
    client_.define(security_);
    client_.define(server_);
    client_.define(sensor_);
    [[maybe_unused]] const auto added = client_.add_account(now_, kServer, "coap://192.0.2.1", 86400);
    assert(added);
    client_.settle(now_);
    add_sensors(client_.tree(), count);
    client_.start(now_);
    acknowledge_register();
    for (std::int64_t i = 0; i < count; ++i) observe(i);
    assert(client_.notifier().observations().size() == static_cast<std::size_t>(count));
  }

  void change(const Path& path, double value) {
    now_ += std::chrono::milliseconds(1);
    (void)client_.tree().set({now_, std::nullopt}, path, value);
    client_.settle(now_);
    while (auto transmit = client_.poll_transmit()) {
      bytes_ += transmit->bytes.size();
    }
    benchmark::DoNotOptimize(client_.deadline());
  }
  [[nodiscard]] std::uint64_t notifications() const { return client_.counters().notifications; }

 private:
  static client::ClientSettings settings(std::int64_t count) {
    client::ClientSettings settings;
    settings.endpoint = "bench";
    settings.notification.observations_max = static_cast<std::size_t>(count);
    settings.coap.observations_max_per_peer = static_cast<std::size_t>(count);
    return settings;
  }

  coap::Message sent() {
    const auto transmit = client_.poll_transmit();
    assert(transmit);
    return coap::decode(transmit->bytes).value();
  }
  void receive(const coap::Message& message) { client_.handle_datagram(now_, {kPeer, coap::encode(message)}); }

  void acknowledge_register() {
    coap::Message answer = sent();
    answer.type = coap::Type::Acknowledgement;
    answer.code = coap::code::kCreated;
    answer.options = {};
    answer.payload.clear();
    answer.options.add_location_path("/rd/1");
    receive(answer);
  }

  void observe(std::int64_t index) {
    now_ += std::chrono::milliseconds(1);
    coap::Message request;
    request.code = coap::code::kGet;
    request.id = coap::MessageId{static_cast<std::uint16_t>(index)};
    request.token = coap::Token::of(static_cast<std::uint64_t>(index));
    request.options.set_observe(0);
    request.options.add_uri_path(sensor_path(index).to_string());
    receive(request);
    (void)sent();
  }

  const transport::PeerAddress kPeer = transport::PeerAddress::v4(0xC0000201, 5683);
  SplitMix rng_{1};
  lwm2m::model::ObjectDefinition security_ =
      object(0, {resource(0, lwm2m::DataType::String), resource(1, lwm2m::DataType::Boolean),
                 resource(2, lwm2m::DataType::Integer), resource(10, lwm2m::DataType::Integer)});
  lwm2m::model::ObjectDefinition server_ =
      object(1, {resource(0, lwm2m::DataType::Integer), resource(1, lwm2m::DataType::Integer),
                 resource(6, lwm2m::DataType::Boolean), resource(7, lwm2m::DataType::String)});
  lwm2m::model::ObjectDefinition sensor_ = sensor();
  Instant now_{seconds(1)};
  client::Client client_;
  std::size_t bytes_ = 0;
};

/// The whole way from ObjectTree::set() to the datagram.
void notification_sent(benchmark::State& state) {
  Device device(state.range(0));
  Changes changes(state.range(0), state.range(1));
  const std::uint64_t before = device.notifications();
  for (auto _ : state) {
    changes.next();
    device.change(changes.path(), changes.value());
  }
  assert(device.notifications() - before == static_cast<std::uint64_t>(state.iterations()));
  (void)before;
}
BENCHMARK(notification_sent)->Apply(sizes);

}  // namespace
}  // namespace drover
