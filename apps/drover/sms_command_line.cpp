// SPDX-License-Identifier: Apache-2.0
// What the command line says about SMS.
#include <CLI/CLI.hpp>
#include <memory>

#include "apps/drover/sms.hpp"

namespace drover::cli {

namespace {

using Command = std::function<int(Session&)>;

/// Adds one command below `parent`.
CLI::App* add(CLI::App& parent, Command& chosen, const char* name, const char* help, Command run) {
  CLI::App* const command = parent.add_subcommand(name, help);
  command->callback([&chosen, run = std::move(run)] { chosen = run; });
  return command;
}

void add_number_command(CLI::App& group, Command& chosen, const std::shared_ptr<SmsArguments>& a) {
  CLI::App* const made =
      add(group, chosen, "add", "speak to a device by SMS", [a](Session& s) { return add_number(s, *a); });
  made->add_option("number", a->number, "digits with the country code first, with or without a +")->required();
  made->add_option("endpoint", a->endpoint, "endpoint name of its device, the only one that it may be")->required();
  made->add_option("--protection", a->protection,
                   "packets: secured packets; smartcard: the same, which end on the device's smartcard; dtls: the\n"
                   "device's DTLS credential; none: no security, as far as the server's sms.nosec allows")
      ->check(CLI::IsMember({"packets", "smartcard", "dtls", "none"}))
      ->capture_default_str();
  CLI::Option* const keys =
      made->add_option("--keys-file", a->keys_file,
                       "keys of secured packets, as /0/x/8, in hexadecimal digits, or base64: and Base64; - is\n"
                       "standard input")
          ->type_name("FILE");
  made->add_flag("--generate", a->generate, "let the server make the keys, and print them this once")->excludes(keys);
  made->add_option("--parameters", a->parameters,
                   "of secured packets, as /0/x/7: KIc, KID, SPI and TAR in hexadecimal digits [12121600b20203]")
      ->type_name("HEX");
  made->add_option("--label", a->label, "for people");
  made->add_flag("--disabled", a->disabled, "not to be used before it is enabled");
}

}  // namespace

void add_sms_commands(CLI::App& app, std::function<int(Session&)>& chosen) {
  CLI::App* const group = app.add_subcommand("sms", "the server's SMS carrier, and the numbers of devices");
  group->require_subcommand(1);
  const auto a = std::make_shared<SmsArguments>();
  add(*group, chosen, "status", "whether the carrier is ready, and its counters",
      [](Session& s) { return sms_status(s); });
  CLI::App* const list =
      add(*group, chosen, "list", "all numbers, without keys", [a](Session& s) { return list_numbers(s, *a); });
  list->add_option("--endpoint", a->endpoint, "only those of this endpoint name");
  list->add_option("--limit", a->limit, "at most so many")->check(CLI::PositiveNumber)->capture_default_str();
  CLI::App* const show =
      add(*group, chosen, "show", "one of them", [a](Session& s) { return show_number(s, a->id); });
  add_number_command(*group, chosen, a);
  CLI::App* const on = add(*group, chosen, "enable", "use it again",
                           [a](Session& s) { return enable_number(s, a->id, true); });
  CLI::App* const off = add(*group, chosen, "disable", "send nothing to it, and drop what it sends",
                            [a](Session& s) { return enable_number(s, a->id, false); });
  CLI::App* const gone = add(*group, chosen, "remove", "with its keys and counters; never use the same keys again",
                             [a](Session& s) { return remove_number(s, a->id); });
  for (CLI::App* const command : {show, on, off, gone}) {
    command->add_option("id", a->id, "as in drover sms list; not the number itself")->required();
  }
}

}  // namespace drover::cli
