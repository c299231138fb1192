// SPDX-License-Identifier: Apache-2.0
// One endpoint in virtual time and its peer as lines of a figure.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <variant>

#include "stack/endpoint.hpp"
#include "tests/lockstep/coap_wire.hpp"

namespace drover::testing {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline transport::PeerAddress host(std::uint32_t last, std::uint16_t port = 5683) {
  return transport::PeerAddress::v4(0xC0000200U + last, port);  // 192.0.2.0/24
}

class Lockstep {
 public:
  explicit Lockstep(const coap::Parameters& parameters = {}) : rng_(7), endpoint(parameters, rng_) {}

  /// The peer sends. $m and $t stand for the message id and the token that we sent last.
  void in(std::string line, const transport::PeerAddress& from = host(1)) {
    replace(line, "$m", mid);
    replace(line, "$t", token);
    const Bytes bytes = wire::write(line);
    endpoint.handle_datagram(now, {from, bytes});
  }

  /// We must have sent this next. A word ? (or x=?) matches anything in its place; message id and token are remembered.
  void out(const std::string& line, const transport::PeerAddress& to = host(1)) {
    const auto sent = endpoint.poll_transmit();
    if (!sent) {
      ADD_FAILURE() << "nothing was sent, expected: " << line;
      return;
    }
    EXPECT_EQ(sent->to, to);
    size = sent->bytes.size();
    const std::vector<std::string> words = wire::read(sent->bytes);
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    if (words.size() > 1) mid = words[1];
    if (words.size() > 3 && words[3].starts_with("t=")) token = words[3].substr(2);
    std::string pattern = line;
    replace(pattern, "$m", mid);
    replace(pattern, "$t", token);
    EXPECT_TRUE(matches(pattern, words)) << "sent:     " << text << "\nexpected: " << pattern;
  }

  /// Nothing is sent and nothing happened.
  void quiet() {
    if (const auto sent = endpoint.poll_transmit()) {
      std::string text;
      for (const std::string& word : wire::read(sent->bytes)) text += word + " ";
      ADD_FAILURE() << "sent: " << text;
    }
    if (const auto event = endpoint.poll_event()) ADD_FAILURE() << "event of kind " << event->index();
  }

  template <class E>
  E event() {
    auto next = endpoint.poll_event();
    if (!next || !std::holds_alternative<E>(*next)) {
      ADD_FAILURE() << (next ? "another event: kind " + std::to_string(next->index()) : "no event");
      return E{};
    }
    return std::get<E>(std::move(*next));
  }

  void pass(Duration duration) {
    const Instant end = now + duration;
    for (int step = 0; step < 1000; ++step) {
      const auto deadline = endpoint.deadline();
      if (!deadline || deadline->at > end) break;
      now = std::max(now, deadline->at);
      endpoint.handle_timeout(now);
    }
    now = end;
  }

  coap::ExchangeId ask(coap::Code method, const std::string& options, Bytes payload = {},
                       const coap::RequestSettings& settings = {}) {
    return endpoint.request(now, host(1), {method, options_of(options), std::move(payload)}, settings);
  }
  void answer(coap::ResponderId responder, coap::Code code, const std::string& options = "", Bytes payload = {}) {
    endpoint.respond(now, responder, {code, options_of(options), std::move(payload)});
  }

  static coap::Options options_of(const std::string& words) {
    std::vector<wire::Option> parsed;
    std::istringstream in(words);
    for (std::string word; in >> word;) wire::add_options(word, parsed);
    coap::Options options;
    for (const auto& [number, value] : parsed) options.add(static_cast<std::uint16_t>(number), value);
    return options;
  }

 private:
  static void replace(std::string& text, const std::string& what, const std::string& by) {
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what))
      text.replace(at, what.size(), by);
  }
  static bool matches(const std::string& pattern, const std::vector<std::string>& words) {
    std::vector<std::string> wanted;
    std::istringstream in(pattern);
    for (std::string word; in >> word;) {
      if (word[0] == '\'') {
        std::string rest;
        std::getline(in, rest);
        word += rest;
      }
      wanted.push_back(word);
    }
    if (wanted.size() != words.size()) return false;
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (wanted[i] == words[i] || wanted[i] == "?") continue;
      const std::size_t equals = wanted[i].find("=?");
      if (equals == std::string::npos || words[i].compare(0, equals + 1, wanted[i], 0, equals + 1) != 0) return false;
    }
    return true;
  }

  SplitMix rng_;

 public:
  stack::Endpoint endpoint;
  Instant now{seconds(1000)};
  std::string mid;    ///< of the last message we sent
  std::string token;  ///< of the last message we sent
  std::size_t size = 0;
};

}  // namespace drover::testing
