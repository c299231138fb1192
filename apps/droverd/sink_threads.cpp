// SPDX-License-Identifier: Apache-2.0
#include "sink_threads.hpp"

#include <fstream>
#include <thread>
#include <utility>

#include "base/uri.hpp"
#include "io/clock.hpp"
#include "io/log.hpp"
#include "io/secret_file.hpp"
#include "sinks/cursor.hpp"
#include "sinks/mqtt.hpp"
#include "sinks/webhook.hpp"

namespace drover::droverd {

namespace {

using sinks::Cursor;
using Kind = SinkConfig::Kind;

std::string random_series() {
  io::SystemRng rng;
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string series;
  for (int i = 0; i < 16; ++i) series += kHex[rng.below(16)];
  return series;
}

/// Where the sink goes on, or begins; what is new is kept at once, so that a kill before the first delivery skips
/// nothing.
Result<Cursor> starting_point(const SinkConfig& config, events::Feed& feed, sinks::CursorTable* table) {
  if (table != nullptr) {
    const auto kept = table->find(config.name);
    if (!kept) return tl::unexpected(kept.error());
    if (*kept) return **kept;
  }
  const Cursor begin{config.from_oldest ? feed.after(0, 1).lost_through : feed.newest(), random_series()};
  if (table == nullptr) return begin;
  if (auto saved = table->save(config.name, begin, io::unix_now()); !saved) return tl::unexpected(saved.error());
  return begin;
}

struct Secrets {
  Secret<std::string> secret, token, password;
};

Result<Secrets> read_files(const SinkConfig& config) {
  Secrets secrets;
  for (const auto& [file, to] : {std::pair(&config.secret_file, &secrets.secret),
                                 std::pair(&config.token_file, &secrets.token),
                                 std::pair(&config.password_file, &secrets.password)}) {
    auto read = io::read_secret_line(*file);
    if (!read) return tl::unexpected(read.error());
    if (!file->empty() && read->empty()) return tl::unexpected(Error{Fault::Us, 0, *file + ": its first line is empty"});
    *to = std::move(*read);
  }
  if (!config.ca_file.empty() && !std::ifstream(config.ca_file)) {
    return tl::unexpected(Error{Fault::Environment, 0, config.ca_file + ": can't be read"});
  }
  return secrets;
}

Result<std::unique_ptr<sinks::Outlet>> make_outlet(const SinkConfig& config, const std::string& series) {
  auto secrets = read_files(config);
  if (!secrets) return tl::unexpected(secrets.error());
  if (config.kind == Kind::Webhook) {
    sinks::WebhookSettings settings;
    settings.name = config.name;
    settings.series = series;
    settings.url = config.url;
    settings.secret = std::move(secrets->secret);
    settings.token = std::move(secrets->token);
    settings.ca_file = config.ca_file;
    settings.timeout = config.timeout;
    settings.single = config.delivery.batch == 1;
    return sinks::make_webhook(std::move(settings));
  }
  sinks::MqttSettings settings;
  settings.url = config.url;
  settings.client_id = config.client_id;
  settings.topic = config.topic;
  settings.status_topic = config.status_topic;
  settings.username = config.username;
  settings.password = std::move(secrets->password);
  settings.ca_file = config.ca_file;
  settings.timeout = config.timeout;
  settings.in_flight = config.delivery.in_flight;
  return sinks::make_mqtt(std::move(settings));
}

/// Without path and query, which may hold secrets.
std::string target_of(const SinkConfig& config) {
  const auto uri = parse_uri(config.url);
  return uri ? uri->scheme + "://" + uri->authority() : "";
}

}  // namespace

SinkThreads::~SinkThreads() {
  stop();
}

Result<void> SinkThreads::open(const std::vector<SinkConfig>& configs, events::Feed& feed,
                               const std::shared_ptr<store::StoreFile>& file) {
  const auto table = file ? std::make_shared<sinks::CursorTable>(file) : nullptr;
  for (const SinkConfig& config : configs) {
    auto start = starting_point(config, feed, table.get());
    if (!start) return tl::unexpected(start.error());
    auto outlet = make_outlet(config, start->series);
    if (!outlet) {
      return tl::unexpected(Error{outlet.error().fault, 0, "sink \"" + config.name + "\": " + outlet.error().reason});
    }
    sinks::Runner::Settings settings;
    settings.name = config.name;
    settings.kind = config.kind == Kind::Webhook ? "webhook" : "mqtt";
    settings.target = target_of(config);
    settings.delivery = config.delivery;
    settings.start = std::move(*start);
    io::log::info("sink", {{"sink", settings.name}, {"target", settings.target}, {"behind", settings.start.number}});
    runners_->push_back(std::make_unique<sinks::Runner>(std::move(settings), feed, table, std::move(*outlet)));
  }
  if (runners_->empty()) return {};
  feed.subscribe([weak = std::weak_ptr(runners_)] {
    const auto runners = weak.lock();
    if (!runners) return;
    for (const auto& runner : *runners) runner->wake();
  });
  return {};
}

void SinkThreads::start() {
  for (const auto& runner : *runners_) runner->start();
}

void SinkThreads::stop() {
  // Each may take its time, all together no more than one.
  std::vector<std::thread> stopping;
  stopping.reserve(runners_->size());
  for (const auto& runner : *runners_) stopping.emplace_back([one = runner.get()] { one->stop(); });
  for (std::thread& thread : stopping) thread.join();
}

std::vector<sinks::SinkView> SinkThreads::all() {
  std::vector<sinks::SinkView> views;
  for (const auto& runner : *runners_) views.push_back(runner->view());
  return views;
}

sinks::Runner* SinkThreads::runner(const std::string& name) const {
  for (const auto& runner : *runners_) {
    if (runner->name() == name) return runner.get();
  }
  return nullptr;
}

std::optional<sinks::SinkView> SinkThreads::find(const std::string& name) {
  const sinks::Runner* const found = runner(name);
  return found == nullptr ? std::nullopt : std::optional(found->view());
}

bool SinkThreads::test(const std::string& name, std::function<void(std::string)> done) {
  sinks::Runner* const found = runner(name);
  if (found != nullptr) found->test(std::move(done));
  return found != nullptr;
}

Result<void> check_sink_files(const std::vector<SinkConfig>& configs) {
  for (const SinkConfig& config : configs) {
    if (auto made = make_outlet(config, ""); !made) {
      return tl::unexpected(Error{made.error().fault, 0, "sink \"" + config.name + "\": " + made.error().reason});
    }
  }
  return {};
}

}  // namespace drover::droverd
