// SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <functional>
#include <map>

#include "apps/card/description.hpp"
#include "transport/datagram.hpp"

namespace drover::smsc {
namespace {

constexpr std::int64_t kMillisecondsMax = 86'400'000;
constexpr std::int64_t kPermilleMax = 1000;
constexpr std::int64_t kValidityMax = 38'102'400;  // 63 weeks, as TP-VP goes
constexpr std::int64_t kRateMax = 1'000'000;
constexpr std::int64_t kStorageMax = 1000;

tl::unexpected<Error> wrong(std::string reason) { return tl::unexpected(Error{Fault::Us, 0, std::move(reason)}); }

bool is_number(const std::string& text) { return transport::PeerAddress::sms(text).has_value(); }

std::optional<std::int64_t> whole(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (bad != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<void> check_account(const Account& account) {
  const auto too_long = [](const std::string& text, std::size_t max) { return text.empty() || text.size() > max; };
  if (too_long(account.system_id, sms::smpp::kSystemIdMax)) return wrong("an ESME's system_id has 1 to 15 characters");
  if (account.password.reveal().size() > sms::smpp::kPasswordMax) {
    return wrong("an ESME's password has at most 8 characters");
  }
  if (!is_number(account.number)) return wrong("an ESME's number is 1 to 15 digits");
  return {};
}

Result<void> check_modem(const ModemConfig& modem) {
  if (!is_number(modem.settings.number)) return wrong("a modem's number is 1 to 15 digits");
  if (modem.device.empty()) return wrong("a modem needs a device: the path where it is to be found");
  return {};
}

// ---- the file

class File {
 public:
  File(std::string name, Config& config) : name_(std::move(name)), config_(config) {}

  Result<void> read() {
    toml::table parsed;
    try {
      parsed = toml::parse_file(name_);
    } catch (const toml::parse_error& error) {
      const auto line = error.source().begin.line;
      const std::string reason(error.description());
      return line == 0 ? wrong(name_ + ": " + reason) : fail(line, reason);
    }
    return table(parsed, {{"smpp", [this](const toml::node& node) { return listen(node); }},
                                  {"seed", number(config_.seed, 0, INT64_MAX)},
                                  {"network", [this](const toml::node& node) { return network(node); }},
                                  {"esme", each([this](const toml::table& one) { return esme(one); })},
                                  {"modem", each([this](const toml::table& one) { return modem(one); })}});
  }

 private:
  using Setter = std::function<Result<void>(const toml::node&)>;
  using Setters = std::map<std::string_view, Setter>;

  [[nodiscard]] tl::unexpected<Error> fail(std::size_t line, const std::string& reason) const {
    return wrong(name_ + ":" + std::to_string(line) + ": " + reason);
  }
  [[nodiscard]] tl::unexpected<Error> fail(const toml::node& node, const std::string& reason) const {
    return fail(node.source().begin.line, reason);
  }
  Result<void> table(const toml::table& table, const Setters& setters) const {
    for (const auto& [key, node] : table) {
      const auto setter = setters.find(key.str());
      if (setter == setters.end()) return fail(key.source().begin.line, "unknown key " + std::string(key.str()));
      if (auto set = setter->second(node); !set) return set;
    }
    return {};
  }
  Setter text(std::string& to) const {
    return [this, &to](const toml::node& node) -> Result<void> {
      const auto value = node.value_exact<std::string>();
      if (!value) return fail(node, "must be a string");
      to = *value;
      return {};
    };
  }
  template <class T>
  Setter number(T& to, std::int64_t least, std::int64_t most) const {
    return [this, &to, least, most](const toml::node& node) -> Result<void> {
      const auto value = node.value_exact<std::int64_t>();
      if (!value || *value < least || *value > most) {
        return fail(node, "must be a number from " + std::to_string(least) + " to " + std::to_string(most));
      }
      to = static_cast<T>(*value);
      return {};
    };
  }
  template <class Unit>
  Setter duration(Duration& to, std::int64_t most) const {
    return [this, &to, most](const toml::node& node) -> Result<void> {
      std::int64_t value = 0;
      if (auto set = number(value, 0, most)(node); !set) return set;
      to = Unit(value);
      return {};
    };
  }
  Setter each(std::function<Result<void>(const toml::table&)> one) const {
    return [this, one = std::move(one)](const toml::node& node) -> Result<void> {
      const auto* array = node.as_array();
      if (array == nullptr) return fail(node, "must be tables: [[...]]");
      for (const auto& element : *array) {
        if (element.as_table() == nullptr) return fail(element, "must be a table");
        if (auto set = one(*element.as_table()); !set) return set;
      }
      return {};
    };
  }
  Result<void> listen(const toml::node& node) const {
    const auto value = node.value_exact<std::string>();
    if (!value) return fail(node, "smpp must be a string");
    if (const auto set = parse_listen(*value, config_); !set) return fail(node, set.error().reason);
    return {};
  }
  Result<void> delay(const toml::node& node) const {
    Faults& faults = config_.centre.faults;
    const auto* pair = node.as_array();
    if (pair == nullptr) {
      if (auto set = duration<std::chrono::milliseconds>(faults.delay_min, kMillisecondsMax)(node); !set) return set;
      faults.delay_max = faults.delay_min;
      return {};
    }
    if (pair->size() != 2) return fail(node, "delay_ms is a number or [least, most]");
    using std::chrono::milliseconds;
    auto set = duration<milliseconds>(faults.delay_min, kMillisecondsMax)(*pair->get(0));
    if (set) set = duration<milliseconds>(faults.delay_max, kMillisecondsMax)(*pair->get(1));
    if (!set) return set;
    if (faults.delay_max < faults.delay_min) return fail(node, "delay_ms is [least, most]");
    return {};
  }
  Result<void> network(const toml::node& node) {
    if (node.as_table() == nullptr) return fail(node, "network must be a table");
    using std::chrono::milliseconds;
    Faults& faults = config_.centre.faults;
    return table(*node.as_table(),
                 {{"delay_ms", [this](const toml::node& value) { return delay(value); }},
                  {"loss", number(faults.loss, 0, kPermilleMax)},
                  {"duplicate", number(faults.duplicate, 0, kPermilleMax)},
                  {"reorder", number(faults.reorder, 0, kPermilleMax)},
                  {"reorder_ms", duration<milliseconds>(faults.reorder_by, kMillisecondsMax)},
                  {"validity", duration<std::chrono::seconds>(config_.centre.validity, kValidityMax)},
                  {"retry_ms", duration<milliseconds>(config_.centre.retry_after, kMillisecondsMax)},
                  {"submits_per_second", number(config_.sessions.submits_per_second, 0, kRateMax)}});
  }
  Result<void> esme(const toml::table& one) {
    Account account;
    std::string password;
    if (auto set = table(one, {{"system_id", text(account.system_id)},
                               {"password", text(password)},
                               {"number", text(account.number)}});
        !set) {
      return set;
    }
    account.password = Secret<std::string>(std::move(password));
    if (const auto fine = check_account(account); !fine) return fail(one, fine.error().reason);
    config_.accounts.push_back(std::move(account));
    return {};
  }
  Result<void> modem(const toml::table& one) {
    ModemConfig modem;
    std::string card;
    if (auto set = table(one, {{"number", text(modem.settings.number)},
                               {"device", text(modem.device)},
                               {"card", text(card)},
                               {"pin", text(modem.settings.pin)},
                               {"storage", number(modem.settings.storage, 0, kStorageMax)}});
        !set) {
      return set;
    }
    if (const auto fine = check_modem(modem); !fine) return fail(one, fine.error().reason);
    if (!card.empty()) {
      auto read = read_card(std::filesystem::path(name_).parent_path() / card, config_.warnings);
      if (!read) return fail(one, read.error().reason);
      modem.settings.card = std::move(*read);
    }
    config_.modems.push_back(std::move(modem));
    return {};
  }

  std::string name_;
  Config& config_;
};

}  // namespace

Result<void> read_config(const std::string& file, Config& config) { return File(file, config).read(); }

Result<smartcard::uicc::CardImage> read_card(const std::string& file, std::vector<std::string>& warnings) {
  return card::read_description(file, &warnings);
}

Result<void> parse_modem_card(const std::string& text, Config& config) {
  const auto equals = text.find('=');
  if (equals == std::string::npos) return wrong("a modem's card is NUMBER=FILE");
  const std::string number = text.substr(0, equals);
  const auto modem = std::find_if(config.modems.begin(), config.modems.end(),
                                  [&number](const ModemConfig& each) { return each.settings.number == number; });
  if (modem == config.modems.end()) return wrong("no modem has the number \"" + number + "\"");
  auto read = read_card(text.substr(equals + 1), config.warnings);
  if (!read) return tl::unexpected(read.error());
  modem->settings.card = std::move(*read);
  return {};
}

Result<ModemConfig> parse_modem(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos) return wrong("a modem is NUMBER=DEVICE");
  ModemConfig modem;
  modem.settings.number = text.substr(0, equals);
  modem.device = text.substr(equals + 1);
  if (const auto fine = check_modem(modem); !fine) return tl::unexpected(fine.error());
  return modem;
}

Result<Account> parse_account(const std::string& text) {
  const auto first = text.find(':'), last = text.rfind(':');
  if (first == std::string::npos || first == last) return wrong("an ESME is SYSTEM_ID:PASSWORD:NUMBER");
  Account account{text.substr(0, first), Secret<std::string>(text.substr(first + 1, last - first - 1)),
                  text.substr(last + 1), {}};
  if (const auto fine = check_account(account); !fine) return tl::unexpected(fine.error());
  return account;
}

Result<void> parse_delay(const std::string& text, Faults& faults) {
  const auto dash = text.find('-');
  const auto least = whole(text.substr(0, dash));
  const auto most = dash == std::string::npos ? least : whole(text.substr(dash + 1));
  if (!least || !most || *least < 0 || *most < *least || *most > kMillisecondsMax) {
    return wrong("a delay is milliseconds, or LEAST-MOST, up to a day");
  }
  faults.delay_min = std::chrono::milliseconds(*least);
  faults.delay_max = std::chrono::milliseconds(*most);
  return {};
}

Result<void> parse_listen(const std::string& text, Config& config) {
  const auto colon = text.rfind(':');
  const auto port = colon == std::string::npos ? std::nullopt : whole(text.substr(colon + 1));
  if (!port || *port < 0 || *port > 65535) return wrong("\"" + text + "\" isn't HOST:PORT");
  const std::string host = text.substr(0, colon);
  // Passwords and messages travel in the clear, and this is no SMSC for others.
  if (!host.starts_with("127.") || !transport::PeerAddress::parse(host + ":1")) {
    return wrong("\"" + text + "\" isn't an address of loopback, 127.x.x.x");
  }
  config.host = host;
  config.port = static_cast<std::uint16_t>(*port);
  return {};
}

}  // namespace drover::smsc
