// SPDX-License-Identifier: Apache-2.0
// Both roles against each other over a bad link: whatever is lost, repeated or reordered, an exchange ends exactly
// once, a body that arrives is the body that was sent, and a POST isn't executed twice.
#include "tests/lockstep/coap_link.hpp"
#include "tests/lockstep/coap_wire.hpp"

namespace drover::testing {
namespace {

using namespace coap;

struct Job {
  Bytes request;
  Bytes response;
  int executed = 0;
  int ended = 0;
  int failed = 0;
};

/// Jobs go as POST or GET /<number>, answered at once or late, from side 0 to side 1.
class World {
 public:
  World(std::uint64_t seed, const Parameters& parameters, const LinkFaults& faults)
      : pair(parameters, seed, faults, [this](int side, Event event) { take(side, std::move(event)); }) {}

  void start(std::size_t number) {
    Job job;
    const bool get = pair.rng.below(2) == 0;
    if (!get) job.request = test_body(pair.rng.below(5001), number);
    job.response = test_body(pair.rng.below(5001), number * 3 + 1);
    jobs.push_back(std::move(job));
    Options options;
    options.add_uri_path("/" + std::to_string(number));
    RequestSettings settings;
    settings.confirmable = pair.rng.below(5) != 0;
    const ExchangeId id = pair.ends[0].request(
        pair.now, Pair::address(1), {get ? code::kGet : code::kPost, options, jobs.back().request}, settings);
    by_exchange_[id] = number;
    pair.drain();
  }

  void take(int side, Event event) {
    if (const auto* asked = std::get_if<RequestArrived>(&event)) {
      EXPECT_EQ(side, 1);
      const std::size_t number = std::stoul(asked->request.options.uri_path().substr(1));
      Job& job = jobs.at(number);
      EXPECT_EQ(asked->request.payload, job.request);
      if (asked->request.method == code::kPost) ++job.executed;
      pair.ends[1].respond(pair.now, asked->responder, {code::kContent, {}, job.response});
    } else if (const auto* response = std::get_if<ResponseArrived>(&event)) {
      Job& job = jobs.at(by_exchange_.at(response->exchange));
      ++job.ended;
      if (response->response.code == code::kContent) {
        EXPECT_EQ(response->response.payload, job.response);
      } else {
        ++job.failed;  // a NON block was lost: 4.08
      }
    } else if (const auto* failed = std::get_if<RequestFailed>(&event)) {
      Job& job = jobs.at(by_exchange_.at(failed->exchange));
      ++job.ended;
      ++job.failed;
    } else {
      ADD_FAILURE() << "event " << event.index();
    }
  }

  Pair pair;
  std::vector<Job> jobs;

 private:
  std::map<ExchangeId, std::size_t> by_exchange_;
};

int run(std::uint64_t seed) {
  SplitMix choice(seed * 77);
  Parameters parameters;
  parameters.block_szx = static_cast<std::uint8_t>(2 + choice.below(5));
  LinkFaults faults;
  faults.loss_percent = static_cast<std::uint32_t>(choice.below(21));
  faults.repeat_percent = static_cast<std::uint32_t>(choice.below(21));
  faults.delay_max = std::chrono::milliseconds(10 + choice.below(3000));
  World world(seed, parameters, faults);
  for (std::size_t number = 0; number < 6; ++number) {
    world.start(number);
    EXPECT_TRUE(world.pair.run_until(world.pair.now + std::chrono::seconds(choice.below(20))));
  }
  EXPECT_TRUE(world.pair.run_until(world.pair.now + std::chrono::hours(24)));
  int arrived = 0;
  for (const Job& job : world.jobs) {
    EXPECT_EQ(job.ended, 1);
    EXPECT_LE(job.executed, 1);
    if (job.failed == 0) ++arrived;
  }
  for (const stack::Endpoint& end : world.pair.ends) EXPECT_FALSE(end.deadline()) << "something is left behind";
  return arrived;
}

TEST(Pair, EveryExchangeEndsOnceWithTheBodyThatWasSent) {
  int arrived = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    arrived += run(seed);
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(arrived, 200 * 6 / 2);
}

TEST(Pair, ASeedIsReplayedExactly) {
  EXPECT_EQ(run(42), run(42));
}

TEST(Pair, OverAGoodLinkEverythingArrives) {
  Parameters parameters;
  parameters.bodies_max_per_peer = 40;  // all of them are under way at once
  World world(3, parameters, {});
  for (std::size_t number = 0; number < 40; ++number) world.start(number);
  EXPECT_TRUE(world.pair.run_until(world.pair.now + std::chrono::hours(1)));
  for (const Job& job : world.jobs) {
    EXPECT_EQ(job.ended, 1);
    EXPECT_EQ(job.failed, 0);
  }
}

}  // namespace
}  // namespace drover::testing
