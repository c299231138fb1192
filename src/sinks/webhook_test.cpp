// SPDX-License-Identifier: Apache-2.0
// Webhooks against a server in this process that behaves as the test says.
#include "sinks/webhook.hpp"

#include <gtest/gtest.h>
#include <httplib.h>

#include <condition_variable>
#include <deque>
#include <future>

#include "sinks/runner.hpp"
#include "sinks/signature.hpp"
#include "sinks/test_feed.hpp"
#include "store/store_file.hpp"

namespace drover::sinks {
namespace {

using namespace std::chrono_literals;

/// Answers with the statuses that were laid out, then with 200.
class Receiver {
 public:
  Receiver() {
    server_.Post("/hook", [this](const httplib::Request& request, httplib::Response& response) {
      take(request, response);
    });
    server_.Post("/elsewhere", [this](const httplib::Request&, httplib::Response&) { redirected_ = true; });
    server_.set_keep_alive_timeout(1);
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~Receiver() {
    release();
    server_.stop();
    thread_.join();
  }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/hook?key=s3cret"; }
  void next_answers(std::deque<int> statuses, std::string retry_after = {}) {
    const std::lock_guard lock(mutex_);
    statuses_ = std::move(statuses);
    retry_after_ = std::move(retry_after);
  }
  /// Requests wait from now on until release().
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void release() {
    {
      const std::lock_guard lock(mutex_);
      held_ = false;
    }
    changed_.notify_all();
  }
  bool has(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s, [&] { return requests_.size() >= count; });
  }
  httplib::Request request(std::size_t index) {
    const std::lock_guard lock(mutex_);
    return requests_.at(index);
  }
  [[nodiscard]] bool redirected() const { return redirected_; }

 private:
  void take(const httplib::Request& request, httplib::Response& response) {
    std::unique_lock lock(mutex_);
    requests_.push_back(request);
    changed_.notify_all();
    changed_.wait_for(lock, 20s, [this] { return !held_; });
    response.status = 200;
    if (statuses_.empty()) return;
    response.status = statuses_.front();
    statuses_.pop_front();
    if (!retry_after_.empty()) response.set_header("Retry-After", retry_after_);
    if (response.status == 307) response.set_header("Location", "/elsewhere");
    // Larger than what is read of an answer.
    if (response.status == 299) response.set_content(std::string(4 * kAnswerMax, 'x'), "text/plain");
  }

  httplib::Server server_;
  int port_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<httplib::Request> requests_;
  std::deque<int> statuses_;
  std::string retry_after_;
  bool held_ = false;
  std::atomic<bool> redirected_ = false;
  std::thread thread_;
};

class WebhookTest : public ::testing::Test {
 protected:
  Runner& open(WebhookSettings settings, DeliverySettings delivery = quick()) {
    settings.name = "hook";
    settings.series = "0123456789abcdef";
    settings.single = delivery.batch == 1;
    auto outlet = make_webhook(std::move(settings));
    EXPECT_TRUE(outlet) << (outlet ? "" : outlet.error().reason);
    runner_ = std::make_unique<Runner>(Runner::Settings{.name = "hook", .kind = "webhook", .target = "t", .delivery = std::move(delivery)},
                                       feed_, nullptr, std::move(*outlet));
    runner_->start();
    return *runner_;
  }
  static DeliverySettings quick() { return {.retry_min = 1ms, .retry_max = 2ms}; }
  /// Once `what` holds for the sink's state; fails after ten seconds.
  bool becomes(const std::function<bool(const SinkView&)>& what) {
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (std::chrono::steady_clock::now() < until) {
      if (what(runner_->view())) return true;
      std::this_thread::yield();
    }
    return false;
  }
  bool delivers(std::uint64_t count) {
    return becomes([count](const SinkView& view) { return view.delivered >= count; });
  }

