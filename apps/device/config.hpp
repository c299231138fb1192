// SPDX-License-Identifier: Apache-2.0
// What a device is told at its start: a TOML file, overridden by options.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/device/access.hpp"
#include "apps/device/bootstrap.hpp"
#include "apps/device/card.hpp"
#include "apps/device/firmware.hpp"
#include "apps/device/machine.hpp"
#include "apps/device/messaging.hpp"
#include "apps/device/script.hpp"
#include "apps/device/state.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "client/notifier.hpp"
#include "client/security_values.hpp"
#include "coap/parameters.hpp"
#include "lwm2m/data/path.hpp"
#include "transport/datagram.hpp"

namespace drover::device {

struct ServerEntry {
  std::string uri;
  std::uint16_t id = 0;                   ///< Short Server ID; 0: the first, from 1, that no other server has
  std::optional<std::uint32_t> lifetime;  ///< seconds; nothing: Config::lifetime
  std::size_t line = 0;
  std::optional<client::SecurityValues> security{};  ///< nothing: Config::security where the URI is coaps
  std::string binding{};      ///< "": Config::binding
  client::SmsValues sms{};    ///< resources 6 to 9 of the Security object
};

/// A value as the text form of its type (Core Appendix C).
struct ValueEntry {
  lwm2m::Path path;
  std::string text;
  std::size_t line = 0;
};

struct Config {
  std::string file;  ///< for messages; "" without one
  std::string endpoint = "urn:dev:os:drover-device";
  std::vector<ServerEntry> servers;                ///< may be none beside a bootstrap server
  std::optional<client::SecurityValues> security;  ///< of the servers without their own, that of bootstrap included
  std::vector<std::string> key_files;              ///< that the keys came from
  std::string key_log;  ///< file for the keys of associations, to decrypt captures with; "" for none
  std::uint32_t lifetime = 86400;
  std::string bind;           ///< "ADDRESS:PORT"; "" lets the system choose
  std::size_t bind_line = 0;  ///< in the file; 0: not from there
  std::string root;           ///< alternate path
  std::string version = "1.0";
  std::string binding = "U";  ///< of the servers without their own (Core Table 8)
  SmsConfig sms;
  client::QueueSettings queue;
  std::vector<std::string> objects;    ///< folders of definitions besides the shipped ones
  std::vector<std::uint16_t> support;  ///< objects shown although they have no instance
  std::vector<ValueEntry> values;
  std::vector<ScriptEntry> scripts;
  std::string control;  ///< path of the control socket; "" for none
  bool events = true;
  bool drops = false;  ///< wrong packets are events, too
  bool exit_on_eof = false;
  bool exit_on_reboot = false;  ///< instead of starting anew in place
  coap::Parameters coap;
  client::NotificationPolicy notification;
  AccessConfig access;
  BootstrapConfig bootstrap;
  CardConfig card;
  FirmwareConfig firmware;
  MachineConfig machine;
  StateConfig state;
};

/// Reads a configuration file into `config`. The error reads "FILE:LINE: what is wrong; what to write instead".
Result<void> read_config(const std::string& file, Config& config);
/// As read_config() for text that is in memory; `file` is for messages and as the base of relative folders.
Result<void> parse_config(std::string_view text, const std::string& file, Config& config);

/// The local address; an error for anything but "" and ADDRESS:PORT.
Result<transport::PeerAddress> parse_bind(const std::string& text);

/// What protects the account at `uri`, whose own keys are `own`.
client::SecurityValues security_of(const Config& config, const std::string& uri,
                                   const std::optional<client::SecurityValues>& own);
/// There is a server, and what is said about the bootstrap server goes with the rest: its keys are no other server's
/// (Core §5.2.5), and it can be called only where others can find this device.
Result<void> check_servers(const Config& config);

/// Gives each server without an id one.
void assign_ids(std::vector<ServerEntry>& servers);

}  // namespace drover::device
