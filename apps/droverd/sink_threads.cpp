// SPDX-License-Identifier: Apache-2.0
#include "sink_threads.hpp"

#include <algorithm>
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
  Cursor begin{feed.newest(), random_series()};
  if (config.from_oldest) {
    const auto oldest = feed.after(0, 1);
    if (!oldest) return tl::unexpected(oldest.error());
    begin.number = oldest->lost_through;
  }
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

std::vector<SinkThreads::Sink> SinkThreads::list() const {
  const std::lock_guard lock(list_->mutex);
  return list_->sinks;
}

Result<std::shared_ptr<sinks::Runner>> SinkThreads::make(const SinkConfig& config,
                                                         std::optional<Cursor> known) const {
  auto start = known ? Result<Cursor>(*known) : starting_point(config, *feed_, table_.get());
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
  return std::make_shared<sinks::Runner>(std::move(settings), *feed_, table_, std::move(*outlet));
}

Result<void> SinkThreads::open(const std::vector<SinkConfig>& configs, events::Feed& feed,
                               const std::shared_ptr<store::StoreFile>& file) {
  feed_ = &feed;
  table_ = file ? std::make_shared<sinks::CursorTable>(file) : nullptr;
  for (const SinkConfig& config : configs) {
    auto runner = make(config, std::nullopt);
    if (!runner) return tl::unexpected(runner.error());
    list_->sinks.push_back({config, std::move(*runner)});
  }
  feed.subscribe([weak = std::weak_ptr(list_)] {
    const auto list = weak.lock();
    if (!list) return;
    const std::lock_guard lock(list->mutex);
    for (const Sink& sink : list->sinks) sink.runner->wake();
  });
  return {};
}

void SinkThreads::start() {
  for (const Sink& sink : list()) sink.runner->start();
}

void SinkThreads::reload(const std::vector<SinkConfig>& configs) {
  const std::vector<Sink> before = list();
  std::vector<Sink> after, ended = before;
  std::erase_if(ended, [&](const Sink& sink) { return std::ranges::find(configs, sink.config) != configs.end(); });
  // First: where one that is changed has come to is where the next one goes on.
  stop(ended);
  for (const SinkConfig& config : configs) {
    const auto named = std::ranges::find_if(before, [&](const Sink& sink) { return sink.config.name == config.name; });
    if (named != before.end() && named->config == config) {
      after.push_back(*named);
      continue;
    }
    auto runner = make(config, named == before.end() ? std::nullopt : std::optional(named->runner->cursor()));
    if (!runner) {
      io::log::error("a sink can't begin", {{"sink", config.name}, {"why", runner.error().reason}});
      continue;
    }
    (*runner)->start();
    after.push_back({config, std::move(*runner)});
  }
  {
    const std::lock_guard lock(list_->mutex);
    list_->sinks = after;
  }
  // What came between its beginning and its place in the list woke nobody.
  for (const Sink& sink : after) sink.runner->wake();
}

void SinkThreads::stop(const std::vector<Sink>& sinks) {
  // Each may take its time, all together no more than one.
  std::vector<std::thread> stopping;
  stopping.reserve(sinks.size());
  for (const Sink& sink : sinks) stopping.emplace_back([one = sink.runner] { one->stop(); });
  for (std::thread& thread : stopping) thread.join();
}

void SinkThreads::stop() {
  stop(list());
}

std::vector<sinks::SinkView> SinkThreads::all() {
  std::vector<sinks::SinkView> views;
  for (const Sink& sink : list()) views.push_back(sink.runner->view());
  return views;
}

std::shared_ptr<sinks::Runner> SinkThreads::runner(const std::string& name) const {
  for (Sink& sink : list()) {
    if (sink.runner->name() == name) return std::move(sink.runner);
  }
  return nullptr;
}

std::optional<sinks::SinkView> SinkThreads::find(const std::string& name) {
  const auto found = runner(name);
  return found == nullptr ? std::nullopt : std::optional(found->view());
}

bool SinkThreads::test(const std::string& name, std::function<void(std::string)> done) {
  const auto found = runner(name);
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