  test::TestFeed feed_;
  Receiver receiver_;
  std::unique_ptr<Runner> runner_;
};

TEST_F(WebhookTest, PostsSignedBatches) {
  feed_.add("a");
  feed_.add("b", "expired");
  open({.url = receiver_.url(), .secret = Secret<std::string>("whsec"), .token = Secret<std::string>("tok")});
  ASSERT_TRUE(delivers(2));
  const auto request = receiver_.request(0);
  EXPECT_EQ(request.body,
            R"({"events":[{"number":1,"kind":"updated","endpoint":"a"},{"number":2,"kind":"expired","endpoint":"b"}]})");
  EXPECT_EQ(request.get_header_value("Content-Type"), "application/json");
  EXPECT_EQ(request.get_header_value("X-Drover-Sink"), "hook");
  EXPECT_EQ(request.get_header_value("X-Drover-Delivery"), "0123456789abcdef-1-2");
  EXPECT_EQ(request.get_header_value("Authorization"), "Bearer tok");
  EXPECT_EQ(request.get_param_value("key"), "s3cret");
  const std::string signature = request.get_header_value("X-Drover-Signature");
  const UnixSeconds at = std::stoll(signature.substr(2));
  EXPECT_NEAR(static_cast<double>(at), static_cast<double>(io::unix_now()), 60);
  EXPECT_EQ(signature, signature_of("whsec", at, request.body));
  EXPECT_EQ(runner_->view().connected, true);
}

TEST_F(WebhookTest, OrSingleEventsWithoutASignature) {
  feed_.add("a");
  feed_.add("b");
  open({.url = receiver_.url()}, {.batch = 1});
  ASSERT_TRUE(delivers(2));
  EXPECT_EQ(receiver_.request(1).body, R"({"number":2,"kind":"updated","endpoint":"b"})");
  EXPECT_EQ(receiver_.request(1).get_header_value("X-Drover-Delivery"), "0123456789abcdef-2-2");
  EXPECT_FALSE(receiver_.request(1).has_header("X-Drover-Signature"));
  EXPECT_FALSE(receiver_.request(1).has_header("Authorization"));
}

TEST_F(WebhookTest, TriesAgainUnderTheSameIdUntilItIsTaken) {
  receiver_.next_answers({500, 503, 408, 425, 429, 307});
  feed_.add("a");
  open({.url = receiver_.url()});
  ASSERT_TRUE(delivers(1));
  EXPECT_EQ(runner_->view().retries, 6u);
  EXPECT_EQ(runner_->view().refused, 0u);
  for (std::size_t i = 0; i <= 6; ++i) {
    EXPECT_EQ(receiver_.request(i).get_header_value("X-Drover-Delivery"), "0123456789abcdef-1-1");
  }
  EXPECT_FALSE(receiver_.redirected());
  EXPECT_EQ(runner_->view().last_error, "the receiver answers 307");
}

TEST_F(WebhookTest, HeedsRetryAfter) {
  receiver_.next_answers({429}, "1000");
  feed_.add("a");
  open({.url = receiver_.url()});
  ASSERT_TRUE(becomes([](const SinkView& view) { return view.retry_at.has_value(); }));
  EXPECT_NEAR(static_cast<double>(*runner_->view().retry_at), static_cast<double>(io::unix_now() + 1000), 5);
  EXPECT_EQ(runner_->view().last_error, "the receiver answers 429");
  EXPECT_EQ(runner_->view().connected, false);
  runner_->stop();
  EXPECT_EQ(runner_->view().delivered, 0u);
}

TEST_F(WebhookTest, ReadsSecondsAndDatesInRetryAfter) {
  EXPECT_EQ(parse_retry_after("120", 0), Duration(120s));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784111777 - 60), Duration(60s));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784111777 + 60), Duration(0s));
  for (const char* wrong : {"", "-1", "1.5", "soon", "Sun, 06 Nov 1994", "99999999999999999999"}) {
    EXPECT_EQ(parse_retry_after(wrong, 0), std::nullopt) << wrong;
  }
}

