// SPDX-License-Identifier: Apache-2.0
// What the modem understands.
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>
#include <sstream>
#include <vector>

#include "virtual_modem.hpp"

namespace drover::smsc {

namespace tpdu = sms::tpdu;

namespace {

constexpr unsigned kInvalidIndex = 321;                          // +CMS ERROR (3GPP TS 27.005 §3.2.5)
constexpr unsigned kSimPinWanted = 11, kWrongPassword = 16, kPukWanted = 12, kUnknown = 100;  // +CME (TS 27.007 §9.2)
constexpr unsigned kCmsSimPinWanted = 311;

/// Commands that change nothing, or have one fixed answer ("" for OK alone).
const std::map<std::string, std::string, std::less<>>& fixed() {
  static const std::map<std::string, std::string, std::less<>> all{
      {"", ""},
      {"Z", ""},
      {"&F", ""},
      {"Q0", ""},
      {"V1", ""},
      {"H", ""},
      {"X4", ""},
      {"&C1", ""},
      {"&D2", ""},
      {"S0=0", ""},
      {"+FCLASS=0", ""},
      {"+IFC=0,0", ""},
      {"I", "drover-smsc"},
      {"+GMI", "Drover"},
      {"+CGMI", "Drover"},
      {"+GMM", "PTYMODEM"},
      {"+CGMM", "PTYMODEM"},
      {"+GMR", DROVER_VERSION},
      {"+CGMR", DROVER_VERSION},
      {"+GSN", "490154203237518"},
      {"+CGSN", "490154203237518"},
      {"+CIMI", "001010000000001"},
      {"+CSQ", "+CSQ: 21,0"},
      {"+COPS?", "+COPS: 0,0,\"Drover\""},
      {"+CFUN?", "+CFUN: 1"},
      {"+CFUN=1", ""},
      {"+CSCS?", "+CSCS: \"GSM\""},
      {"+CSCS=?", "+CSCS: (\"GSM\")"},
      {"+CSCS=\"GSM\"", ""},
      {"+CMGF?", "+CMGF: 0"},
      {"+CMGF=?", "+CMGF: (0)"},
      {"+CMGF=0", ""},
      {"+CMEE=?", "+CMEE: (0,1)"},
      {"+CSMS=?", "+CSMS: (0,1)"},
      {"+CNMI=?", "+CNMI: (0,1,2),(0,1,2),(0),(0,1),(0,1)"},
      {"+CPMS=?", "+CPMS: (\"SM\"),(\"SM\"),(\"SM\")"},
      {"+CMGL=?", "+CMGL: (0,1,4)"},
      {"+CMGS=?", ""},
      {"+CREG=?", "+CREG: (0,1)"},
  };
  return all;
}

/// Upper case outside of quotes, without spaces.
std::string normal(std::string_view text) {
  std::string out;
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (!quoted && (c == ' ' || c == '\t')) continue;
    out += quoted ? c : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return out;
}

/// At semicolons outside of quotes (ITU-T V.250 §5.2.1).
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts(1);
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (c == ';' && !quoted) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::string value_of(const std::string& command) {
  const auto equals = command.find('=');
  return equals == std::string::npos ? std::string() : command.substr(equals + 1);
}

std::optional<unsigned> number(std::string_view text) {
  if (text.empty() || text.size() > 4) return std::nullopt;
  unsigned value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value;
}

std::string unquoted(std::string text) {
  std::erase(text, '"');
  return text;
}

}  // namespace

VirtualModem::Answer VirtualModem::cms_error(unsigned code) {
  line(cmee_ == 0 ? "ERROR" : "+CMS ERROR: " + std::to_string(code));
  return Answer::Given;
}

VirtualModem::Answer VirtualModem::cme_error(unsigned code) {
  line(cmee_ == 0 ? "ERROR" : "+CME ERROR: " + std::to_string(code));
  return Answer::Given;
}

void VirtualModem::run(Instant now, const std::string& text) {
  const std::string whole = normal(text);
  if (!whole.starts_with("AT")) return;
  for (const std::string& command : split(whole.substr(2))) {
    switch (run_one(now, command)) {
      case Answer::Ok: break;
      case Answer::Error: cme_error(kUnknown); return;
      case Answer::Given: return;
    }
  }
  line("OK");
}

VirtualModem::Answer VirtualModem::run_one(Instant now, const std::string& command) {
  const auto is = [&command](std::string_view prefix) { return command.starts_with(prefix); };
  const bool locked = !settings_.pin.empty() && !unlocked_;
  if (is("+CPIN")) return enter_pin(command);
  if (locked && (is("+CMG") || is("+CPMS") || is("+CNMI") || is("+CSMS"))) return cms_error(kCmsSimPinWanted);
  if (locked && is("+CIMI")) return cme_error(kSimPinWanted);
  if (const auto found = fixed().find(command); found != fixed().end()) {
    if (!found->second.empty()) line(found->second);
    return Answer::Ok;
  }
  if (is("+CMGS=")) {
    prompt(command);
    return Answer::Given;
  }
  if (is("+CNMA")) return acknowledge(now, command);
  if (is("+CNMI") || is("+CSMS")) return run_routing(now, command);
  if (is("+CMG") || is("+CPMS")) return run_storage(command);
  if (is("+CSIM=") || is("+CCHO=") || is("+CGLA=") || is("+CCHC=")) return run_card(command);
  return run_setting(now, command);
}

VirtualModem::Answer VirtualModem::run_card(const std::string& command) {
  const std::string arguments = value_of(command);
  if (arguments == "?") return Answer::Ok;
  const CardSlot::Answer answer = command.starts_with("+CSIM")   ? card_.pass(arguments)
                                  : command.starts_with("+CCHO") ? card_.open(arguments)
                                  : command.starts_with("+CGLA") ? card_.pass_on_channel(arguments)
                                                                 : card_.close(arguments);
  if (!answer) return cme_error(answer.error());
  if (!answer->empty()) line(*answer);
  return Answer::Ok;
}

VirtualModem::Answer VirtualModem::run_setting(Instant now, const std::string& command) {
  const auto is = [&command](std::string_view prefix) { return command.starts_with(prefix); };
  // "E0V1Q0" and the like: commands of one letter need nothing between them (ITU-T V.250 §5.2.1).
  if (is("E0") || is("E1")) {
    echo_ = command[1] == '1';
    return command.size() == 2 ? Answer::Ok : run_one(now, command.substr(2));
  }
  if (is("&F") || is("Q0") || is("V1") || is("X4")) return run_one(now, command.substr(2));
  if (command == "+CFUN=1,1" || command == "+CFUN=16") {
    line("OK");
    const std::string said = output_;
    reset(now);
    output_ = said + output_;
    return Answer::Given;
  }
  if (is("+CMEE=")) {
    cmee_ = std::min(number(value_of(command)).value_or(0), 1U);
    return Answer::Ok;
  }
  if (command == "+CMEE?") {
    line("+CMEE: " + std::to_string(cmee_));
    return Answer::Ok;
  }
  if (is("+CREG=")) {
    creg_ = std::min(number(value_of(command)).value_or(0), 1U);
    return Answer::Ok;
  }
  if (command == "+CREG?" || command == "+CGREG?" || command == "+CEREG?") {
    const std::string name = command.substr(0, command.size() - 1);
    line(name + ": " + std::to_string(command == "+CREG?" ? creg_ : 0) + (registered_ ? ",1" : ",2"));
    return Answer::Ok;
  }
  if (command == "+CNUM") {
    line("+CNUM: \"\",\"+" + settings_.number + "\",145");
    return Answer::Ok;
  }
  if (is("+CSCA=")) {
    const std::string value = value_of(command);
    service_centre_ = unquoted(value.substr(0, value.find(',')));
    return Answer::Ok;
  }
  if (command == "+CSCA?") {
    line("+CSCA: \"" + service_centre_ + "\",145");
    return Answer::Ok;
  }
  return Answer::Error;
}

VirtualModem::Answer VirtualModem::enter_pin(const std::string& command) {
  const bool locked = !settings_.pin.empty() && !unlocked_;
  if (command == "+CPIN?") {
    line(!locked ? "+CPIN: READY" : pin_tries_ > 0 ? "+CPIN: SIM PIN" : "+CPIN: SIM PUK");
    return Answer::Ok;
  }
  if (command.starts_with("+CPINR")) {
    line("+CPINR: SIM PIN," + std::to_string(pin_tries_) + ",3");
    return Answer::Ok;
  }
  if (!locked || !command.starts_with("+CPIN=")) return Answer::Error;
  if (pin_tries_ == 0) return cme_error(kPukWanted);
  if (unquoted(value_of(command)) != settings_.pin) {
    --pin_tries_;
    return cme_error(kWrongPassword);
  }
  pin_tries_ = 3;
  unlocked_ = true;
  return Answer::Ok;
}

VirtualModem::Answer VirtualModem::run_routing(Instant now, const std::string& command) {
  if (command == "+CSMS=0" || command == "+CSMS=1") {
    csms_ = command.back() == '1' ? 1 : 0;
    line("+CSMS: 1,1,1");
    return Answer::Ok;
  }
  if (command == "+CSMS?") {
    line("+CSMS: " + std::to_string(csms_) + ",1,1,1");
    return Answer::Ok;
  }
  if (command == "+CNMI?") {
    std::string text;
    for (const unsigned value : cnmi_) text += (text.empty() ? "" : ",") + std::to_string(value);
    line("+CNMI: " + text);
    return Answer::Ok;
  }
  if (!command.starts_with("+CNMI=")) return Answer::Error;
  std::istringstream values(value_of(command));
  std::array<unsigned, 5> wanted{};
  std::string value;
  for (std::size_t i = 0; std::getline(values, value, ','); ++i) {
    constexpr std::array<unsigned, 5> kMost{2, 2, 0, 1, 1};
    const auto parsed = number(value);
    if (i >= wanted.size() || !parsed || *parsed > kMost[i]) return Answer::Error;
    wanted[i] = *parsed;
  }
  cnmi_ = wanted;
  line("OK");
  flush(now);
  return Answer::Given;
}

std::string VirtualModem::usage() const {
  return std::to_string(stored_.size()) + "," + std::to_string(settings_.storage);
}

VirtualModem::Answer VirtualModem::run_storage(const std::string& command) {
  const auto is = [&command](std::string_view prefix) { return command.starts_with(prefix); };
  if (is("+CMGL")) return list(command);
  if (is("+CMGR=")) return read(command);
  if (is("+CMGD=")) return remove(command);
  if (command == "+CPMS?") {
    const std::string one = "\"SM\"," + usage();
    line("+CPMS: " + one + "," + one + "," + one);
    return Answer::Ok;
  }
  if (is("+CPMS=") && value_of(command).find_first_not_of("\"SM,") == std::string::npos) {
    line("+CPMS: " + usage() + "," + usage() + "," + usage());
    return Answer::Ok;
  }
  return Answer::Error;
}

VirtualModem::Answer VirtualModem::list(const std::string& command) {
  constexpr unsigned kUnread = 0, kRead = 1, kAll = 4;  // 3GPP TS 27.005 §3.1, <stat>
  const auto wanted = command == "+CMGL" ? std::optional<unsigned>(kUnread) : number(value_of(command));
  if (!wanted || *wanted > kAll) return Answer::Error;
  for (auto& [index, stored] : stored_) {
    const unsigned state = stored.read ? kRead : kUnread;
    if (*wanted != kAll && *wanted != state) continue;
    line("+CMGL: " + std::to_string(index) + "," + std::to_string(state) + ",," + std::to_string(stored.tpdu.size()) +
         "\r\n" + tpdu::to_pdu_text(stored.tpdu));
    stored.read = true;
  }
  return Answer::Ok;
}

VirtualModem::Answer VirtualModem::read(const std::string& command) {
  const auto index = number(value_of(command));
  const auto found = stored_.find(index.value_or(0));
  if (found == stored_.end()) return cms_error(kInvalidIndex);
  Stored& stored = found->second;
  line("+CMGR: " + std::string(stored.read ? "1" : "0") + ",," + std::to_string(stored.tpdu.size()) + "\r\n" +
       tpdu::to_pdu_text(stored.tpdu));
  stored.read = true;
  return Answer::Ok;
}

VirtualModem::Answer VirtualModem::remove(const std::string& command) {
  const std::string value = value_of(command);
  const auto comma = value.find(',');
  const auto index = number(value.substr(0, comma));
  const unsigned flag = comma == std::string::npos ? 0 : number(value.substr(comma + 1)).value_or(0);
  if (flag == 4) {
    stored_.clear();
  } else if (flag != 0) {
    std::erase_if(stored_, [](const auto& each) { return each.second.read; });
  } else if (stored_.erase(index.value_or(0)) == 0) {
    return cms_error(kInvalidIndex);
  }
  return Answer::Ok;
}

}  // namespace drover::smsc
