// SPDX-License-Identifier: Apache-2.0
// Terminals for tests: one that plays a recording, and one that stands between a reader and its card.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "smartcard/terminal.hpp"

namespace drover::smartcard {

inline Bytes of_hex(const std::string& digits) {
  const auto bytes = from_hex(digits);
  EXPECT_TRUE(bytes.has_value()) << digits;
  return bytes.value_or(Bytes());
}

/// Commands and answers, in hexadecimal.
using Exchanges = std::vector<std::pair<std::string, std::string>>;

/// Plays commands and answers of a card in their order. Another command fails the test, and gives Kind::Terminal.
class Recording final : public Terminal {
 public:
  explicit Recording(Exchanges exchanges, Bytes atr = {})
      : exchanges_(std::move(exchanges)), atr_(std::move(atr)) {}

  CardResult<Bytes> connect() override {
    ++connections;
    return atr_;
  }
  CardResult<Bytes> transmit(ByteView command) override {
    const std::string wanted = at_ < exchanges_.size() ? exchanges_[at_].first : "nothing more";
    EXPECT_EQ(to_hex(command), wanted) << "command " << at_;
    if (to_hex(command) != wanted) return card_error(CardError::Kind::Terminal, "not as recorded");
    return of_hex(exchanges_[at_++].second);
  }
  void disconnect() override { ++disconnections; }

  [[nodiscard]] bool is_at_end() const { return at_ == exchanges_.size(); }
  unsigned connections = 0, disconnections = 0;

 private:
  Exchanges exchanges_;
  Bytes atr_;
  std::size_t at_ = 0;
};

/// Hands everything on, writes it down, and lets a test meddle with it.
class Meddler final : public Terminal {
 public:
  explicit Meddler(Terminal* card) : card_(card) {}

  /// Instead of the card; nothing: the card is asked. Commands are counted from 0 over all connections.
  std::function<std::optional<CardResult<Bytes>>(std::size_t number, ByteView command)> instead = {};
  /// What the card answered, to be altered.
  std::function<void(std::size_t number, Bytes& answer)> altered = {};
  std::vector<std::string> commands = {}, answers = {};
  unsigned connections = 0, disconnections = 0;

  CardResult<Bytes> connect() override {
    ++connections;
    return card_ != nullptr ? card_->connect() : CardResult<Bytes>(Bytes());
  }
  CardResult<Bytes> transmit(ByteView command) override {
    const std::size_t number = commands.size();
    commands.push_back(to_hex(command));
    answers.emplace_back();
    auto replaced = instead ? instead(number, command) : std::nullopt;
    CardResult<Bytes> answer = replaced ? std::move(*replaced) : card_->transmit(command);
    if (answer && altered) altered(number, *answer);
    if (answer) answers.back() = to_hex(*answer);
    return answer;
  }
  void disconnect() override {
    ++disconnections;
    if (card_ != nullptr) card_->disconnect();
  }
  /// Commands whose octets from the second on begin so: the class is the channel's.
  [[nodiscard]] std::size_t count(const std::string& digits) const {
    std::size_t found = 0;
    for (const std::string& command : commands) found += command.compare(2, digits.size(), digits) == 0 ? 1u : 0u;
    return found;
  }

 private:
  Terminal* card_;
};

}  // namespace drover::smartcard