TEST_F(WebhookTest, SkipsWhatIsGoneWhenToldSo) {
  receiver_.next_answers({410, 410, 410});
  feed_.add("a");
  feed_.add("b");
  auto delivery = quick();
  delivery.on_refused = OnRefused::Skip;
  open({.url = receiver_.url()}, delivery);
  ASSERT_TRUE(becomes([](const SinkView& view) { return view.failed == 2; }));
  EXPECT_EQ(runner_->view().refused, 3u) << "both together, then each by itself";
  feed_.add("c");
  runner_->wake();
  EXPECT_TRUE(delivers(1));
}

TEST_F(WebhookTest, IsHeldUpByARefusalOtherwise) {
  receiver_.next_answers({410});
  feed_.add("a");
  open({.url = receiver_.url()}, {.retry_min = 1h, .retry_max = 1h});
  ASSERT_TRUE(becomes([](const SinkView& view) { return view.refused == 1; }));
  EXPECT_EQ(runner_->view().connected, false);
  EXPECT_EQ(runner_->view().failed, 0u);
  EXPECT_EQ(runner_->view().lag_events, 1u);
}

TEST_F(WebhookTest, AnAnswerWithoutEndCountsByItsStatus) {
  receiver_.next_answers({299});
  feed_.add("a");
  open({.url = receiver_.url()});
  EXPECT_TRUE(delivers(1));
  EXPECT_EQ(runner_->view().retries, 0u);
}

TEST_F(WebhookTest, ASlowReceiverIsGivenUpAndAskedAgain) {
  receiver_.hold();
  feed_.add("a");
  open({.url = receiver_.url(), .timeout = 1s});
  ASSERT_TRUE(receiver_.has(2));
  EXPECT_EQ(runner_->view().last_error, "no answer in time, or the connection was lost");
  receiver_.release();
  EXPECT_TRUE(delivers(1));
}

TEST_F(WebhookTest, StopsWhileAReceiverHoldsIt) {
  receiver_.hold();
  feed_.add("a");
  open({.url = receiver_.url(), .timeout = 300s});
  ASSERT_TRUE(receiver_.has(1));
  const auto begin = std::chrono::steady_clock::now();
  runner_->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
  EXPECT_EQ(runner_->view().delivered, 0u);
}

/// Takes a connection and cuts it without an answer.
TEST_F(WebhookTest, AConnectionThatIsDroppedIsMadeAgain) {
  httplib::Server server;
  std::atomic<int> seen = 0;
  server.Post("/hook", [&](const httplib::Request&, httplib::Response& response) {
    if (++seen > 1) return;
    response.set_content_provider(100, "text/plain", [](std::size_t, std::size_t, httplib::DataSink&) { return false; });
    response.status = 500;
  });
  server.set_keep_alive_timeout(1);
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread thread([&] { server.listen_after_bind(); });
  feed_.add("a");
  open({.url = "http://127.0.0.1:" + std::to_string(port) + "/hook"});
  EXPECT_TRUE(delivers(1));
  EXPECT_EQ(runner_->view().retries, 1u);
  runner_->stop();
  server.stop();
  thread.join();
}

TEST_F(WebhookTest, NobodyThereIsSaidSoWithoutThePath) {
  feed_.add("a");
  open({.url = "http://127.0.0.1:1/hook?key=s3cret"});
  ASSERT_TRUE(becomes([](const SinkView& view) { return view.retries > 2; }));
  const std::string error = runner_->view().last_error;
  EXPECT_EQ(error, "the host is unknown, refuses the connection, or doesn't answer");
}

TEST_F(WebhookTest, UrlsAreChecked) {
  for (const char* wrong : {"", "ftp://x/", "mqtt://x", "http://user:pass@x/", "http://", "x"}) {
    EXPECT_FALSE(make_webhook({.name = "x", .series = "x", .url = wrong})) << wrong;
  }
}

}  // namespace
}  // namespace drover::sinks
